"""Random smooth deformations for the equivariance losses (Sec. 3.3): an affine map and a thin-plate spline."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from dg.fom.motion import grid

AFFINE, SPLINE, CONTROLS = 0.05, 0.005, 5
"""Standard deviations of the affine map's numbers about the identity's and of the spline's weights; control points a
side."""
_TINY = 1e-12  # squared distance below which a place is a control point: s log s is 0 there


class Transform(NamedTuple):
    """T(p) = A p + b + sum over control points c of w_c phi(|p - c|), phi(r) = r^2 log r^2.

    Attributes:
        affine: (B, 2, 3), A and b. weights: (B, C, 2). controls: (C, 2).
    """

    affine: Tensor
    weights: Tensor
    controls: Tensor

    def places(self, p: Tensor) -> Tensor:
        """T(p): (B, N, 2) -> (B, N, 2)."""
        s = self._away(p).square().sum(-1).clamp_min(_TINY)
        A, b = self.affine[..., :2], self.affine[..., 2]
        return p @ A.mT + b[:, None] + (s * s.log()) @ self.weights

    def jacobians(self, p: Tensor) -> Tensor:
        """T'(p): (B, N, 2) -> (B, N, 2, 2); row 0 is how x moves."""
        away = self._away(p)
        s = away.square().sum(-1).clamp_min(_TINY)
        slopes = 2 * (s.log() + 1)[..., None] * away
        return self.affine[:, None, :, :2] + torch.einsum("bci,bncj->bnij", self.weights, slopes)

    def images(self, images: Tensor) -> Tensor:
        """The picture that shows at z what `images` (B, C, H, W) show at T(z), mirrored outside."""
        height, width = images.shape[-2:]
        z = grid(height, width, images).flatten(0, 1).expand(len(images), -1, -1)
        at = self.places(z).unflatten(1, (height, width))
        return grid_sample(images, at, mode="bilinear", padding_mode="reflection", align_corners=True)

    def _away(self, p: Tensor) -> Tensor:
        return p[:, :, None] - self.controls


def draw_transform(rng: np.random.Generator, batch: int, device: torch.device) -> Transform:
    """`batch` random ones."""
    line = np.linspace(-1, 1, CONTROLS)
    controls = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    affine = np.eye(2, 3) + rng.normal(0, AFFINE, (batch, 2, 3))
    weights = rng.normal(0, SPLINE, (batch, len(controls), 2))
    return Transform(*(torch.tensor(part, dtype=torch.float32, device=device) for part in (affine, weights, controls)))
