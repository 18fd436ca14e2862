"""First-order motion (Siarohin et al. 2019, Sec. 3.1 and 3.2): equations alone, nothing to learn.

Places are (x, y) in [-1, 1]: the centres of the corner pixels are the corners, as `grid_sample` with align_corners has
it. S is the source, D the driving picture; motions lead from places of D to places of S.

Products are written as sums of products: a matrix product would be computed in bfloat16 inside of autocast, whose
eight bits are too few for a place.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from dg.precision import wide

VARIANCE = 0.01
"""Of the heat maps, eq. (6)."""


class KeyPoints(NamedTuple):
    """The first-order description of a picture.

    Attributes:
        places: (B, K, 2), T(p_k). jacobians: (B, K, 2, 2), T'(p_k); row 0 is how x moves.
    """

    places: Tensor
    jacobians: Tensor


def grid(height: int, width: int, like: Tensor) -> Tensor:
    """(height, width, 2): the place of each pixel, on the device of `like`, at least float32."""
    options = {"device": like.device, "dtype": torch.promote_types(like.dtype, torch.float32)}
    x, y = torch.linspace(-1, 1, width, **options), torch.linspace(-1, 1, height, **options)
    return torch.stack([x.expand(height, -1), y[:, None].expand(-1, width)], -1)


def expected_place(heat: Tensor) -> Tensor:
    """(B, K, H, W) heat maps that sum to 1 -> (B, K, 2) their mean places."""
    return (heat[..., None] * grid(*heat.shape[-2:], heat)).sum((2, 3))


def gaussians(places: Tensor, height: int, width: int) -> Tensor:
    """(B, K, 2) -> (B, K, height, width): exp(-|z - p_k|^2 / (2 VARIANCE)), 1 at the point."""
    away = grid(height, width, places) - places[:, :, None, None]
    return torch.exp(-0.5 * away.square().sum(-1) / VARIANCE)


def heat_maps(driving: KeyPoints, source: KeyPoints, height: int, width: int) -> Tensor:
    """Eq. (6): (B, 1 + K, height, width); driving Gaussians less source ones, and 0 for the background, the first."""
    maps = gaussians(driving.places, height, width) - gaussians(source.places, height, width)
    return torch.cat([torch.zeros_like(maps[:, :1]), maps], 1)


def product(first: Tensor, second: Tensor) -> Tensor:
    """Matrix product, (..., i, j) and (..., j, k) -> (..., i, k)."""
    return (first[..., None] * second[..., None, :, :]).sum(-2)


def inverse(matrices: Tensor) -> Tensor:
    """(..., 2, 2) -> their inverses."""
    (a, b), (c, d) = (row.unbind(-1) for row in matrices.unbind(-2))
    swapped = torch.stack([torch.stack([d, -b], -1), torch.stack([-c, a], -1)], -2)
    return swapped / (a * d - b * c)[..., None, None]


def sparse_motions(driving: KeyPoints, source: KeyPoints, height: int, width: int) -> Tensor:
    """Eqs. (4) and (5): where each point's motion takes the places z of D.

    p_s + J_s J_d^-1 (z - p_d) for each key point, z itself for the background.

    Returns:
        (B, 1 + K, height, width, 2) places of S, the background's first.
    """
    z = grid(height, width, driving.places)
    J = product(source.jacobians, inverse(driving.jacobians))
    away = z - driving.places[:, :, None, None]
    turned = (J[:, :, None, None] * away[..., None, :]).sum(-1)
    moved = turned + source.places[:, :, None, None]
    return torch.cat([z.expand(len(moved), 1, -1, -1, -1), moved], 1)


def flow(masks: Tensor, motions: Tensor) -> Tensor:
    """Eq. (7): the motions (B, 1 + K, H, W, 2) weighted by the masks (B, 1 + K, H, W) -> (B, H, W, 2) places of S."""
    return (masks[..., None] * motions).sum(1)


def warp(images: Tensor, places: Tensor) -> Tensor:
    """The images at these places (bilinear, black outside).

    Args:
        images: (B, C, H, W).
        places: (B, h, w, 2).

    Returns:
        (B, C, h, w), at least float32.
    """
    return grid_sample(wide(images), places, mode="bilinear", padding_mode="zeros", align_corners=True)


def resized(maps: Tensor, height: int, width: int) -> Tensor:
    """(B, C, h, w) -> (B, C, height, width), bilinear; a flow of no motion stays one."""
    if maps.shape[-2:] == (height, width):
        return maps
    return interpolate(maps, (height, width), mode="bilinear", align_corners=True)


def hull_area(places: Tensor) -> Tensor:
    """(B, K, 2) -> (B,): the area of the points' convex hull."""
    from scipy.spatial import ConvexHull

    areas = [ConvexHull(points).volume for points in places.detach().cpu().double().numpy()]
    return torch.tensor(areas, device=places.device, dtype=places.dtype)


def relative(source: KeyPoints, driving: KeyPoints, first: KeyPoints) -> KeyPoints:
    """Points that move from the source's as the driving video's moved from its first frame's.

    Displacements are scaled by the square root of the hulls' areas, so that a smaller face moves less far; Jacobians
    are J_driving J_first^-1 J_source.
    """
    scale = (hull_area(source.places) / hull_area(first.places)).sqrt()
    places = source.places + scale[:, None, None] * (driving.places - first.places)
    turned = product(product(driving.jacobians, inverse(first.jacobians)), source.jacobians)
    return KeyPoints(places, turned)
