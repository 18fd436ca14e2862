"""The network of LPIPS, with gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dg.lpips.weights import Backbone, lpips_weights


@dataclass(frozen=True)
class _Layer:
    """A convolution and its ReLU.

    Attributes:
        pool: side of the max pooling before it, of stride 2; 0: none.
        kept: LPIPS compares it.
    """

    stride: int = 1
    padding: int = 1
    pool: int = 0
    kept: bool = True


_DEEPER = _Layer(kept=False)
_LAYERS = {
    "alexnet": (_Layer(stride=4, padding=2), _Layer(padding=2, pool=3), _Layer(pool=3), _Layer(), _Layer()),
    "vgg16": (
        *(_DEEPER, _Layer()),
        *(_Layer(pool=2, kept=False), _Layer()),
        *(_Layer(pool=2, kept=False), _DEEPER, _Layer()) * 3,
    ),
}
# Of pictures in [-1, 1]; RGB.
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_NOTHING = 1e-10


class Lpips(nn.Module):
    """Distance of pictures by a frozen network, (B, 3, H, W) in [0, 1] twice -> (B,), >= 0 but for rounding."""

    def __init__(self, backbone: Backbone) -> None:
        """Load `backbone`.

        Raises:
            DgError: the package that ships it is missing or holds another file.
        """
        super().__init__()
        self._layers = _LAYERS[backbone]
        for name, tensor in lpips_weights(backbone).items():
            self.register_buffer(name.replace(".", "_"), tensor, persistent=False)
        self.register_buffer("_shift", torch.tensor(_SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("_scale", torch.tensor(_SCALE).view(1, 3, 1, 1), persistent=False)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        pairs = zip(self.features(first), self.features(second))
        each = [
            F.conv2d((one - other).square(), getattr(self, f"lin_{number}_weight")).mean(dim=(1, 2, 3))
            for number, (one, other) in enumerate(pairs)
        ]
        return torch.stack(each).sum(0)

    def features(self, images: Tensor) -> list[Tensor]:
        """The layers that LPIPS compares, (B, C, h, w) each, every pixel's channels of length 1."""
        x, found = (images * 2 - 1 - self._shift) / self._scale, []
        for number, layer in enumerate(self._layers):
            if layer.pool:
                x = F.max_pool2d(x, layer.pool, 2)
            weight, bias = getattr(self, f"conv_{number}_weight"), getattr(self, f"conv_{number}_bias")
            x = F.relu(F.conv2d(x, weight, bias, layer.stride, layer.padding))
            if layer.kept:
                found.append(x / (x.square().sum(1, keepdim=True).sqrt() + _NOTHING))
        return found
