"""How a First Order Motion Model is trained; its checkpoint's card says so."""

from __future__ import annotations

import math

from pydantic import Field

from dg.checked import Strict

LR, TRAINED_LR, BETAS = 2e-4, 2e-5, (0.5, 0.999)
"""Learning rates from random weights, as published, and from bundled ones, which a high rate would undo."""
FALLS = (0.6, 0.9)
"""Shares of the training after which the learning rate falls to a tenth: epochs 60 and 90 of 100."""
PERCEPTUAL, PLACES, JACOBIANS = 10.0, 10.0, 10.0
"""Weights of the losses. The published face model has no adversarial one: its weight is 0."""
JITTER = 0.1
"""Most that brightness, contrast, saturation and hue change."""
AVERAGED = 0.05
"""Share of the training that the moving averages reach back over; the published model has none."""


class FomSettings(Strict):
    """One training."""

    size: int = Field(gt=0, description="side of the pictures in pixels")
    batch: int = Field(gt=0, description="pairs a step; published: 40")
    steps: int = Field(gt=0)
    bundled: bool = Field(default=False, description="starts from the bundled weights, else from random ones")
    seed: int = Field(ge=0, description="of initial weights, batches and deformations")

    @property
    def pictures(self) -> int:
        """How many pictures are made in all."""
        return self.batch * self.steps

    @property
    def ema(self) -> float:
        """Weight of the old moving average per step."""
        return max(0.0, 1 - 1 / (AVERAGED * self.steps))

    def lr(self, step: int) -> float:
        """The learning rate of `step`, from 0."""
        return (TRAINED_LR if self.bundled else LR) * 0.1 ** sum(step >= share * self.steps for share in FALLS)


def steps_for(pictures: int, batch: int) -> int:
    """The steps that make at least so many pictures."""
    return math.ceil(pictures / batch)
