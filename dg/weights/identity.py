"""Face encoders whose publishers let nobody ship them."""

from __future__ import annotations

import dataclasses

from dg.weights.published import Published

_SHIPPED = "identity.backend: synthface-id, whose weights ship with the project"

ENCODERS = {
    "vggface2": Published(
        what="a torchvision ResNet-50 trained on VGGFace2",
        names=("resnet50_vggface2.safetensors", "resnet50_vggface2.pth"),
        source="https://github.com/ox-vgg/vgg_face2",
        instead=_SHIPPED,
        form="tensors alone, called as torchvision's: conv1.weight, layer1.0.conv1.weight, …; fc is not used",
    ),
    "vggface": Published(
        what="VGG-Face (a VGG-16)",
        names=("vggface.safetensors", "vggface.pth", "vgg_face_dag.pth"),  # the last is its publisher's
        source="https://www.robots.ox.ac.uk/~vgg/software/vgg_face/",
        instead=_SHIPPED,
        form="tensors alone, called conv1_1.weight, …, fc6.weight, fc7.weight (or as torchvision's: features.0.weight, "
        "…, classifier.0.weight); fc8 is not used",
    ),
}
"""By name: `identity.backend` in params.yaml."""

PERCEPTUAL = dataclasses.replace(
    ENCODERS["vggface"], instead="rfg.identity_loss: cosine, eq. (12) itself, which needs no such file"
)
"""The same VGG-Face, as a loss needs it."""
