"""The landmark map that steers the RFG (Sec. 3.2): 63 line segments between 68 points, sharp or differentiable."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dg.landmarks.regions import EDGES

REFERENCE_SIZE = 256
"""Line widths are given in pixels of a map this large and shrink with it."""


def draw_lines(points: Tensor, size: int, width: float, visible: Tensor | None = None) -> Tensor:
    """The binary landmark map, without gradient.

    A pixel is 1 where its centre lies within half a line width (at least half a pixel) of a segment.

    Args:
        points: (B, 68, 2 or more), x and y in [0, 1] of the picture; further coordinates are not looked at.
        size: side of the map in pixels.
        width: line width in pixels of a 256 px map.
        visible: (B, 68) bool; segments with an invisible end are left out.

    Returns:
        (B, 1, size, size) of {0, 1}, the dtype of `points`.
    """
    square, _ = _nearest(points.detach(), size, visible)
    return (square <= _reach(size, width) ** 2).to(points.dtype).unsqueeze(1)


def soft_lines(points: Tensor, size: int, width: float, visible: Tensor | None = None) -> Tensor:
    """The landmark map as a smooth function of the points, for D_s: exp(-(distance / half width)^2 ln 2).

    1 on the lines, 1/2 where `draw_lines` ends, 0 far away.

    Args: as for `draw_lines`.

    Returns:
        (B, 1, size, size) in [0, 1], the dtype of `points`, differentiable in `points`.
    """
    square, edge = _nearest(points.detach(), size, visible)
    if torch.is_grad_enabled() and points.requires_grad:
        # The distance again, to the nearest segment alone: 63 times less to differentiate.
        exact = _square_distance(points, size, edge)
        square = exact.masked_fill(square == torch.inf, torch.inf) if visible is not None else exact
    return torch.exp(square * (-math.log(2) / _reach(size, width) ** 2)).unsqueeze(1)


def _reach(size: int, width: float) -> float:
    """Half the line width in pixels of the map; thinner lines than a pixel would have holes."""
    return max(width * size / REFERENCE_SIZE, 1.0) / 2


@torch.no_grad()
def _nearest(points: Tensor, size: int, visible: Tensor | None) -> tuple[Tensor, Tensor]:
    """Squared distance in pixels from each pixel's centre to the nearest segment, and that segment's number.

    Both (B, size, size). One segment at a time: the maps of all 63 would not fit a processor's cache (measured: 4x
    slower at 128 px).
    """
    batch = points.shape[0]
    start, along, length = _segments(points, size)
    unit = along / length[..., None]
    # Two points may coincide (a closed eye): any direction does for a segment without length.
    unit[..., 0] += (unit.abs().sum(-1) == 0).to(unit.dtype)
    pixel = torch.arange(size, device=points.device, dtype=points.dtype) + 0.5
    dx, dy = pixel - start[..., :1], pixel - start[..., 1:]  # (B, E, size)
    # In a segment's own axes a pixel lies at (along, across); both are sums of a part in x and a part in y.
    along_x, along_y = dx * unit[..., :1], dy * unit[..., 1:]
    across_x, across_y = dx * unit[..., 1:], dy * -unit[..., :1]
    hidden = None if visible is None else _hidden(visible)
    best = points.new_full((batch, size, size), torch.inf)
    edge = torch.zeros(batch, size, size, dtype=torch.long, device=points.device)
    for k in range(len(EDGES)):
        beyond = along_x[:, k, None, :] + along_y[:, k, :, None]
        beyond -= torch.minimum(beyond.clamp_min(0), length[:, k, None, None])  # 0 beside the segment
        square = (across_x[:, k, None, :] + across_y[:, k, :, None]).square_().addcmul_(beyond, beyond)
        if hidden is not None:
            square.masked_fill_(hidden[:, k, None, None], torch.inf)
        edge.masked_fill_(square < best, k)
        best = torch.minimum(best, square)
    return best, edge


def _square_distance(points: Tensor, size: int, edge: Tensor) -> Tensor:
    """(B, size, size): squared distance in pixels from each pixel's centre to segment number `edge`, with gradient."""
    start, along, length = _segments(points, size)
    parts = torch.cat([start, along, length.unsqueeze(-1)], -1)  # (B, E, 5)
    flat = edge.flatten(1).unsqueeze(-1).expand(-1, -1, 5)
    start_x, start_y, along_x, along_y, length = parts.gather(1, flat).unflatten(1, edge.shape[1:]).unbind(-1)
    pixel = torch.arange(size, device=points.device, dtype=points.dtype) + 0.5
    dx, dy = pixel - start_x, pixel[:, None] - start_y
    share = ((dx * along_x + dy * along_y) / length**2).clamp(0, 1)
    return (dx - share * along_x) ** 2 + (dy - share * along_y) ** 2


def _segments(points: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Start (B, E, 2), vector to the end (B, E, 2) and length (B, E), at least 1e-4, of the segments in pixels."""
    edges = torch.tensor(EDGES, device=points.device)
    ends = points[..., :2] * size
    start = ends[:, edges[:, 0]]
    along = ends[:, edges[:, 1]] - start
    return start, along, (along**2).sum(-1).clamp_min(1e-8).sqrt()


def _hidden(visible: Tensor) -> Tensor:
    """(B, E) bool: segments with an invisible end."""
    edges = torch.tensor(EDGES, device=visible.device)
    return ~(visible[:, edges[:, 0]] & visible[:, edges[:, 1]])
