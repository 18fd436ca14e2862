"""Landmarks smoothed over time as they come, without holding back frames: the one-euro filter.

Casiez, Roussel, Vogel: 1 € filter (CHI 2012). A low pass whose cutoff rises with the speed, so that a still face
doesn't tremble and a fast one doesn't lag.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

SPEED_COEFFICIENT = 10.0
"""beta: by how much the cutoff rises, Hz per crop side a second. A head that turns in half a second moves its points by
about one crop side a second, which puts the cutoff at 10 Hz and the lag under one frame of 25 a second."""
_SPEED_CUTOFF = 1.0  # Hz, of the speed itself, as in the paper


class OneEuro:
    """The filter for (68, 3) points.

    Attributes:
        points: as last given out; None before the first.
    """

    def __init__(self, seconds: float) -> None:
        """`seconds`: time constant for a still face; 0: nothing is smoothed."""
        self._seconds = seconds
        self.points: Tensor | None = None
        self._speed = torch.zeros(68, 3)

    def __call__(self, points: Tensor, passed: float) -> Tensor:
        """The smoothed points; `passed`: seconds since the points before."""
        if self.points is None or self._seconds == 0:
            self.points = points
            return points
        speed = (points - self.points) / passed
        self._speed = torch.lerp(self._speed, speed, _share(_SPEED_CUTOFF, passed))
        cutoff = 1 / (2 * math.pi * self._seconds) + SPEED_COEFFICIENT * self._speed.norm(dim=1).mean().item()
        self.points = torch.lerp(self.points, points, _share(cutoff, passed))
        return self.points

    def state(self) -> list[list[list[float]]]:
        """What the filter remembers, for JSON."""
        return [] if self.points is None else [self.points.tolist(), self._speed.tolist()]

    def restore(self, state: list[list[list[float]]]) -> None:
        """Remember it again."""
        if state:
            self.points, self._speed = (torch.tensor(values) for values in state)


def _share(cutoff: float, passed: float) -> float:
    """How far a low pass goes towards the new value."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff * passed))
