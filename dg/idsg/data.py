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


@dataclass(frozen=True)
class Part:
    """Row numbers of a part of a joint batch, and what the joint batch says about its masked means."""

    rows: Batch
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
        team.parts(self.shown, settings.accumulate, "idsg")  # refuse before the first step

    def draw(self, step: int) -> list[Part]:
        """This process's parts of the joint batch of a step."""
        batch, accumulate = self._batch_of(step), self.s.accumulate
        parts = self.team.world * accumulate
        known, compared = int(self._known(batch).sum()), int(self._compared(batch).sum())
        return [
            Part(rows, share_of(known, parts), share_of(compared, parts), compared > 0)
            for rows in self.team.parts(batch, accumulate, "idsg")
        ]

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
            s_s=put(self._subject[rows.source]),
            s_r=put(self._subject[rows.reference]),
            known=put(self._known(rows)),
            compared=put(self._compared(rows)),
            known_share=part.known_share,
            compared_share=part.compared_share,
            vls=part.vls,
        )
