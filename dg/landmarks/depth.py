"""The third coordinate of the 68 points, from the other two."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from face_alignment.utils import draw_gaussian
from torch import Tensor, nn

from dg.landmarks.perceptron import PointPerceptron

_SIGMA = 2  # pixels of 256, as face_alignment draws for its depth network
_REACH = 8  # pixels: more than three sigmas


class PointDepth(PointPerceptron):
    """From 68 x, y to 68 z (75,700 parameters)."""

    def __init__(self, width: int = 192) -> None:
        super().__init__(width)

    def forward(self, points: Tensor) -> Tensor:
        """(B, 68, 2) x, y in crop coordinates -> (B, 68) z: larger is nearer, mean 0.5, in crop sizes."""
        z, scale = self.read(points)
        return 0.5 + (z - z.mean(1, keepdim=True)) * scale[:, None]


class ImageDepth(nn.Module):
    """face_alignment's depth network: picture and 68 drawn Gaussians in, 68 depths out."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net.to(memory_format=torch.channels_last)

    def forward(self, points: Tensor, images: Tensor) -> Tensor:
        """As `PointDepth`, with the pictures (B, 3, 256, 256) in [0, 1] that the points were found on."""
        size, dtype = images.shape[-1], next(self.net.parameters()).dtype
        # Channels last, as the network wants them: 68 drawings of a picture are too much to be copied about.
        both = torch.zeros(len(points), size, size, 71, dtype=dtype)
        both[..., :3] = images.permute(0, 2, 3, 1)
        for face, places in zip(both[..., 3:], (points * size).tolist()):
            for k, place in enumerate(places):
                if min(place) > 0:
                    _draw(face[..., k], place)
        z = self.net(both.to(images.device).permute(0, 3, 1, 2)).to(points.dtype) / size
        return 0.5 + z - z.mean(1, keepdim=True)


@cache
def _stamp() -> Tensor:
    """What `draw_gaussian` leaves around a point far from the edges, once: it works pixel by pixel in Python."""
    drawn = draw_gaussian(np.zeros((4 * _REACH, 4 * _REACH), np.float32), [2 * _REACH] * 2, _SIGMA)
    return torch.from_numpy(drawn[_REACH : 3 * _REACH, _REACH : 3 * _REACH].copy())


def _draw(face: Tensor, place: list[float]) -> None:
    x, y = int(place[0]), int(place[1])
    if min(x, y) < _REACH or max(x, y) > face.shape[-1] - _REACH:
        face.copy_(torch.from_numpy(draw_gaussian(np.zeros(tuple(face.shape), np.float32), place, _SIGMA)))
    else:
        face[y - _REACH : y + _REACH, x - _REACH : x + _REACH] = _stamp()
