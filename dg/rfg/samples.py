"""Sample pictures while the RFG trains: source, landmark map, result and truth at fixed pairs."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from dg.files import replacing
from dg.provenance import REENACTED, save_png
from dg.rfg.model import Rfg
from dg.rfg.objectives import Pairs
from dg.rfg.spikes import TOLERATED, watched

SHOWN = 8


@torch.no_grad()
def draw_samples(rfg: Rfg, pairs: Pairs, path: Path) -> str:
    """Write a grid with a row per pair: I_s, map of l_t, Ihat_t, I_t (grey where no ground truth exists).

    Returns:
        for the log, whether a block with style is spiked.
    """
    source, truth, known, l_t, visible = (
        tensor[:SHOWN] for tensor in (pairs.source, pairs.truth, pairs.known, pairs.l_t, pairs.visible)
    )
    truth = torch.where(known[:, None, None, None], truth, torch.full_like(truth, 0.5))
    with watched(rfg.generator) as shares:
        painted = rfg(l_t, source, visible)[0]
    columns = [source, rfg.maps(l_t, visible), painted, truth]
    grid = torch.cat([torch.cat(list(column), 1) for column in columns], 2)
    pixels = (255 * grid).round().byte().permute(1, 2, 0).cpu().numpy()
    with replacing(path) as temporary:
        save_png(Image.fromarray(pixels), temporary, REENACTED)
    share = float(torch.stack(shares).max())
    judged = "no spike" if share <= TOLERATED else "a spike, see dg/rfg/spikes.py"
    return f"strongest 0.5 % of pixels hold {100 * share:.0f} % of a block's energy: {judged}"
