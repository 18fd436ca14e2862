"""What the three networks are made of: convolutions with BatchNorm, an hourglass, the blur before halving."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate, relu


class ConvBlock(nn.Module):
    """Convolution, BatchNorm, ReLU: (B, i, H, W) -> (B, o, H, W)."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2)
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.norm(self.conv(x)))


class DownBlock(ConvBlock):
    """(B, i, H, W) -> (B, o, H/2, W/2)."""

    def forward(self, x: Tensor) -> Tensor:
        return avg_pool2d(super().forward(x), 2)


class UpBlock(ConvBlock):
    """(B, i, H, W) -> (B, o, 2H, 2W)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(interpolate(x, scale_factor=2, mode="nearest"))


class ResBlock(nn.Module):
    """Twice BatchNorm, ReLU, convolution, beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(relu(self.norm2(self.conv1(relu(self.norm1(x))))))


class Hourglass(nn.Module):
    """Halvings and doublings with skips, the input too: (B, i, H, W) -> (B, outputs, H, W).

    Attributes:
        outputs: channels + inputs.
    """

    def __init__(self, inputs: int, channels: int, max_channels: int, levels: int) -> None:
        """`channels` double at each level, to at most `max_channels`; H and W are multiples of 2^levels."""
        super().__init__()
        widths = [min(channels * 2**level, max_channels) for level in range(levels + 1)]
        ends = [inputs, *widths[1:]]
        self.down = nn.ModuleList(DownBlock(ends[k], ends[k + 1]) for k in range(levels))
        # All but the lowest see a skip of their own width too.
        self.up = nn.ModuleList(
            UpBlock(widths[k + 1] * (1 if k == levels - 1 else 2), widths[k]) for k in reversed(range(levels))
        )
        self.outputs = channels + inputs

    def forward(self, x: Tensor) -> Tensor:
        seen = [x]
        for block in self.down:
            seen.append(block(seen[-1]))
        x = seen.pop()
        for block in self.up:
            x = torch.cat([block(x), seen.pop()], 1)
        return x


class Shrink(nn.Module):
    """Each `factor`-th pixel of the blurred picture: (B, C, H, W) -> (B, C, H/factor, W/factor), float32.

    The Gaussian has standard deviation (factor - 1) / 2 and is cut at four of them; outside of the picture is black.
    """

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor, deviation = factor, (factor - 1) / 2
        reach = round(4 * deviation)
        line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1.0) / max(deviation, 1e-6)).square())
        kernel = torch.outer(line, line)
        self.register_buffer("kernel", (kernel / kernel.sum())[None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        if self.factor == 1:
            return images.float()
        reach, channels = self.kernel.shape[-1] // 2, images.shape[1]
        kernel = self.kernel.expand(channels, -1, -1, -1)
        return conv2d(images, kernel, stride=self.factor, padding=reach, groups=channels).float()
