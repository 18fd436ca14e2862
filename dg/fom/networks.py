"""The three networks (Siarohin et al. 2019, Sec. 3), key points, dense motion and generator, and the model of all."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from dg.fom.blocks import ConvBlock, DownBlock, Hourglass, ResBlock, Shrink, UpBlock
from dg.fom.motion import KeyPoints, expected_place, flow, heat_maps, resized, sparse_motions, warp
from dg.sizes.fom import FomSizes

TEMPERATURE = 0.1
"""Of the softmax over a heat map's places."""
SHRINK = 4
"""Key points and motion are found on the picture at 1/4."""
HALVINGS, RESIDUALS = 2, 6


class KeyPointDetector(nn.Module):
    """(B, 3, H, W) pictures in [0, 1] -> their `KeyPoints`, float32."""

    def __init__(self, sizes: FomSizes) -> None:
        super().__init__()
        self.points = sizes.points
        self.shrink = Shrink(SHRINK)
        self.hourglass = Hourglass(3, sizes.detector_channels, sizes.hourglass_max, sizes.levels)
        self.heat = nn.Conv2d(self.hourglass.outputs, sizes.points, 7)
        self.jacobian = nn.Conv2d(self.hourglass.outputs, 4 * sizes.points, 7)
        # No motion but translation, at first.
        nn.init.zeros_(self.jacobian.weight)
        with torch.no_grad():
            self.jacobian.bias.copy_(torch.eye(2).flatten().repeat(sizes.points))

    def forward(self, images: Tensor) -> KeyPoints:
        features = self.hourglass(self.shrink(images))
        heat = self.heat(features).float()
        heat = torch.softmax(heat.flatten(2) / TEMPERATURE, -1).view_as(heat)
        maps = self.jacobian(features).float().unflatten(1, (self.points, 2, 2))
        return KeyPoints(expected_place(heat), (heat[:, :, None, None] * maps).sum((-2, -1)))


class DenseMotion(nn.Module):
    """Which motion holds where, and what the source doesn't show: masks (B, 1 + K, h, w) that sum to 1 at each place,
    and the occlusion map (B, 1, h, w) in (0, 1), 1 where the source's features are to be used; float32."""

    def __init__(self, sizes: FomSizes) -> None:
        super().__init__()
        motions = sizes.points + 1
        self.hourglass = Hourglass(4 * motions, sizes.motion_channels, sizes.hourglass_max, sizes.levels)
        self.mask = nn.Conv2d(self.hourglass.outputs, motions, 7, padding=3)
        self.occlusion = nn.Conv2d(self.hourglass.outputs, 1, 7, padding=3)

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """`seen`: (B, 4 (1 + K), h, w), see `Fom.move`."""
        features = self.hourglass(seen)
        return torch.softmax(self.mask(features).float(), 1), torch.sigmoid(self.occlusion(features).float())


class Generator(nn.Module):
    """The source's features, moved and partly forgotten, eq. (8), and painted: (B, 3, H, W) in (0, 1), float32."""

    def __init__(self, sizes: FomSizes) -> None:
        super().__init__()
        widths = [min(sizes.channels * 2**k, sizes.max_channels) for k in range(HALVINGS + 1)]
        self.first = ConvBlock(3, widths[0], 7)
        self.down = nn.ModuleList(DownBlock(widths[k], widths[k + 1]) for k in range(HALVINGS))
        self.middle = nn.Sequential(*(ResBlock(widths[-1]) for _ in range(RESIDUALS)))
        self.up = nn.ModuleList(UpBlock(widths[k + 1], widths[k]) for k in reversed(range(HALVINGS)))
        self.final = nn.Conv2d(widths[0], 3, 7, padding=3)

    def forward(self, source: Tensor, places: Tensor, occlusion: Tensor) -> Tensor:
        """Paint.

        Args:
            source: (B, 3, H, W) in [0, 1].
            places: (B, h, w, 2), the flow: places of the source.
            occlusion: (B, 1, h, w).
        """
        x = self.first(source)
        for block in self.down:
            x = block(x)
        size = x.shape[-2:]
        x = warp(x, resized(places.permute(0, 3, 1, 2), *size).permute(0, 2, 3, 1)) * resized(occlusion, *size)
        x = self.middle(x)
        for block in self.up:
            x = block(x)
        return torch.sigmoid(self.final(x).float())


class Moved(NamedTuple):
    """How the source moves.

    Attributes:
        places: (B, h, w, 2), the flow of eq. (7). occlusion: (B, 1, h, w). masks: (B, 1 + K, h, w).
    """

    places: Tensor
    occlusion: Tensor
    masks: Tensor


class Fom(nn.Module):
    """Source and driving picture in, the source moved as the driving picture shows out."""

    def __init__(self, sizes: FomSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.detector, self.motion, self.generator = KeyPointDetector(sizes), DenseMotion(sizes), Generator(sizes)
        self.shrink = Shrink(SHRINK)

    def move(self, source: Tensor, source_points: KeyPoints, driving_points: KeyPoints) -> Moved:
        """Flow and occlusion from the source picture (B, 3, H, W) and both pictures' key points.

        The network sees, per motion, its heat map and the small source warped by it.
        """
        small = self.shrink(source)
        batch, _, *size = small.shape
        motions = sparse_motions(driving_points, source_points, *size)
        heat = heat_maps(driving_points, source_points, *size)
        count = motions.shape[1]
        warped = warp(small.repeat_interleave(count, 0), motions.flatten(0, 1)).view(batch, count, 3, *size)
        masks, occlusion = self.motion(torch.cat([heat[:, :, None], warped], 2).flatten(1, 2))
        return Moved(flow(masks, motions), occlusion, masks)

    def forward(self, source: Tensor, source_points: KeyPoints, driving_points: KeyPoints) -> tuple[Tensor, Moved]:
        """The picture (B, 3, H, W) in (0, 1), and how the source moved."""
        moved = self.move(source, source_points, driving_points)
        return self.generator(source, moved.places, moved.occlusion), moved

    @torch.no_grad()
    def reenact(self, source: Tensor, driving: Tensor) -> Tensor:
        """The source, its points where the driving picture has its own (absolute motion); both (B, 3, H, W)."""
        return self(source, self.detector(source), self.detector(driving))[0]
