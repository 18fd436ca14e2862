"""The last layer of E_f's second part: ridge regression of shapes on what networks and F_l's landmarks tell."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from dg.identity.network import SynthFaceId, squares
from dg.landmarks.fan import load_landmark_net
from dg.pretraining.faces.pictures import Pictures
from dg.pretraining.faces.shape_code import Shapes, neutral_of, shapes_of

LOOKS = 4
"""Pictures of each person that F_l looks at, spread over all."""
RIDGE = 100.0
"""Squared length of the weights against summed squared errors, inputs of spread 1."""


def looked_at(pictures: Pictures, person: int, net: torch.nn.Module) -> tuple[Tensor, Tensor]:
    """Up to LOOKS pictures (n, 3, S, S) of the person in this place, and F_l's landmarks (n, 68, 3) of them."""
    images, _ = pictures.images_of(person)
    count = min(LOOKS, len(images))
    images = images[[k * len(images) // count for k in range(count)]]
    return images, net.detect(images).points.float()


@torch.no_grad()
def fit_shape_head(net: SynthFaceId, learnt: Pictures, head: Path) -> Shapes:
    """Set the last layer of `net`, whose other parts stay as they are.

    Args:
        learnt: whom to learn from. head: SynthFace head model.

    Returns:
        the shapes whose scores it tells, those of `learnt`.
    """
    neutral = neutral_of(learnt.numbers, head)
    shapes = shapes_of(neutral, net.shape.dimension)
    rest = shapes.mean.unflatten(0, (68, 3))
    net.head.rest.copy_(rest - rest.mean(0))
    seen, counts = _inputs(net, learnt)
    wanted = shapes.scores(neutral).repeat_interleave(counts, 0)
    weight, bias = ridge(seen.double(), wanted.double(), RIDGE)
    net.head.layer.weight.copy_(weight.t())
    net.head.layer.bias.copy_(bias)
    return shapes


def ridge(inputs: Tensor, wanted: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    """Weights (k, m) and bias (m,) with the least summed squared error plus `strength` times the weights' square.

    Args:
        inputs: (n, k); each is brought to mean 0 and spread 1 first, so that none is held back for its unit.
        wanted: (n, m).
    """
    mean, spread = inputs.mean(0), inputs.std(0).clamp_min(1e-6)
    standard, middle = (inputs - mean) / spread, wanted.mean(0)
    damped = standard.t() @ standard + strength * torch.eye(len(mean), dtype=inputs.dtype)
    weight = torch.linalg.solve(damped, standard.t() @ (wanted - middle)) / spread[:, None]
    return weight, middle - mean @ weight


@torch.no_grad()
def measure_shape(net: SynthFaceId, shapes: Shapes, others: Pictures, head: Path) -> float:
    """Share of the variance of `others`' neutral landmarks about the mean of `shapes` that one picture tells.

    1 - squared error of the points / that of the mean person; 1 is all, 0 as good as not looking.
    """
    seen, counts = _inputs(net, others)
    neutral = neutral_of(others.numbers, head).repeat_interleave(counts, 0)
    return explained(shapes, net.head.layer(seen), neutral)


def explained(shapes: Shapes, scores: Tensor, neutral: Tensor) -> float:
    """The same of scores (n, k) and neutral landmarks (n, 68, 3)."""
    left = (shapes.points(scores) - neutral).square().sum()
    return round(1 - float(left / (shapes.mean - neutral.flatten(1)).square().sum()), 4)


def _inputs(net: SynthFaceId, pictures: Pictures) -> tuple[Tensor, Tensor]:
    """What the last layer sees (n, inputs) of everybody's pictures, and how many these are of each person (p,)."""
    landmarks, seen, counts = load_landmark_net("fan-synthface", "cpu"), [], []
    for person in tqdm(range(len(pictures.people)), desc="F_l and E_f look at people", disable=None):
        images, points = looked_at(pictures, person, landmarks)
        seen.append(net.head.inputs(points, net.told(squares(images, points))))
        counts.append(len(images))
    return torch.cat(seen), torch.tensor(counts)
