"""Sample pictures while the IDSG trains: reference, generated and true landmarks at fixed pairs."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from dg.files import replacing
from dg.idsg.data import Data
from dg.idsg.networks import Idsg
from dg.landmarks.linemap import draw_lines
from dg.provenance import REENACTED, save_png

SIZE, SHOWN = 128, 6


def draw_samples(idsg: Idsg, data: Data, path: Path) -> None:
    """Write a grid: a row per pair; reference l_r, result lhat_t, truth l_t in red over the result where it's known."""
    shown, faces = data.shown.rows(slice(SHOWN)), data.faces
    l_r, l_t = (data.team.put(faces.points[rows]) for rows in (shown.reference, shown.target.clip(0)))
    lhat_t = idsg.generate(l_r, data.team.put(faces.codes[shown.source]))
    maps = [draw_lines(points, SIZE, 4) for points in (l_r, lhat_t, l_t)]
    known = data.team.put(shown.target >= 0)[:, None, None, None]
    both = torch.cat([torch.maximum(maps[1], maps[2] * known), maps[1], maps[1]], 1)
    columns = [maps[0].expand(-1, 3, -1, -1), maps[1].expand(-1, 3, -1, -1), both]
    grid = torch.cat([torch.cat(list(column), 1) for column in columns], 2)
    with replacing(path) as temporary:
        save_png(Image.fromarray((255 * grid).byte().permute(1, 2, 0).cpu().numpy()), temporary, REENACTED)
