"""VGG-Face (Parkhi et al. 2015), the face network of the authors' release: fc7 codes, and features for its L_id."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import vgg16

from dg.weights.published import PUBLISHED, Published
from dg.weights.state import State, fill

IDENTITIES = 2622
SIZE = 256
"""Side in pixels at which the release looks at faces; torchvision's VGG pools to 7 x 7 cells itself."""
LAYERS = (1, 6, 11, 18, 25)
"""Places in torchvision's `features` of relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1, which the release compares."""

_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
_CONV_NAMES = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "4_1", "4_2", "4_3", "5_1", "5_2", "5_3")
NAMES = {f"conv{name}": f"features.{place}" for name, place in zip(_CONV_NAMES, _CONVOLUTIONS)}
NAMES |= {"fc6": "classifier.0", "fc7": "classifier.3", "fc8": "classifier.6"}
"""Layer names of the published file -> torchvision's. Files with torchvision's names are read as they are."""


class VggFace(nn.Module):
    """The network as the release uses it: RGB in [0, 1] less ImageNet's mean, by ImageNet's standard deviation."""

    def __init__(self) -> None:
        super().__init__()
        net = vgg16(weights=None, init_weights=False, num_classes=IDENTITIES)
        self.features, self.avgpool = net.features, net.avgpool
        self.classifier = net.classifier[:5]  # to fc7 and its ReLU
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225])[:, None, None], persistent=False)

    def _prepared(self, images: Tensor) -> Tensor:
        if images.shape[-1] != SIZE:
            images = F.interpolate(images, (SIZE, SIZE), mode="bilinear", antialias=True)
        return (images - self.mean) / self.std

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, H) in [0, 1] -> (B, 4096), fc7 after its ReLU."""
        return self.classifier(self.avgpool(self.features(self._prepared(images))).flatten(1))

    def activations(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, H) in [0, 1] -> the activations at LAYERS, (B, c, h, w) each."""
        found, x = [], self._prepared(images)
        for place, layer in enumerate(self.features[: LAYERS[-1] + 1]):
            x = layer(x)
            if place in LAYERS:
                # A ReLU that works in place would overwrite what is kept.
                found.append(x.clone())
        return found


def vggface(weights: Published, folder: Path = PUBLISHED) -> VggFace:
    """VGG-Face with `weights`, which lie in `folder`, under names as published or as torchvision's.

    Raises:
        DgError: the file is missing, damaged or of another network.
    """
    net = VggFace()
    fill(net, weights, folder, _renamed)
    return net


def _renamed(state: State) -> State:
    renamed = {}
    for name, tensor in state.items():
        layer, _, kind = name.rpartition(".")
        renamed[f"{NAMES.get(layer, layer)}.{kind}"] = tensor.float()
    return {name: tensor for name, tensor in renamed.items() if not name.startswith("classifier.6.")}
