"""The third coordinate of the 68 points, from the other two."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dg.landmarks.perceptron import PointPerceptron


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
        self.net = net

    def forward(self, points: Tensor, images: Tensor) -> Tensor:
        """As `PointDepth`, with the pictures (B, 3, 256, 256) in [0, 1] that the points were found on."""
        from face_alignment.utils import draw_gaussian

        size = images.shape[-1]
        drawn = torch.zeros(len(points), 68, size, size).numpy()
        for face, places in zip(drawn, (points * size).cpu().numpy()):
            for k, place in enumerate(places):
                if (place > 0).all():
                    face[k] = draw_gaussian(face[k], place, 2)
        z = self.net(torch.cat([images, torch.from_numpy(drawn).to(images)], 1)).to(points.dtype) / size
        return 0.5 + z - z.mean(1, keepdim=True)
