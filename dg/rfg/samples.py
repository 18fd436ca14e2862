"""Sample pictures while the RFG trains: source, landmark map, result and truth at fixed pairs."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from dg.files import replacing
from dg.provenance import REENACTED, save_png
from dg.rfg.model import Rfg

SHOWN = 8


def draw_samples(rfg: Rfg, shown: tuple[torch.Tensor, ...], path: Path) -> None:
    """Write a grid with a row per pair: I_s, map of l_t, Ihat_t, I_t (grey where no ground truth exists).

    Args:
        shown: I_s, I_t (B, 3, H, W), known (B,), l_t (B, 68, 3).
    """
    source, truth, known, l_t = (tensor[:SHOWN] for tensor in shown)
    truth = torch.where(known[:, None, None, None], truth, torch.full_like(truth, 0.5))
    columns = [source, rfg.maps(l_t), rfg.paint(l_t, source), truth]
    grid = torch.cat([torch.cat(list(column), 1) for column in columns], 2)
    pixels = (255 * grid).round().byte().permute(1, 2, 0).cpu().numpy()
    with replacing(path) as temporary:
        save_png(Image.fromarray(pixels), temporary, REENACTED)
