"""The small convolutional network behind the back end `synthface-id`."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

SIZE = 96  # pixels of its input
CROP = (0.1, 0.16, 0.9, 0.96)
"""Left, top, right, bottom of the part of a face crop that it looks at: bridge to chin is half of its height."""


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut; `stride` 2 halves the picture."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(channels_in),
            nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.PReLU(channels),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        same = stride == 1 and channels_in == channels
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(nn.AvgPool2d(stride, stride), nn.Conv2d(channels_in, channels, 1, bias=False))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, h, w) -> (B, channels, h / stride, w / stride)."""
        return self.shortcut(x) + self.layers(x)


class FaceCodeNet(nn.Module):
    """Face crops to face codes: 1.2 million parameters, five halvings, one filter per channel over the last 6 x 6."""

    def __init__(self, dimension: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 32, 3, 2, 1, bias=False),
            Residual(32, 64, 2),
            Residual(64, 128, 2),
            Residual(128, 128, 1),
            Residual(128, 192, 2),
            nn.BatchNorm2d(192),
            nn.Conv2d(192, 192, SIZE // 16, groups=192, bias=False),
            nn.Flatten(),
            nn.Linear(192, dimension, bias=False),
            nn.BatchNorm1d(dimension),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Whole face crops (B, 3, H, H) in [0, 1], any H -> (B, dimension), not normalised."""
        height, width = images.shape[-2:]
        left, top, right, bottom = (round(edge * side) for edge, side in zip(CROP, (width, height, width, height)))
        part = images[..., top:bottom, left:right]
        part = F.interpolate(part, (SIZE, SIZE), mode="bilinear", antialias=True, align_corners=False)
        return self.layers((part - 0.5) / 0.25)
