"""LPIPS (Zhang et al. 2018) on AlexNet, which no loss sees. The paper has no LPIPS."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from dg.lpips.network import Lpips

Distance = Callable[[torch.Tensor, torch.Tensor], np.ndarray]


def open_lpips(backend: str) -> Distance | None:
    """The distance of two batches of uint8 pictures [B, 3, H, W], (B,) float64 each >= 0; None: not measured.

    Args:
        backend: "alexnet" or "none".

    Raises:
        DgError: the package that ships the network is missing or holds another file.
    """
    if backend == "none":
        return None
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net = Lpips(backend).to(device)

    @torch.inference_mode()
    def distance(first: torch.Tensor, second: torch.Tensor) -> np.ndarray:
        pictures = (images.to(device).float() / 255 for images in (first, second))
        return net(*pictures).double().clamp(min=0).cpu().numpy()

    return distance
