"""From the FAN's heatmaps to coordinates: one soft-argmax, exact for networks trained with it, close for others."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def decode(heatmaps: Tensor, sharpness: float) -> tuple[Tensor, Tensor]:
    """Expected place under softmax(sharpness * heatmap), and how much of the softmax lies at its peak.

    Cell i covers [i, i + 1] / cells, as in face_alignment's `get_preds_fromhm`.

    Args:
        heatmaps: (B, 68, h, w), any floating dtype; computed in float32 or better.
        sharpness: 1 for networks that put out logits of the place. A network trained to put out Gaussians of height 1
            (the official FAN) needs about 20: background, e^0 times some thousand cells, then weighs nothing.

    Returns:
        points (B, 68, 2), x and y in (0, 1), differentiable in `heatmaps`;
        peaks (B, 68) in (0, 1]: the mass of the heaviest 3 x 3 cells. Near 1 if the network is sure of one place.
    """
    height, width = heatmaps.shape[-2:]
    heatmaps = heatmaps if heatmaps.dtype == torch.float64 else heatmaps.float()
    weight = torch.softmax(heatmaps.flatten(2) * sharpness, -1).unflatten(-1, (height, width))
    x = (torch.arange(width, device=weight.device, dtype=weight.dtype) + 0.5) / width
    y = (torch.arange(height, device=weight.device, dtype=weight.dtype) + 0.5) / height
    points = torch.stack([(weight.sum(-2) * x).sum(-1), (weight.sum(-1) * y).sum(-1)], -1)
    peaks = F.avg_pool2d(weight.detach(), 3, 1, 1).flatten(2).amax(-1) * 9
    return points, peaks.clamp(max=1)
