"""The back end `synthface-id`: two small convolutional networks, and what they and landmarks tell of a head's shape."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dg.landmarks.zoom import around, zoom

SIZE = 96  # pixels of its input
WIDTH = 64
"""Channels of the first convolution."""
SHAPE_DIMENSION = 32
"""Numbers of E_f's second part, which tells the shape of the head."""
SHAPE_WEIGHT = 0.5
"""Of these numbers, as large as those of the first part: eq. (12) is to look at the first, the IDSG at both."""
SQUARE = 1.25
"""Side of the square around landmarks that it looks at, in longer sides of their bounding box."""
COORDINATES = 204  # of 68 points


def square_around(points: Tensor) -> tuple[Tensor, Tensor]:
    """Middle (B, 2) and side (B,) of the squares around landmarks (B, 68, 2 or 3), shares of the picture."""
    centre, side = around(points)
    return centre, SQUARE * side


def squares(images: Tensor, points: Tensor) -> Tensor:
    """The parts (B, 3, SIZE, SIZE) of face crops (B, 3, H, W) around landmarks (B, 68, 2 or 3); no gradient to them."""
    return zoom(images, *square_around(points.detach()), SIZE)


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
        size: pixels a side of what it looks at. dimension: of the codes. width: channels of the first convolution.
    """

    size = SIZE

    def __init__(self, dimension: int = 128, width: int = WIDTH) -> None:
        super().__init__()
        self.dimension, self.width = dimension, width
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
        return self.layers(self.scaled(parts))

    @staticmethod
    def scaled(parts: Tensor) -> Tensor:
        """[0, 1] to the range that the first layer takes."""
        return (parts - 0.5) / 0.25


class ShapeBranch(nn.Module):
    """From `FaceCodeNet`'s third layer to scores of the head's shape; every place of the last 6 x 6 counts."""

    START = 3

    def __init__(self, dimension: int = SHAPE_DIMENSION, width: int = WIDTH) -> None:
        super().__init__()
        self.dimension = dimension
        self.layers = nn.Sequential(
            Residual(4 * width, 4 * width, 1),
            Residual(4 * width, 6 * width, 2),
            nn.BatchNorm2d(6 * width),
            nn.Flatten(),
            nn.Linear(6 * width * (SIZE // 16) ** 2, dimension),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, 4 width, SIZE / 8, SIZE / 8) -> (B, dimension)."""
        return self.layers(features)


class ShapeHead(nn.Module):
    """One linear layer from what the networks say, and the landmarks turned to a head at rest, to scores of its shape.

    Pictures and landmarks err in different ways, so both tell more than either (docs/faces.md).
    """

    def __init__(self, dimension: int, told: int) -> None:
        """`dimension`: scores. `told`: numbers of the networks."""
        super().__init__()
        self.register_buffer("rest", torch.zeros(68, 3))
        self.layer = nn.Linear(COORDINATES + told, dimension)

    def forward(self, points: Tensor, told: Tensor) -> Tensor:
        """(B, 68, 3) landmarks, without gradient to them, and (B, told) -> (B, dimension)."""
        with torch.autocast(points.device.type, enabled=False):
            return self.layer(self.inputs(points, told.to(self.rest.dtype)))

    def inputs(self, points: Tensor, told: Tensor) -> Tensor:
        """(B, COORDINATES + told): how far turned landmarks lie from those of the head at rest, and `told`."""
        turned = turned_onto(points.detach().to(self.rest.dtype), self.rest)
        return torch.cat([(turned - self.rest).flatten(1), told], dim=1)


def turned_onto(points: Tensor, rest: Tensor) -> Tensor:
    """Landmarks (B, 68, 3) in crop coordinates, turned, scaled and shifted to lie nearest to a head at rest.

    Least squares (Schönemann 1966, the orthogonal Procrustes problem). In crops y points down, so a turn alone doesn't
    do: a reflection is let in, and with faces is always the one of y.

    Args:
        rest: (68, 3) about its own middle, the head's frame.
    """
    points = points - points.mean(1, keepdim=True)
    left, lengths, right = torch.linalg.svd(points.transpose(1, 2) @ rest)
    scale = lengths.sum(1) / points.square().sum((1, 2)).clamp_min(1e-12)
    return scale[:, None, None] * (points @ left @ right)


class SynthFaceId(nn.Module):
    """Who a picture shows (`dg/pretraining/faces/identity.py`), and what shape of head (`shape_code.py`).

    Attributes:
        size: pixels a side of what it looks at. dimension: D.
    """

    size = SIZE

    def __init__(self, identity: FaceCodeNet | None = None, shape: ShapeBranch | None = None) -> None:
        super().__init__()
        self.identity, self.shape = identity or FaceCodeNet(), shape or ShapeBranch()
        self.dimension = self.identity.dimension + self.shape.dimension
        self.head = ShapeHead(self.shape.dimension, self.dimension)

    def forward(self, images: Tensor, points: Tensor) -> Tensor:
        """Face crops (B, 3, H, W) in [0, 1] and their landmarks (B, 68, 3) -> (B, D): a code of mean square 1, then
        scores of a shape times SHAPE_WEIGHT. No gradient to the landmarks."""
        told = self.told(squares(images, points))
        scores = self.head(points, told)
        return torch.cat([told[:, : self.identity.dimension], SHAPE_WEIGHT * scores], dim=1)

    def told(self, parts: Tensor) -> Tensor:
        """What the two networks say of squares (B, 3, SIZE, SIZE): (B, D), a code of mean square 1, then scores."""
        features = self.features(parts)
        who = F.normalize(self.identity.layers[ShapeBranch.START :](features), dim=1) * self.identity.dimension**0.5
        return torch.cat([who, self.shape(features)], dim=1)

    def features(self, parts: Tensor) -> Tensor:
        """What both parts see of squares (B, 3, SIZE, SIZE)."""
        return self.identity.layers[: ShapeBranch.START](FaceCodeNet.scaled(parts))
