"""What the First Order Motion Model minimises, one function per term (Sec. 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor

from dg.fom.motion import KeyPoints, inverse
from dg.fom.transform import Transform
from dg.precision import wide


def perceptual_loss(made: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Eq. (9): the sum over layers and scales of the mean |N_i(D') - N_i(D)|, scalar; no gradient to `wanted`."""
    return sum((wide(a) - wide(b).detach()).abs().mean() for a, b in zip(made, wanted))


def place_equivariance(points: KeyPoints, moved: KeyPoints, transform: Transform) -> Tensor:
    """Mean |p - T(p')|: the points of a picture against those of the deformed picture, taken back.

    Args:
        points: of the picture. moved: of `transform.images(picture)`.
    """
    return (points.places - transform.places(moved.places)).abs().mean()


def jacobian_equivariance(points: KeyPoints, moved: KeyPoints, transform: Transform) -> Tensor:
    """Mean |1 - J^-1 T'(p') J'|, arguments as in `place_equivariance`."""
    back = transform.jacobians(moved.places) @ moved.jacobians
    return (torch.eye(2, device=back.device) - inverse(points.jacobians) @ back).abs().mean()
