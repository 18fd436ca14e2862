"""The RFG's networks (Sec. 3.2): face generator G_f, style encoder E_s, discriminators D_f and D_s.

The layout is StarGAN v2's (Choi et al. 2020) with the paper's changes: the input is a landmark map, the style enters
the last intermediate blocks and all upsampling blocks, and the discriminators have the style encoder's form.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate

HALF = 1 / math.sqrt(2)  # a residual sum keeps unit variance
SMALLEST = 16  # pixels that G_f's intermediate blocks see


class DownBlock(nn.Module):
    """Residual block (B, i, H, W) -> (B, o, H/2, W/2), or the same size; instance norm if `norm`."""

    def __init__(self, channels_in: int, channels_out: int, norm: bool, down: bool = True) -> None:
        super().__init__()
        self.down = down
        self.norm1 = nn.InstanceNorm2d(channels_in, affine=True) if norm else nn.Identity()
        self.norm2 = nn.InstanceNorm2d(channels_in, affine=True) if norm else nn.Identity()
        self.conv1 = nn.Conv2d(channels_in, channels_in, 3, padding=1)
        self.conv2 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.skip = (
            nn.Conv2d(channels_in, channels_out, 1, bias=False) if channels_in != channels_out else nn.Identity()
        )
        self.activation = nn.LeakyReLU(0.2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv1(self.activation(self.norm1(x)))
        if self.down:
            x, y = avg_pool2d(x, 2), avg_pool2d(y, 2)
        return HALF * (self.skip(x) + self.conv2(self.activation(self.norm2(y))))


class AdaIN(nn.Module):
    """Adaptive instance normalisation: the style code sets mean and scale of every channel."""

    def __init__(self, style_dim: int, channels: int) -> None:
        super().__init__()
        self.norm = nn.InstanceNorm2d(channels)
        self.linear = nn.Linear(style_dim, 2 * channels)

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        scale, shift = self.linear(style)[:, :, None, None].chunk(2, 1)
        return (1 + scale) * self.norm(x) + shift


class FixedNoise(nn.Module):
    """Adds one fixed pattern of unit variance to all channels, to each with a strength that is learnt.

    Landmarks and style say nothing of single hairs; a generator that has nothing else to make them of leaves a lattice
    of dots (docs/faces.md). The noise of Karras et al. 2019 (StyleGAN), Sec. 3.2, but always the same, so that the same
    input gives the same picture.
    """

    def __init__(self, channels: int, size: int) -> None:
        """`size`: of what it is added to, (B, channels, size, size). Its strength starts at 0."""
        super().__init__()
        drawn = torch.Generator().manual_seed(size)  # leaves the weights' random numbers alone
        self.register_buffer("pattern", torch.randn(1, 1, size, size, generator=drawn))
        self.strength = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.strength[:, None, None] * self.pattern


class AdaINBlock(nn.Module):
    """Residual block (B, i, H, W) with style (B, style_dim) -> (B, o, 2H, 2W), or the same size."""

    def __init__(
        self, channels_in: int, channels_out: int, style_dim: int, up: bool = True, upsampling: str = "nearest"
    ) -> None:
        """`upsampling`: nearest, as in StarGAN v2, or bilinear, which leaves no grid in the picture."""
        super().__init__()
        self.noise: nn.Module = nn.Identity()  # of what the first convolution makes
        self.up, self.upsampling = up, upsampling
        self.norm1 = AdaIN(style_dim, channels_in)
        self.norm2 = AdaIN(style_dim, channels_out)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.skip = (
            nn.Conv2d(channels_in, channels_out, 1, bias=False) if channels_in != channels_out else nn.Identity()
        )
        self.activation = nn.LeakyReLU(0.2)

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        y = self.activation(self.norm1(x, style))
        x = self.skip(x)  # before upsampling: a 1x1 convolution gives the same, on a quarter of the pixels
        if self.up:
            x, y = (_double(t, self.upsampling) for t in (x, y))
        y = self.conv2(self.activation(self.norm2(self.noise(self.conv1(y)), style)))
        return HALF * (x + y)


class ModulatedConv(nn.Module):
    """3x3 convolution, its input scaled by the style, its output demodulated (Karras et al. 2020, Sec. 2.2).

    The output's scale is divided by what the weights would give for inputs of unit variance, not by the picture's own
    statistics: nothing that a spike could outwit.
    """

    def __init__(self, channels_in: int, channels_out: int, style_dim: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
        self.bias = nn.Parameter(torch.zeros(channels_out))
        self.linear = nn.Linear(style_dim, channels_in)

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        scale = 1 + self.linear(style)  # (B, i)
        power = self.conv.weight.square().sum((2, 3))  # (o, i)
        gain = (scale.square() @ power.t() + 1e-8).rsqrt()  # (B, o)
        return self.conv(x * scale[:, :, None, None]) * gain[:, :, None, None] + self.bias[:, None, None]


class DemodulatedBlock(nn.Module):
    """As `AdaINBlock`, the styles in demodulated convolutions (StyleGAN2) in place of AdaIN."""

    def __init__(
        self, channels_in: int, channels_out: int, style_dim: int, up: bool = True, upsampling: str = "nearest"
    ) -> None:
        super().__init__()
        self.noise: nn.Module = nn.Identity()  # of what the first convolution makes
        self.up, self.upsampling = up, upsampling
        self.conv1 = ModulatedConv(channels_in, channels_out, style_dim)
        self.conv2 = ModulatedConv(channels_out, channels_out, style_dim)
        self.skip = (
            nn.Conv2d(channels_in, channels_out, 1, bias=False) if channels_in != channels_out else nn.Identity()
        )
        self.activation = nn.LeakyReLU(0.2)

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        y = self.activation(x)
        x = self.skip(x)
        if self.up:
            x, y = (_double(t, self.upsampling) for t in (x, y))
        return HALF * (x + self.conv2(self.activation(self.noise(self.conv1(y, style))), style))


STYLED_BLOCKS = {"adain": AdaINBlock, "demodulated": DemodulatedBlock}
"""rfg.style_norm: how the style enters."""


def _double(x: torch.Tensor, upsampling: str) -> torch.Tensor:
    return interpolate(x, scale_factor=2, mode=upsampling, align_corners=None if upsampling == "nearest" else False)


class ToRgb(nn.Sequential):
    """Norm, activation and the last convolution: (B, channels, H, W) with style (B, style_dim) -> (B, 3, H, W)."""

    def __init__(self, channels: int, style_dim: int, norm: str, kernel: int) -> None:
        """`norm` (rfg.rgb_norm): instance, as in StarGAN v2 and the authors' weights, adain, or none.

        Instance norm is blind to the style: a person's overall colour can pass it only as one spike that all channels
        share (Karras et al. 2020, Sec. 2), and where the spike stands nothing else can be painted.
        """
        norms = {
            "instance": lambda: nn.InstanceNorm2d(channels, affine=True),
            "adain": lambda: AdaIN(style_dim, channels),
            "none": nn.Identity,
        }
        super().__init__(norms[norm](), nn.LeakyReLU(0.2), nn.Conv2d(channels, 3, kernel, padding=kernel // 2))

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        norm, activation, convolution = self
        return convolution(activation(norm(x, style) if isinstance(norm, AdaIN) else norm(x)))


def _he(net: nn.Module) -> None:
    """He's initialisation, as in StarGAN v2.

    PyTorch's own shrinks the signal at each convolution: without norm in between, E_s would tell all faces the same
    code, which L_st (13) rewards.
    """
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _widths(channels: int, max_channels: int, blocks: int) -> list[int]:
    return [min(channels * 2**k, max_channels) for k in range(blocks + 1)]


class FaceGenerator(nn.Module):
    """G_f: landmark map and style code to a face.

    3x3 convolution; 4 down blocks with instance norm; 4 intermediate blocks, the last `adain_intermediate` of them with
    AdaIN; 4 up blocks with AdaIN; 3x3 convolution to RGB, sigmoid. At 256 px with channels 64, max_channels 512: widths
    64-128-256-512-512. Smaller pictures take fewer down and up blocks, so that the intermediate ones see 16 x 16 px as
    at 256: through 8 x 8 px eyes and mouth hardly pass.
    """

    def __init__(
        self,
        size: int,
        channels: int,
        max_channels: int,
        style_dim: int,
        adain_intermediate: int,
        rgb_kernel: int = 3,
        rgb_norm: str = "instance",
        style_norm: str = "adain",
        upsampling: str = "nearest",
        noise: str = "none",
    ) -> None:
        """`size`: pixels, a power of two from 32. The authors' published weights have rgb_kernel 1, rgb_norm instance,
        style_norm adain, upsampling nearest and noise none; see `ToRgb`, `STYLED_BLOCKS`, `AdaINBlock` and `FixedNoise`
        (of the up blocks) for the others."""
        super().__init__()
        widths = _widths(channels, max_channels, int(math.log2(size // SMALLEST)))
        top = widths[-1]
        self.first = nn.Conv2d(3, channels, 3, padding=1)
        self.down = nn.Sequential(*(DownBlock(i, o, norm=True) for i, o in pairwise(widths)))
        plain = 4 - adain_intermediate
        self.middle = nn.Sequential(*(DownBlock(top, top, norm=True, down=False) for _ in range(plain)))
        block = STYLED_BLOCKS[style_norm]
        styled = [block(top, top, style_dim, up=False) for _ in range(adain_intermediate)]
        for number, (i, o) in enumerate(pairwise(widths[::-1])):
            styled.append(block(i, o, style_dim, upsampling=upsampling))
            if noise == "fixed":
                styled[-1].noise = FixedNoise(o, SMALLEST * 2 ** (number + 1))
        self.styled = nn.ModuleList(styled)
        self.to_rgb = ToRgb(channels, style_dim, rgb_norm, rgb_kernel)
        _he(self)

    def forward(self, maps: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        """Ihat_t = G_f(l_t, s_s).

        Args:
            maps: (B, 3, H, W) landmark maps with values {0, 1}; H = W = size.
            style: (B, style_dim).

        Returns:
            (B, 3, H, W) in (0, 1).
        """
        x = self.middle(self.down(self.first(maps)))
        for block in self.styled:
            x = block(x, style)
        return torch.sigmoid(self.to_rgb(x, style).float())


class Trunk(nn.Module):
    """E_s, D_f and D_s: 3x3 convolution, down blocks without norm to 4x4 px (6 at 256 px), 4x4 convolution, linear."""

    def __init__(self, size: int, inputs: int, channels: int, max_channels: int, outputs: int) -> None:
        """`size`: pixels, a power of two from 32. `inputs`: channels of the picture. `outputs`: style_dim, or 1."""
        super().__init__()
        widths = _widths(channels, max_channels, int(math.log2(size)) - 2)
        self.first = nn.Conv2d(inputs, channels, 3, padding=1)
        self.down = nn.Sequential(*(DownBlock(i, o, norm=False) for i, o in pairwise(widths)))
        self.last = nn.Sequential(nn.LeakyReLU(0.2), nn.Conv2d(widths[-1], widths[-1], 4), nn.LeakyReLU(0.2))
        self.linear = nn.Linear(widths[-1], outputs)
        _he(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, inputs, size, size) -> (B, outputs)."""
        return self.linear(self.last(self.down(self.first(x))).flatten(1)).float()
