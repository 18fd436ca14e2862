"""Sample pictures while the model trains: source, driving picture with its key points, flow, result."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from dg.files import replacing
from dg.fom.motion import gaussians, resized, warp
from dg.fom.networks import Fom
from dg.fom.objectives import Pairs
from dg.provenance import save_png

SHOWN = 8
NOTE = "synthetic, made by a First Order Motion Model"


@torch.no_grad()
def draw_samples(fom: Fom, pairs: Pairs, path: Path) -> None:
    """Write a grid with a row per pair: source, driving picture with key points in white, the source warped by the
    flow alone, the result."""
    source, driving = pairs.source[:SHOWN], pairs.driving[:SHOWN]
    source_points, driving_points = fom.detector(source), fom.detector(driving)
    made, moved = fom(source, source_points, driving_points)
    size = source.shape[-2:]
    places = resized(moved.places.permute(0, 3, 1, 2), *size).permute(0, 2, 3, 1)
    columns = [source, _dotted(driving, driving_points.places), warp(source, places), made]
    grid = torch.cat([torch.cat(list(column), 1) for column in columns], 2)
    pixels = (255 * grid).round().byte().permute(1, 2, 0).cpu().numpy()
    with replacing(path) as temporary:
        save_png(Image.fromarray(pixels), temporary, NOTE)


def _dotted(images: Tensor, places: Tensor) -> Tensor:
    dots = gaussians(places, *images.shape[-2:]).amax(1, keepdim=True) > 0.9
    return torch.where(dots, torch.ones_like(images), images)
