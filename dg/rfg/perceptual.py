"""The release's term in place of eq. (12): VGG-Face features of the painted face against the target's."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from dg.identity.vggface import VggFace, vggface
from dg.precision import wide
from dg.training.gan import masked_mean
from dg.weights.identity import PERCEPTUAL
from dg.weights.published import PUBLISHED


def load_perceptual(device: str | torch.device = "cpu", folder: Path = PUBLISHED) -> VggFace:
    """The frozen network behind `perceptual_loss`.

    Raises:
        DgError: its weights are missing, damaged or of another network.
    """
    net = vggface(PERCEPTUAL, folder)
    net.classifier = nn.Identity()  # 480 MB that the features don't need
    return net.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)


def perceptual_loss(
    net: VggFace, painted: Tensor, truth: Tensor, known: Tensor, divisor: float | None = None
) -> Tensor:
    """Sum over five layers of the mean |feature of Ihat_t - feature of I_t|, mean over the pairs whose truth is known.

    Args:
        painted, truth: (B, 3, H, H) in [0, 1]; rows of `truth` without ground truth hold anything.
        known: (B,) bool.
        divisor: number to divide by in place of how many are known; see `dg.training.gan.masked_mean`.

    Returns:
        Scalar, at least float32; 0 if no truth is known. Gradient to `painted` alone.
    """
    with torch.no_grad():
        wanted = net.activations(truth)
    distances = [
        (wide(made) - wide(goal)).abs().flatten(1).mean(1) for made, goal in zip(net.activations(painted), wanted)
    ]
    return masked_mean(torch.stack(distances).sum(0), known, divisor)
