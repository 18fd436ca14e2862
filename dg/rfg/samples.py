"""Sample pictures while the RFG trains: source, landmark map, result and truth at fixed pairs."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from dg.files import replacing
from dg.provenance import REENACTED, save_png
from dg.rfg.model import Rfg
from dg.rfg.objectives import Pairs

SHOWN = 8


@torch.no_grad()
def draw_samples(rfg: Rfg, pairs: Pairs, path: Path) -> None:
    """Write a grid with a row per pair: I_s, map of l_t, Ihat_t, I_t (grey where no ground truth exists)."""
    source, truth, known, l_t, visible = (
        tensor[:SHOWN] for tensor in (pairs.source, pairs.truth, pairs.known, pairs.l_t, pairs.visible)
    )
    truth = torch.where(known[:, None, None, None], truth, torch.full_like(truth, 0.5))
    columns = [source, rfg.maps(l_t, visible), rfg(l_t, source, visible)[0], truth]
    grid = torch.cat([torch.cat(list(column), 1) for column in columns], 2)
    pixels = (255 * grid).round().byte().permute(1, 2, 0).cpu().numpy()
    with replacing(path) as temporary:
        save_png(Image.fromarray(pixels), temporary, REENACTED)
