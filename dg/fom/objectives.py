"""What the training minimises, as one forward pass (Sec. 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dg.borrowed import Borrowed
from dg.fom.losses import jacobian_equivariance, perceptual_loss, place_equivariance
from dg.fom.motion import KeyPoints
from dg.fom.networks import Fom
from dg.fom.perceptual import Pyramid
from dg.fom.settings import JACOBIANS, PERCEPTUAL, PLACES
from dg.fom.transform import Transform
from dg.precision import autocast
from dg.training.step import Terms


@dataclass(frozen=True)
class Pairs:
    """Part of a joint batch, on the device.

    Attributes:
        source, driving: (b, 3, H, W) in [0, 1], two pictures of one person.
        transform: a deformation of each driving picture.
    """

    source: Tensor
    driving: Tensor
    transform: Transform


class FomLosses(nn.Module):
    """The losses of the three networks together."""

    def __init__(self, fom: Fom, pyramid: Pyramid, device: torch.device) -> None:
        """`pyramid`: VGG-16, frozen, on the device."""
        super().__init__()
        self.fom, self.device = fom, device
        self.frozen = Borrowed(pyramid=pyramid)

    def forward(self, pairs: Pairs) -> Terms:
        """All float32.

        The key points of all three pictures are found in one pass, so that BatchNorm sees them together.
        """
        deformed = pairs.transform.images(pairs.driving)
        with autocast(self.device):
            found = self.fom.detector(torch.cat([pairs.source, pairs.driving, deformed]))
            (source, driving, moved) = map(KeyPoints, *(part.chunk(3) for part in found))
            made, _ = self.fom(pairs.source, source, driving)
            features = self.frozen.pyramid(made)
            with torch.no_grad():
                wanted = self.frozen.pyramid(pairs.driving)
        return {
            "perceptual": (PERCEPTUAL, perceptual_loss(features, wanted)),
            "places": (PLACES, place_equivariance(driving, moved, pairs.transform)),
            "jacobians": (JACOBIANS, jacobian_equivariance(driving, moved, pairs.transform)),
        }
