"""The small convolutional network behind the back end `synthface-id`."""

from __future__ import annotations

from torch import Tensor, nn

from dg.landmarks.zoom import around

SIZE = 96  # pixels of its input
CROP = (0.1, 0.16, 0.9, 0.96)
"""Left, top, right, bottom of the part of a face crop that it looks at: bridge to chin is half of its height."""
WIDTH = 64
"""Channels of the first convolution."""
SQUARE = 1.25
"""Side of the square around known landmarks that it looks at, in longer sides of their bounding box."""


def square_around(points: Tensor) -> tuple[Tensor, Tensor]:
    """Middle (B, 2) and side (B,) of the squares around landmarks (B, 68, 2 or 3), shares of the picture."""
    centre, side = around(points)
    return centre, SQUARE * side


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
    """Squares around faces to face codes: five halvings, one filter per channel over the last 6 x 6.

    Attributes:
        size: pixels a side of what it looks at.
    """

    size = SIZE

    def __init__(self, dimension: int = 128, width: int = WIDTH) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 3, 2, 1, bias=False),
            Residual(width, 2 * width, 2),
            Residual(2 * width, 4 * width, 2),
            Residual(4 * width, 4 * width, 1),
            Residual(4 * width, 6 * width, 2),
            nn.BatchNorm2d(6 * width),
            nn.Conv2d(6 * width, 6 * width, SIZE // 16, groups=6 * width, bias=False),
            nn.Flatten(),
            nn.Linear(6 * width, dimension, bias=False),
            nn.BatchNorm1d(dimension),
        )

    def forward(self, parts: Tensor) -> Tensor:
        """Squares (B, 3, SIZE, SIZE) in [0, 1] around faces -> (B, dimension), not normalised."""
        return self.layers((parts - 0.5) / 0.25)
