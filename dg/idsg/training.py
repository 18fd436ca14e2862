"""Trains the IDSG: eq. (7) for G_l, eqs. (2) and (5) for D_l and C_l; self phase, then cross phase."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dg.checkpoints import fill, load_checkpoint
from dg.errors import DgError
from dg.idsg.networks import Idsg, landmark_discriminator, subject_classifier
from dg.idsg.objectives import GeneratorLosses, JudgeLosses, Pairs
from dg.idsg.samples import draw_samples
from dg.shards import FaceSet
from dg.training.compiling import compile_networks
from dg.training.loop import Trainer
from dg.training.pairs import Batch, PairSampler
from dg.training.step import Step
from dg.training.team import Team, joined, share_of

SIZES_DIFFER = (
    "Give --init the result of a self phase on the same people, with the same landmark_dims and the same face codes."
)


def train_idsg(
    settings: dict[str, Any],
    folders: list[Path],
    out: Path,
    init: Path | None,
    state: Path,
    inputs: dict[str, str] | None = None,
) -> None:
    """Train one phase and write the checkpoint `out`.

    The self phase pairs two pictures of one subject (l_t = l_r there, so eq. (3) would fight eq. (6) and counts only
    with vls_pairs: all); the cross phase starts from the self phase's result and takes references of other subjects.
    Started by torchrun, the processes share each batch and rank 0 writes.

    Args:
        settings: see dg.settings._idsg.
        folders: prepared data sets; their training parts are used.
        init: checkpoint of the self phase, for the cross phase.
        state: folder of the resume state.
        inputs: digests of the data and of `init` by path, for the card.

    Raises:
        DgError: too little data, no face codes, an `init` of other sizes, a batch that can't be divided, or a loss that
            is not finite.
    """
    with joined() as team:
        _train(settings, folders, out, init, state, inputs or {}, team)


def _train(
    settings: dict[str, Any],
    folders: list[Path],
    out: Path,
    init: Path | None,
    state: Path,
    inputs: dict[str, str],
    team: Team,
) -> None:
    faces = FaceSet(folders, split="train")
    if faces.codes.shape[1] == 0:
        raise DgError(f"{[str(f) for f in folders]}: no face codes. Run the identity step first.")
    sampler = PairSampler(faces.table, settings["batch"], settings["seed"])
    torch.manual_seed(settings["seed"])
    dims = settings["landmark_dims"]
    nets = {
        "idsg": Idsg(dims, faces.codes.shape[1]),
        "landmark_discriminator": landmark_discriminator(dims),
        "subject_classifier": subject_classifier(dims, len(sampler.subjects)),
    }
    if init is not None:
        tensors = load_checkpoint(init)
        for name, net in nets.items():
            fill(net, name, tensors, init, SIZES_DIFFER)
    nets = {name: net.to(team.device) for name, net in nets.items()}
    judges = [nets["landmark_discriminator"], nets["subject_classifier"]]
    options = {"lr": settings["lr"], "betas": tuple(settings["betas"]), "foreach": True}
    optimisers = {
        "generator": torch.optim.Adam(nets["idsg"].parameters(), **options),
        "judges": torch.optim.Adam([p for net in judges for p in net.parameters()], **options),
    }
    trainer = Trainer(nets, optimisers, ["idsg"], settings["ema"], settings["seed"], out, state, team)
    if settings["compile"]:
        compile_networks([nets["idsg"].landmark_encoder, nets["idsg"].landmark_decoder, *judges])
    generator = GeneratorLosses(settings, nets["idsg"], *judges).to(team.device)
    update = Step(generator, JudgeLosses(settings, *judges), optimisers, team)
    data = Data(settings, faces, sampler, team)

    def step(_: int, parts: list[_Part]) -> dict[str, torch.Tensor]:
        return update([data.pairs(nets["idsg"], part) for part in parts])

    def sample(_: int, path: Path) -> None:
        draw_samples(trainer.averages["idsg"], data, path)

    trainer.run(settings["steps"], data.draw, step, sample, f"IDSG {settings['phase']}")
    sizes = {"landmark_dims": dims, "face_code": faces.codes.shape[1]}
    trainer.save(settings, {"sizes": sizes, "subjects": sampler.subjects, "inputs": inputs})


@dataclass(frozen=True)
class _Part:
    """Row numbers of a part of a joint batch, and what the joint batch says about its masked means."""

    rows: Batch
    known_share: float
    counts_share: float
    vls: bool


class Data:
    """The training table as tensors, and the pairs that sample pictures show."""

    def __init__(self, settings: dict[str, Any], faces: FaceSet, sampler: PairSampler, team: Team) -> None:
        self.s, self.team = settings, team
        self.points = torch.from_numpy(faces.points.copy()).to(team.device)
        self.visible = torch.from_numpy(faces.visible.copy()).to(team.device)
        self.codes = torch.from_numpy(faces.codes.copy()).to(team.device)
        self.subject = torch.from_numpy(sampler.subject).to(team.device)
        self._batch_of = sampler.self_batch if settings["phase"] == "self" else sampler.cross_batch
        self._subject = sampler.subject
        self.shown = sampler.cross_batch(-1 % 2**31)
        team.parts(self.shown, settings["accumulate"], "idsg")  # refuse before the first step

    def draw(self, step: int) -> list[_Part]:
        """This process's parts of the joint batch of a step."""
        batch, accumulate = self._batch_of(step), self.s["accumulate"]
        parts = self.team.world * accumulate
        known, counting = int(self._known(batch).sum()), int(self._counts(batch).sum())
        return [
            _Part(rows, share_of(known, parts), share_of(counting, parts), counting > 0)
            for rows in self.team.parts(batch, accumulate, "idsg")
        ]

    def _known(self, batch: Batch) -> np.ndarray:
        """(B,) bool: the pairs whose lhat_t eq. (6) holds to l_t."""
        known = batch.target >= 0
        if self.s["localisation"] == "known":
            return known
        return known & (self._subject[batch.source] == self._subject[batch.reference])

    def _counts(self, batch: Batch) -> np.ndarray:
        """(B,) bool: the pairs that count in eq. (3)."""
        if self.s["vls_pairs"] == "all":
            return np.ones(len(batch.source), bool)
        return self._subject[batch.source] != self._subject[batch.reference]

    def pairs(self, idsg: Idsg, part: _Part) -> Pairs:
        """The tensors of a part."""
        device, rows = self.team.device, part.rows
        source, reference, target = (torch.from_numpy(x).to(device) for x in (rows.source, rows.reference, rows.target))
        return Pairs(
            l_r=idsg.flat(self.points[reference]),
            l_t=idsg.flat(self.points[target.clamp_min(0)]),
            visible=self.visible[reference],
            r_s=self.codes[source],
            r_r=self.codes[reference],
            s_s=self.subject[source],
            s_r=self.subject[reference],
            known=torch.from_numpy(self._known(rows)).to(device),
            counts=torch.from_numpy(self._counts(rows)).to(device),
            known_share=part.known_share,
            counts_share=part.counts_share,
            vls=part.vls,
        )
