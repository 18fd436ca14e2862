"""The bundled First Order Motion Model's training: its published losses on the pictures that the RFG learns from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dg.checkpoints import fill, load_checkpoint
from dg.fom.networks import Fom
from dg.fom.objectives import FomLosses, Pairs
from dg.fom.perceptual import Pyramid
from dg.fom.settings import BETAS
from dg.fom.transform import draw_transform
from dg.pretraining.faces.pictures import Pictures
from dg.pretraining.faces.recipe import FomRecipe
from dg.pretraining.faces.schedule import Schedule, run_at_speed
from dg.pretraining.faces.state import load_state, part_of, save_state
from dg.sizes.fom import fom_sizes
from dg.training.step import weighted


class FomPretraining:
    """The model with optimiser and average; `run` trains, `save` writes all of it to one file.

    Its first part is on pictures of half the side, which costs a quarter: every network in it is convolutional.
    """

    def __init__(self, recipe: FomRecipe, pictures: Pictures, state: Path, init: Path | None = None) -> None:
        """Random weights, those of `init`, or go on from `state`.

        Args:
            init: bundled weights.

        Raises:
            DgError: `state` is of another recipe, `init` is of other sizes, or no package ships VGG-16.
        """
        self.recipe, self.pictures, self.state, self.step = recipe, pictures, state, 0
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(recipe.seed)
        self.net = Fom(fom_sizes(recipe.size)).to(self.device, memory_format=torch.channels_last)
        if init is not None:
            fill(self.net, "ema_fom", load_checkpoint(init), init, "Give weights of this --size.")
        pyramid = Pyramid().to(self.device, memory_format=torch.channels_last)
        self.losses = FomLosses(self.net, pyramid, self.device)
        self.optimisers = {"net": torch.optim.Adam(self.net.parameters(), betas=BETAS, fused=True)}
        self.schedule = Schedule(recipe.pictures / recipe.batch)
        self.average = {key: value.detach().clone() for key, value in self.net.state_dict().items()}
        if state.exists():
            stored, self.step = load_state(state, recipe, self.optimisers)
            self.net.load_state_dict(part_of("net", stored))
            for key, value in part_of("ema_net", stored).items():
                self.average[key].copy_(value)

    def run(self, minutes: float) -> None:
        """Train to the recipe's end, within so many minutes; saves every two, prints losses and pictures a second."""
        run_at_speed(self, minutes)

    def advance(self) -> dict[str, Tensor]:
        """One step; returns the losses by name, scalars."""
        recipe = self.recipe
        for group in self.optimisers["net"].param_groups:
            group["lr"] = self.schedule.rate(self.step, recipe.lr, recipe.last_lr)
        terms = self.losses(self._pairs())
        self.optimisers["net"].zero_grad(set_to_none=True)
        weighted(terms).backward()
        self.optimisers["net"].step()
        self._average()
        self.step += 1
        return {name: value.detach() for name, (_, value) in terms.items()}

    def _pairs(self) -> Pairs:
        recipe = self.recipe
        drawn = self.pictures.pairs(recipe.seed, [self.step], recipe.batch)
        transform = draw_transform(np.random.default_rng([recipe.seed, self.step, 2]), recipe.batch, self.device)
        source, driving = drawn.source, drawn.truth
        if self.schedule.done(self.step) < recipe.half_until:
            source, driving = F.avg_pool2d(source, 2), F.avg_pool2d(driving, 2)
        return Pairs(*(images.contiguous(memory_format=torch.channels_last) for images in (source, driving)), transform)

    @torch.no_grad()
    def _average(self) -> None:
        # Young averages forget faster: the first weights move nothing.
        keep = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        for key, value in self.net.state_dict().items():
            if value.is_floating_point():
                self.average[key].lerp_(value, 1 - keep)
            else:
                self.average[key].copy_(value)

    def save(self) -> None:
        """Write the network, its average, the optimiser's moments and the recipe."""
        tensors = {f"net.{key}": value for key, value in self.net.state_dict().items()}
        tensors |= {f"ema_net.{key}": value for key, value in self.average.items()}
        save_state(self.state, tensors, self.optimisers, self.step, self.recipe)
