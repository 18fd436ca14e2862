"""LPIPS (Zhang et al. 2018) by torch-fidelity's VGG16 network, if its weights are there. The paper has no LPIPS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch_fidelity.sample_similarity_lpips import URL_VGG16_LPIPS, SampleSimilarityLPIPS
from torchvision.models import VGG16_Weights

from dg.errors import DgError

Distance = Callable[[torch.Tensor, torch.Tensor], np.ndarray]


def lpips_files() -> dict[Path, str]:
    """The two weight files, in torch.hub's folder (TORCH_HOME), and where each comes from."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    urls = (URL_VGG16_LPIPS, VGG16_Weights.IMAGENET1K_V1.url)
    return {folder / url.rsplit("/", 1)[-1]: url for url in urls}


def require_lpips(backend: str) -> bool:
    """Whether LPIPS is measured: "none" never, "auto" if its weights are there, "vgg16" always.

    Raises:
        DgError: it is asked for, and a file is missing.
    """
    missing = {path: url for path, url in lpips_files().items() if not path.exists()}
    if backend == "vgg16" and missing:
        lines = "\n".join(f"  Fetch {url}\n  and put {path.name} into {path.parent}" for path, url in missing.items())
        raise DgError(
            f"{next(iter(missing))}: weights of LPIPS not found.\n{lines}\n  Their publishers give no SHA-256 but the "
            "digits in VGG16's file name. Without them: metrics.lpips: none in params.yaml."
        )
    return backend != "none" and not missing


def open_lpips(backend: str) -> Distance | None:
    """The distance of two batches of uint8 pictures [B, 3, H, W], (B,) float64 each >= 0; None: not measured.

    Args:
        backend: see `require_lpips`.

    Raises:
        DgError: as `require_lpips`, or a file doesn't load or holds more than tensors.
    """
    if not require_lpips(backend):
        return None
    try:
        # torch-fidelity unpickles whatever the files hold, so they are held to tensors alone before.
        for path in lpips_files():
            torch.load(path, map_location="cpu", weights_only=True)
        net = SampleSimilarityLPIPS("lpips-vgg16").to("cuda" if torch.cuda.is_available() else "cpu")
    except Exception as error:
        names = ", ".join(map(str, lpips_files()))
        raise DgError(f"{names}: can't be read as LPIPS weights ({error}). Fetch them again.") from error
    device = next(net.parameters()).device

    @torch.inference_mode()
    def distance(first: torch.Tensor, second: torch.Tensor) -> np.ndarray:
        return net(first.to(device), second.to(device)).double().cpu().numpy()

    return distance
