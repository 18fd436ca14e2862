"""Which of the 68 points can be seen; FAN itself doesn't say."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from dg.checkpoints import load_checkpoint
from dg.landmarks.perceptron import PointPerceptron
from dg.weights import bundled


class PointVisibility(PointPerceptron):
    """From 68 x, y to 68 logits of "can be seen" (58,600 parameters).

    A fixed table of 68 normals, turned by the head's pose, agrees with SynthFace's rays on 93.5 % of the points at best
    (fitted by logistic regression on the camera's direction): it knows neither the person's nose nor the open mouth.
    The points themselves do.
    """

    def __init__(self, width: int = 160) -> None:
        super().__init__(width)

    def forward(self, points: Tensor) -> Tensor:
        """(B, 68, 2) x, y in crop coordinates -> (B, 68) logits, > 0 for visible."""
        return self.read(points)[0]


@cache
def _bundled(device: str) -> PointVisibility:
    net = PointVisibility()
    net.load_state_dict(load_checkpoint(bundled("visibility-synthface")))
    return net.to(device).eval().requires_grad_(False)


@torch.no_grad()
def visible_points(points: Tensor) -> Tensor:
    """Visibility v of eq. (3), by the bundled `PointVisibility`; the same for every landmark back end.

    Hair, hands and glasses are not looked at: v says which side of the head a point is on.

    Args:
        points: (B, 68, 2 or 3) crop coordinates; only x and y are used.

    Returns:
        (B, 68) bool.

    Raises:
        DgError: the bundled weights are missing or damaged.
    """
    with torch.autocast(points.device.type, enabled=False):
        return _bundled(str(points.device))(points[..., :2].float()) > 0
