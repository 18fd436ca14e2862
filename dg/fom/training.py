"""Trains a First Order Motion Model by the loop that trains DG's networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from dg.checkpoints import fill, load_checkpoint
from dg.fom.data import Data, Part
from dg.fom.model import FILE
from dg.fom.networks import Fom
from dg.fom.objectives import FomLosses
from dg.fom.perceptual import Pyramid
from dg.fom.samples import draw_samples
from dg.fom.settings import BETAS, FomSettings
from dg.sizes.fom import fom_sizes
from dg.training.loop import Trainer
from dg.training.step import weighted
from dg.training.team import Team
from dg.weights import bundled

BUNDLED = "fom-synthface"


def train_fom(settings: FomSettings, data: Data, out: Path, state: Path, team: Team, facts: dict[str, Any]) -> None:
    """Train and write the checkpoint `out`/fom.safetensors with its card, losses and samples beside it.

    Started by torchrun, the processes share each batch and rank 0 writes; BatchNorm's statistics are of the whole batch
    on GPUs, of each process's part on CPUs.

    Args:
        state: folder of the resume state.
        facts: for the card.

    Raises:
        DgError: a loss that is not finite, or bundled weights for pictures of another size.
    """
    torch.manual_seed(settings.seed)
    fom = Fom(fom_sizes(settings.size))
    if settings.bundled:
        path = bundled(BUNDLED)
        fill(fom, "ema_fom", load_checkpoint(path), path, "Train from random weights: --init scratch.")
    if team.world > 1 and team.device.type == "cuda":
        fom = nn.SyncBatchNorm.convert_sync_batchnorm(fom)
    fom = fom.to(team.device, memory_format=torch.channels_last)
    pyramid = Pyramid().to(team.device, memory_format=torch.channels_last)
    losses = team.wrap(FomLosses(fom, pyramid, team.device))
    optimiser = torch.optim.Adam(fom.parameters(), settings.lr(0), BETAS, foreach=True)
    trainer = Trainer({"fom": fom}, {"fom": optimiser}, ["fom"], settings.ema, settings.seed, out / FILE, state, team)

    def step(index: int, part: Part) -> dict[str, torch.Tensor]:
        for group in optimiser.param_groups:
            group["lr"] = settings.lr(index)
        terms = losses(data.pairs(part))
        total = weighted(terms)
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        optimiser.step()
        return {name: value.detach() for name, (_, value) in terms.items()} | {"total": total.detach()}

    def sample(_: int, path: Path) -> None:
        draw_samples(trainer.averages["fom"], data.shown, path)

    trainer.run(settings.steps, data.draw, step, sample, "FOM", threads=2)
    trainer.save(settings, {"sizes": fom.sizes.model_dump(), "pictures": settings.pictures} | facts)
