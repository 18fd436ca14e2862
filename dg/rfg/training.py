"""Trains the RFG: G_f and E_s against D_f and D_s; self phase, then cross phase."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

from dg.checkpoints import fill, load_checkpoint
from dg.rfg.data import Data, Driver, Faces, Part
from dg.rfg.model import Rfg
from dg.rfg.networks import Trunk
from dg.rfg.objectives import R1_EVERY, GeneratorLosses, JudgeLosses, judge_channels
from dg.rfg.samples import draw_samples
from dg.shards import FaceSet
from dg.steps.rfg import RfgLearning, RfgSettings
from dg.training.compiling import compile_networks
from dg.training.loop import Trainer
from dg.training.pairs import FrameSampler, PairSampler
from dg.training.step import Step
from dg.training.team import Team, joined
from dg.weights import bundled

SIZES_DIFFER = "Give --init a checkpoint of these sizes, or --settings with the sizes in its card."


def train_rfg(
    settings: RfgSettings,
    folders: list[Path],
    out: Path,
    init: Path | None,
    idsg: Driver | None,
    state: Path,
    inputs: dict[str, str] | None = None,
) -> None:
    """Train one phase and write the checkpoint `out`.

    Self phase: source and reference are two pictures of one person, the true landmarks l_t drive G_f. Cross phase:
    starts from the self phase's result; half of each batch keeps to one person (the only pairs with ground truth in
    video sets), the other half takes references of other people through the IDSG. Started by torchrun, the processes
    share each batch and rank 0 writes.

    Args:
        folders: prepared data sets; their training parts are used.
        init: checkpoint of the self phase, for the cross phase.
        idsg: the IDSG of the cross phase, frozen, for the cross phase.
        state: folder of the resume state.
        inputs: digests of the data and of the checkpoints by path, for the card.

    Raises:
        DgError: too little data, weights of another size, a batch that can't be divided, or a loss that is not finite.
    """
    with joined() as team:
        faces = FaceSet(folders, split="train")
        sampler = PairSampler(faces.labels, settings.batch, settings.seed)
        training = RfgTraining(settings, faces, sampler, idsg, team)
        if init is not None:
            training.start_from(init)
        elif settings.init:
            training.start_from(
                bundled("rfg-synthface"),
                mend="Set scales.<scale>.rfg.init: scratch in params.yaml, or take the sizes in the weights' card.",
            )
        training.run(out, state, settings.ema, f"RFG {settings.phase}", {"inputs": inputs or {}})


class RfgTraining:
    """The RFG with its judges, optimisers and data.

    Attributes:
        nets: rfg, face_discriminator and, with lambda_ds, shape_discriminator.
        data: draws the batches.
    """

    def __init__(
        self,
        settings: RfgLearning,
        faces: Faces,
        sampler: PairSampler | FrameSampler,
        idsg: Driver | None,
        team: Team,
    ) -> None:
        """Random weights from the seed; `idsg`: drives pairs of different subjects, in the cross phase."""
        self.s, self.team = settings, team
        torch.manual_seed(settings.seed)
        widths = settings.size, settings.channels, settings.max_channels
        nets: dict[str, torch.nn.Module] = {
            "rfg": Rfg(settings.sizes),
            "face_discriminator": Trunk(widths[0], judge_channels(settings), *widths[1:], 1),
        }
        if settings.lambda_ds:
            nets["shape_discriminator"] = Trunk(widths[0], 1, *widths[1:], 1)
        self.nets = {name: net.to(team.device, memory_format=torch.channels_last) for name, net in nets.items()}
        options = {"lr": settings.lr, "betas": settings.betas, "foreach": True}
        judges = [net for name, net in self.nets.items() if name != "rfg"]
        self.optimisers = {
            "generator": torch.optim.Adam(self.nets["rfg"].parameters(), **options),
            "judges": torch.optim.Adam([p for net in judges for p in net.parameters()], **options),
        }
        if settings.compile:
            compile_networks([self.nets["rfg"].generator, self.nets["rfg"].style_encoder, *judges])
        self.data = Data(settings, faces, sampler, idsg, team)
        self._update = Step(
            GeneratorLosses(settings, self.nets, team.device),
            JudgeLosses(settings, self.nets, team.device),
            self.optimisers,
            team,
        )

    def start_from(self, path: Path, tested: bool = False, mend: str = SIZES_DIFFER) -> None:
        """Take the weights of a checkpoint; a discriminator that isn't stored, or sees other channels, starts afresh.

        Args:
            tested: take the RFG's moving averages, what testing uses, in place of the trained weights.
            mend: what to do where the sizes differ, a sentence.

        Raises:
            DgError: missing or damaged checkpoint, no RFG in it, or networks of other sizes.
        """
        tensors = load_checkpoint(path)
        stored = {name.split(".")[0] for name in tensors}
        for name, net in self.nets.items():
            # Bundled weights hold the RFG's averages alone.
            wanted = (f"ema_{name}", name) if tested else (name, f"ema_{name}")
            source = next((known for known in wanted if known in stored), None)
            # The bundled D_f sees faces; with face_discriminator_map it is to see their maps too.
            if name != "rfg" and (source is None or tensors[f"{source}.first.weight"].shape != net.first.weight.shape):
                continue
            fill(net, source or name, tensors, path, mend)

    def step(self, index: int, parts: list[Part]) -> dict[str, torch.Tensor]:
        """One step on what `data.draw(index)` made; returns the losses."""
        regularise = self.s.r1 > 0 and index % R1_EVERY == 0
        return self._update([self.data.pairs(part, regularise) for part in parts])

    def run(self, out: Path, state: Path, ema: float, name: str, facts: dict[str, Any]) -> None:
        """Train and write the checkpoint `out`; `ema`: weight of the old average; `facts` go into its card."""
        s, data = self.s, self.data
        trainer = Trainer(self.nets, self.optimisers, ["rfg"], ema, s.seed, out, state, self.team)

        def sample(step: int, path: Path) -> None:
            found = draw_samples(trainer.averages["rfg"], data.shown, path)
            print(f"{name}: step {step}, {found}", file=sys.stderr)

        trainer.run(s.steps, data.draw, self.step, sample, name, data.threads)
        trainer.save(s, {"sizes": s.sizes.model_dump()} | facts)
