"""From 68 landmarks to the square crop around a face, framed as SynthFace frames its heads, whatever the expression.

SynthFace's camera looks at a fixed place inside the head, and its picture is 2.5 distances from bridge to chin high,
the mouth shut. Where that is must not be told by lips, chin or brows: the mean face is laid on the points of bone,
depth included, so that profiles have a scale too. Where the points then lie beside the mean face tells of the head's
shape and of the landmark network's own habits, on profiles above all; a linear table, fitted to the network's points on
SynthFace (dg/pretraining/framing.py), turns it into the camera's framing. How steady that is: docs/landmarks.md.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor

from dg.landmarks.pose import FaceModel, face_model, fit_pose
from dg.landmarks.regions import MIRROR

TABLE = Path(__file__).with_name("framing.csv")
BONE = (0, 1, 2, 3, 13, 14, 15, 16, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 39, 42, 45)
"""Points that expressions hardly move: the contour beside the ears, the nose, the corners of the eyes."""


FRONTAL = 10.0
"""Degrees of yaw up to which a head is looked at both ways: as it is, and mirrored. The table knows heads that turn to
the picture's right, and these so far to the left."""


class Laid(NamedTuple):
    """The mean face laid on B faces.

    Attributes:
        pose: (B, 6) float64, see `fit_pose`.
        facts: (B, F), what the table is multiplied with.
    """

    pose: Tensor
    facts: Tensor


def framed(points: Tensor, table: Tensor | None = None) -> Tensor:
    """(B, 3) float64: centre x, y and side of SynthFace's picture of the same heads.

    Args:
        points: (B, 68, 3) as F_l gives them; the result is in their coordinates.
        table: (F, 3) in place of the one that ships.
    """
    table = _table() if table is None else table
    points = points.double().cpu()
    yaw, seen = _one_way(points, table)
    _, in_mirror = _one_way(mirrored(points), table)
    share = (0.5 + yaw / (2 * FRONTAL)).clamp(0, 1)[:, None]
    return share * seen + (1 - share) * in_mirror * in_mirror.new_tensor([-1, 1, 1])


def mirrored(points: Tensor) -> Tensor:
    """The 68 points of the face in a mirror at x = 0."""
    return points[..., list(MIRROR), :] * points.new_tensor([-1, 1, 1])


def lay(points: Tensor) -> Laid:
    """Lay the mean face on points (B, 68, 3) float64."""
    model = _bone()
    pose, rotation = fit_pose(points, model)
    yaw, scale = pose[:, 0] / 90, pose[:, 5]
    camera = points * points.new_tensor([1, -1, 1])
    centred = camera - (camera * model.weight[:, None]).sum(1, keepdim=True)
    beside = (centred / scale[:, None, None] @ rotation - model.mean).flatten(1)
    turn = torch.stack([yaw**power for power in range(4)], 1)
    return Laid(pose, torch.cat([turn, rotation[:, 0], rotation[:, 1], beside, beside * yaw[:, None]], 1))


def _one_way(points: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    """Yaw in degrees and frame of each face."""
    pose, facts = lay(points)
    right, down, grown = (facts @ table).unbind(1)
    yaw, _, _, x, y, scale = pose.unbind(1)
    return yaw, torch.stack([x + right * scale, y + down * scale, scale * grown.exp()], 1)


@cache
def _bone() -> FaceModel:
    model = face_model()
    weight = torch.zeros_like(model.weight)
    weight[list(BONE)] = model.weight[list(BONE)]
    weight = weight / weight.sum()
    return FaceModel(model.mean - (model.mean * weight[:, None]).sum(0), weight)


@cache
def _table() -> Tensor:
    return torch.tensor(pd.read_csv(TABLE)[["right", "down", "grown"]].to_numpy(), dtype=torch.float64)
