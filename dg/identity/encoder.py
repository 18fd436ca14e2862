"""E_f: the network that tells faces apart, frozen; its code r is what the IDSG and eq. (12) know of a person."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import resnet50

from dg.checkpoints import load_checkpoint
from dg.errors import DgError
from dg.identity import DIMENSIONS
from dg.identity.network import SynthFaceId
from dg.identity.vggface import vggface
from dg.weights import bundled
from dg.weights.identity import ENCODERS
from dg.weights.published import PUBLISHED
from dg.weights.state import fill

BACKENDS = tuple(DIMENSIONS)


class FaceEncoder(nn.Module):
    """A frozen embedder.

    Attributes:
        dimension: D, length of a face code.
    """

    def __init__(self, net: nn.Module, dimension: int, scaled: bool = True) -> None:
        """Freeze `net`: face crops (B, 3, H, H) in [0, 1] -> (B, dimension). `scaled`: bring codes to one length."""
        super().__init__()
        self.scaled = scaled
        self.net = net.to(memory_format=torch.channels_last)
        self.dimension = dimension
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> FaceEncoder:
        """Stay in evaluation mode, also inside a network that is trained."""
        return super().train(False)

    def forward(self, images: Tensor, points: Tensor) -> Tensor:
        """(B, 3, H, H) face crops in [0, 1], any H -> (B, D) codes, with gradient to the pictures.

        Args:
            points: (B, 68, 3) F_l's landmarks of the crops, in eq. (12) the driving ones. "synthface-id" looks around
                them and reads the shape of the head from them too, without gradient to them; the others see whole
                crops alone.

        Scaled codes have length sqrt(D): every number of them is about as large as 1, which suits the IDSG's linear
        layers; cosines don't see it. Those of "vggface" are left as they are: the authors' IDSG was trained on them.
        """
        codes = self.net(images, points) if isinstance(self.net, SynthFaceId) else self.net(images)
        codes = codes if codes.dtype == torch.float64 else codes.float()
        return F.normalize(codes, dim=1) * self.dimension**0.5 if self.scaled else codes


class _VggFace2(nn.Module):
    """ResNet-50 up to the pooled 2048 features, fed as VGGFace2's networks are: 224 px RGB, mean colour taken off."""

    def __init__(self) -> None:
        super().__init__()
        self.net = resnet50(weights=None)
        self.net.fc = nn.Identity()
        # Mean colour of VGGFace2's training faces, published with its models (BGR 91.4953, 103.8827, 131.0912).
        mean = torch.tensor([131.0912, 103.8827, 91.4953])
        self.register_buffer("mean", mean[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        large = F.interpolate(images, (224, 224), mode="bilinear", antialias=True, align_corners=False)
        return self.net(large * 255 - self.mean)


def load_face_encoder(backend: str, device: str | torch.device = "cpu", folder: Path = PUBLISHED) -> FaceEncoder:
    """The face encoder called `backend`.

    Args:
        backend: "synthface-id" (bundled, D = 160, trained by this project on SynthFace people), "vggface2" (the
            paper's: torchvision's ResNet-50 with VGGFace2 weights, D = 2048) or "vggface" (the authors' release:
            VGG-Face's fc7, D = 4096; files and names: dg/identity/vggface.py).
        folder: where the file of "vggface2" lies: `resnet50_vggface2.safetensors`, or `.pth` with tensors only, the
            state of a torchvision ResNet-50 trained on VGGFace2 (RGB, 0-255 less the mean colour); "fc" is not used.

    Raises:
        DgError: no such back end, or its weights are missing, damaged or of another network.
    """
    if backend == "synthface-id":
        net = SynthFaceId()
        net.load_state_dict(load_checkpoint(bundled(backend)))
        return FaceEncoder(net, DIMENSIONS[backend]).to(device)
    if backend == "vggface2":
        return FaceEncoder(_vggface2(folder), DIMENSIONS[backend]).to(device)
    if backend == "vggface":
        return FaceEncoder(vggface(ENCODERS[backend], folder), DIMENSIONS[backend], scaled=False).to(device)
    raise DgError(f"identity.backend: '{backend}' is unknown; use one of {', '.join(BACKENDS)}.")


def _vggface2(folder: Path) -> nn.Module:
    net = _VggFace2()
    fill(net.net, ENCODERS["vggface2"], folder, lambda state: {k: t for k, t in state.items() if k[:3] != "fc."})
    return net
