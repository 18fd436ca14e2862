"""Baselines that enter the tables like any other method: nothing done at all, and the RFG without the IDSG (Fig. 2)."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from dg.errors import DgError
from dg.protocols.exchange import read_exchange
from dg.provenance import save_png

_BATCH = 16


def unchanged(pairs: Path, show: str, out: Path) -> None:
    """Give every pair's "source", "reference" or "target" (`show`) as its result, byte for byte.

    Args:
        pairs: the pair list, for "target" the one with the ground truths.

    Raises:
        DgError: see `read_exchange`; the target is to be shown, and a pair has none.
    """
    table = read_exchange(pairs)
    if show == "target" and (lacking := [pair for pair, path in zip(table["pair"], table["target"]) if path is None]):
        raise DgError(
            f"{pairs}: {len(lacking)} of {len(table)} pairs have no ground truth, {lacking[0]} is the first. Take this "
            "test out of the method's tests in params.yaml."
        )
    for pair, picture in zip(table["pair"], table[show]):
        shutil.copyfile(picture, out / f"{pair}{picture.suffix}")


def paint_reference(pairs: Path, rfg: Path, out: Path) -> None:
    """Paint the source on the reference's own landmarks l_r: the RFG without the IDSG (Sec. 4.2, Fig. 2).

    Pictures that are there already stay.

    Raises:
        DgError: see `read_exchange`; a missing or damaged checkpoint.
    """
    # Here, as giving pictures back needs none of it.
    import torch

    from dg.rfg import load_rfg

    table = read_exchange(pairs)
    table = table[[not (out / f"{pair}.png").exists() for pair in table["pair"]]]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net = load_rfg(rfg).to(device)
    for start in tqdm(range(0, len(table), _BATCH), desc="RFG without IDSG", unit="batch", disable=None):
        batch = table.iloc[start : start + _BATCH]
        images = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in batch["source"]])
        sources = torch.from_numpy(images).to(device).permute(0, 3, 1, 2) / 255
        points, visible = (torch.from_numpy(np.stack(batch[name])).to(device) for name in ("points", "visible"))
        painted = net.paint(points, sources, visible).float().clamp(0, 1)
        pixels = (painted * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        for pair, image in zip(batch["pair"], pixels):
            partial = out / f".{pair}.png"
            save_png(Image.fromarray(image), partial, "synthetic, made by DG's RFG without the IDSG")
            partial.rename(out / f"{pair}.png")
