"""The training of E_f's second part: what shape of head a picture shows, whatever its pose and expression.

Told apart people can be by their looks alone, and then the IDSG doesn't learn from a code where this person's landmarks
lie. This part is asked for nothing else: the neutral landmarks of the person, as scores of their principal components.
It shares the first layers of the first part, which stay as they are, and starts from copies of its next ones.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dg.identity.network import ShapeBranch, SynthFaceId
from dg.landmarks.regions import MIRROR
from dg.pretraining.faces.bundle import person_of
from dg.pretraining.faces.identity import load_identity, varied
from dg.pretraining.faces.pictures import Pictures
from dg.pretraining.faces.recipe import ShapeRecipe
from dg.pretraining.faces.schedule import Schedule, run_reported
from dg.pretraining.faces.state import digest, load_state, part_of, save_state
from dg.synthface import load_head, neutral_landmarks

REPORT_EVERY = 100  # steps
LAST = 1 / 30
"""Of the rate, for the last layer: 13,824 weights on one number move it far at each of Adam's steps."""


class Shapes:
    """Principal components of neutral landmarks.

    Attributes:
        mean: (204,); directions: (204, k) orthonormal; spread: (k,) standard deviations, falling.
    """

    def __init__(self, points: Tensor, components: int) -> None:
        """`points`: (n, 68, 3) of the people learnt from."""
        flat = points.flatten(1)
        self.mean = flat.mean(0)
        _, lengths, directions = torch.linalg.svd(flat - self.mean, full_matrices=False)
        self.directions, self.spread = directions[:components].t(), lengths[:components] / len(flat) ** 0.5

    def scores(self, points: Tensor) -> Tensor:
        """(b, 68, 3) -> (b, k), each of spread 1 among the people learnt from."""
        return (points.flatten(1) - self.mean) @ self.directions / self.spread

    def points(self, scores: Tensor) -> Tensor:
        """(b, k) -> (b, 68, 3)."""
        return (self.mean + scores * self.spread @ self.directions.t()).unflatten(1, (-1, 3))


class ShapeTraining:
    """The network with its optimiser; `run` trains, `save` writes all of it to one file."""

    def __init__(self, recipe: ShapeRecipe, pictures: Pictures, head: Path, identity: Path, state: Path) -> None:
        """Begin, or go on from `state`.

        Args:
            head: SynthFace head model. identity: state of `IdentityTraining`.

        Raises:
            DgError: `state` is of another recipe or another `identity`, or there is no `identity`.
        """
        self.recipe, self.pictures, self.state, self.step = recipe, pictures, state, 0
        self.schedule = Schedule(recipe.steps)
        self.neutral = neutral_of(pictures.numbers, head)
        self.shapes = shapes_of(self.neutral, recipe.dimension)
        torch.manual_seed(recipe.seed)
        first = load_identity(identity, torch.device("cpu"))
        self.told = digest(first.state_dict().values())
        self.net = ShapeBranch(recipe.dimension, first.width)
        for own, known in zip(self.net.layers[:3], first.layers[ShapeBranch.START :]):
            own.load_state_dict(known.state_dict())
        self.net.to(memory_format=torch.channels_last).train()
        self.features = SynthFaceId(first, self.net).features
        groups = [
            {"params": part.parameters(), "of_rate": LAST if part is self.net.layers[-1] else 1.0}
            for part in self.net.layers
        ]
        self.optimisers = {"net": torch.optim.AdamW(groups, weight_decay=recipe.decay, fused=True)}
        if state.exists():
            stored, self.step = load_state(state, recipe, self.optimisers, self.told)
            self.net.load_state_dict(part_of("net", stored))

    def run(self, minutes: float) -> None:
        """Train to the recipe's end, within so many minutes; saves every two."""
        run_reported(self, minutes, REPORT_EVERY, "share of the shape unexplained")

    def advance(self) -> Tensor:
        """One step; returns the share of the shapes' variance that is left unexplained."""
        recipe, optimiser = self.recipe, self.optimisers["net"]
        for group in optimiser.param_groups:
            group["lr"] = group["of_rate"] * self.schedule.rate(self.step, recipe.lr, recipe.lr / 100)
        crowd = self.pictures.crowd(recipe.seed, self.step, recipe.people)
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + self.step)
        seen = varied(crowd.images.flatten(0, 1), crowd.points.flatten(0, 1), generator)
        neutral = self.neutral[crowd.people]
        neutral = torch.where(crowd.mirrored[:, None, None], mirrored(neutral), neutral)
        wanted = self.shapes.scores(neutral).repeat_interleave(2, 0)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                features = self.features(seen.contiguous(memory_format=torch.channels_last))
            found = self.net(features)
        weight = self.shapes.spread.square() / self.shapes.spread.square().sum()
        loss = ((found.float() - wanted).square() * weight).sum(1).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        self.step += 1
        return loss.detach()

    def save(self) -> None:
        """Write weights, moments and the recipe."""
        tensors = {f"net.{key}": value for key, value in self.net.state_dict().items()}
        save_state(self.state, tensors, self.optimisers, self.step, self.recipe, self.told)


def neutral_of(numbers: list[int], head: Path) -> Tensor:
    """(n, 68, 3) neutral landmarks of these people of a bundle, dm in the head's frame."""
    model = load_head(head)
    return torch.from_numpy(np.stack([neutral_landmarks(model, person_of(number)) for number in numbers])).float()


def shapes_of(neutral: Tensor, components: int) -> Shapes:
    """Of people with these neutral landmarks (n, 68, 3) and of their mirror images."""
    return Shapes(torch.cat([neutral, mirrored(neutral)]), components)


def mirrored(points: Tensor) -> Tensor:
    """(n, 68, 3) of the people whom mirrored pictures show."""
    return points[:, list(MIRROR)] * points.new_tensor([-1.0, 1.0, 1.0])
