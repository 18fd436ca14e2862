"""Squares cut out of pictures for the network's second, closer look, and points brought there and back."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def around(points: Tensor) -> tuple[Tensor, Tensor]:
    """Middle (B, 2) and longer side (B,) of the bounding box of points (B, 68, 2 or 3) inside the picture."""
    inside = points[..., :2].clamp(0, 1)
    low, high = inside.amin(1), inside.amax(1)
    return (low + high) / 2, (high - low).amax(1).clamp_min(0.05)


def zoom(pictures: Tensor, centre: Tensor, side: Tensor, size: int | None = None) -> Tensor:
    """Cut squares out of pictures, bilinear and differentiable in the pictures; outside, the edge goes on.

    Args:
        pictures: (B, C, S, S).  centre: (B, 2), side: (B,), shares of the picture.
        size: pixels a side of what comes out; S unless given.
    """
    # Under autocast pictures may come in bfloat16, whose eight bits can't say where a pixel is.
    pictures = pictures if pictures.dtype == torch.float64 else pictures.float()
    theta = torch.zeros(len(pictures), 2, 3, dtype=pictures.dtype, device=pictures.device)
    theta[:, 0, 0] = theta[:, 1, 1] = side
    theta[:, :, 2] = 2 * centre - 1
    shape = [*pictures.shape[:2], *(size or pictures.shape[-1],) * 2]
    grid = F.affine_grid(theta, shape, align_corners=False)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)


def into(points: Tensor, centre: Tensor, side: Tensor) -> Tensor:
    """Points (B, 68, 2 or 3) of the pictures in the coordinates of their squares; z, about 0.5, is scaled alike."""
    middle = F.pad(centre, (0, points.shape[-1] - 2), value=0.5)
    return (points - middle[:, None]) / side[:, None, None] + 0.5


def back(points: Tensor, centre: Tensor, side: Tensor) -> Tensor:
    """The inverse of `into`."""
    middle = F.pad(centre, (0, points.shape[-1] - 2), value=0.5)
    return (points - 0.5) * side[:, None, None] + middle[:, None]
