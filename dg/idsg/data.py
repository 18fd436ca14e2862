"""What a step of the IDSG's training sees: landmarks, face codes, and which pairs count in which loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dg.idsg.networks import Idsg
from dg.idsg.objectives import Pairs
from dg.shards import FaceSet
from dg.steps.idsg import IdsgSettings
from dg.training.pairs import Batch, PairSampler
from dg.training.team import Team, share_of

AVERAGED = 4096
"""Pictures whose codes a mean is made of; a data set of a million lies on disk."""


@dataclass(frozen=True)
class Part:
    """Row numbers of a part of a joint batch, and what the joint batch says about its masked means.

    Attributes:
        nobody: (b, code) codes that are nobody's; None where no loss asks for them.
    """

    rows: Batch
    nobody: np.ndarray | None
    known_share: float
    compared_share: float
    vls: bool


class Data:
    """The training faces, of which each step reads its rows, and the pairs that sample pictures show."""

    def __init__(self, settings: IdsgSettings, faces: FaceSet, sampler: PairSampler, team: Team) -> None:
        self.s, self.faces, self.team = settings, faces, team
        self._batch_of = sampler.self_batch if settings.phase == "self" else sampler.cross_batch
        self._subject = sampler.subject
        self.shown = sampler.cross_batch(-1 % 2**31)
        team.slices(len(self.shown.source), settings.accumulate, "idsg")  # refuse before the first step

    def draw(self, step: int) -> list[Part]:
        """This process's parts of the joint batch of a step."""
        batch, accumulate = self._batch_of(step), self.s.accumulate
        parts = self.team.world * accumulate
        known, compared = int(self._known(batch).sum()), int(self._compared(batch).sum())
        mixed = self._mixed(step, len(batch.source)) if self.s.lambda_keep else None
        return [
            Part(
                batch.rows(part),
                None if mixed is None else self._number_of_each(mixed[part]),
                share_of(known, parts),
                share_of(compared, parts),
                compared > 0,
            )
            for part in self.team.slices(len(batch.source), accumulate, "idsg")
        ]

    def _mixed(self, step: int, pairs: int) -> np.ndarray:
        """Rows (B, code), one for each number of a code that is spread as people's are and no person's."""
        faces, length = self.faces.codes.shape
        return np.random.default_rng([self.s.seed, 2, step]).integers(faces, size=(pairs, length))

    def _number_of_each(self, rows: np.ndarray) -> np.ndarray:
        """(b, code): the k-th number of row `rows[:, k]`'s code."""
        numbers = np.arange(rows.shape[1])
        return self.faces.codes[rows][:, numbers, numbers]

    def mean_code(self) -> np.ndarray:
        """(code,) mean face code of the pictures, of some thousands where there are more."""
        codes = self.faces.codes
        return codes[np.linspace(0, len(codes) - 1, min(len(codes), AVERAGED), dtype=int)].mean(0)

    def _known(self, batch: Batch) -> np.ndarray:
        """(B,) bool: the pairs whose lhat_t eq. (6) holds to l_t."""
        known = batch.target >= 0
        if self.s.localisation == "known":
            return known
        return known & (self._subject[batch.source] == self._subject[batch.reference])

    def _compared(self, batch: Batch) -> np.ndarray:
        """(B,) bool: the pairs whose shapes eq. (3) compares."""
        if self.s.vls_pairs == "all":
            return np.ones(len(batch.source), bool)
        return self._subject[batch.source] != self._subject[batch.reference]

    def pairs(self, idsg: Idsg, part: Part) -> Pairs:
        """The tensors of a part."""
        rows, faces, put = part.rows, self.faces, self.team.put
        return Pairs(
            l_r=idsg.flat(put(faces.points[rows.reference])),
            l_t=idsg.flat(put(faces.points[rows.target.clip(0)])),
            visible=put(faces.visible[rows.reference]),
            r_s=put(faces.codes[rows.source]),
            r_r=put(faces.codes[rows.reference]),
            r_n=None if part.nobody is None else put(part.nobody),
            s_s=put(self._subject[rows.source]),
            s_r=put(self._subject[rows.reference]),
            known=put(self._known(rows)),
            compared=put(self._compared(rows)),
            known_share=part.known_share,
            compared_share=part.compared_share,
            vls=part.vls,
        )
