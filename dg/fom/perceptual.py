"""The perceptual loss's features: VGG-16 on a pyramid of pictures.

The published model uses VGG-19, which no package ships; the five layers that count are called alike in both, and up to
relu3_1 the two networks have the same layers. No metric uses VGG-16: LPIPS, which judges, is on AlexNet here.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dg.fom.blocks import Shrink
from dg.lpips.weights import lpips_weights

_BLOCKS = (2, 2, 3, 3, 3)  # convolutions between poolings
_KEPT = {sum(_BLOCKS[:block]) for block in range(len(_BLOCKS))}  # relu1_1, relu2_1, relu3_1, relu4_1, relu5_1
_MEAN, _SCALE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SCALES = (1, 2, 4, 8)
"""The pyramid: pictures shrunk by these."""
SMALLEST = 16
"""Four poolings leave one pixel of it: a scale with fewer pixels is left out."""


class Pyramid(nn.Module):
    """(B, 3, H, W) in [0, 1] -> the features of each scale and layer, (B, C, h, w) each. Frozen."""

    def __init__(self) -> None:
        """Load VGG-16.

        Raises:
            DgError: the package that ships it is missing or holds another file.
        """
        super().__init__()
        weights = lpips_weights("vgg16")
        for k in range(max(_KEPT) + 1):
            for part in ("weight", "bias"):
                self.register_buffer(f"{part}_{k}", weights[f"conv.{k}.{part}"], persistent=False)
        for name, numbers in (("mean", _MEAN), ("scale", _SCALE)):
            self.register_buffer(name, torch.tensor(numbers).view(1, 3, 1, 1), persistent=False)
        self.shrinks = nn.ModuleList(Shrink(factor) for factor in SCALES)

    def forward(self, images: Tensor) -> list[Tensor]:
        shrinks = [each for each in self.shrinks if images.shape[-1] // each.factor >= SMALLEST]
        return [feature for shrink in shrinks for feature in self.features(shrink(images))]

    def features(self, images: Tensor) -> list[Tensor]:
        """The five layers of pictures at least SMALLEST pixels wide."""
        x, found = (images - self.mean) / self.scale, []
        for k in range(max(_KEPT) + 1):
            if k and k in _KEPT:
                x = F.max_pool2d(x, 2)
            x = F.relu(F.conv2d(x, getattr(self, f"weight_{k}"), getattr(self, f"bias_{k}"), padding=1))
            if k in _KEPT:
                found.append(x)
        return found
