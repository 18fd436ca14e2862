"""A clip's crops without their trembling: smoothed over time, the sides more than the places."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dg.pictures import Box

_PLACE, _SIDE = 0.08, 0.4
"""Seconds, standard deviations of the bells that places and sides are averaged under: a nod of 1 Hz keeps 88 % of its
way, and a head comes nearer more slowly than it nods."""


def steadied(times: Sequence[float], boxes: Sequence[Box]) -> list[Box]:
    """Square crops of one face, each averaged with those before and after it, so that none lags.

    Args:
        times: seconds, rising; frames without a face may be missing.
    """
    places = np.array([((b[0] + b[2]) / 2, (b[1] + b[3]) / 2, math.log(b[2] - b[0])) for b in boxes]).reshape(-1, 3)
    even = [_under_bell(np.asarray(times, float), places[:, s], width) for width, s in ((_PLACE, [0, 1]), (_SIDE, [2]))]
    return [_box(x, y, math.exp(size)) for x, y, size in np.concatenate(even, axis=1)]


def after(last: Box | None, box: Box, passed: float) -> Box:
    """The same while a clip plays, which knows no frames to come: the side follows that of `last`, `passed` seconds
    before, with the same slowness; the place doesn't, as it would lag."""
    if last is None:
        return box
    share = -math.expm1(-passed / _SIDE)
    side = (last[2] - last[0]) * ((box[2] - box[0]) / (last[2] - last[0])) ** share
    return _box((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, side)


def _under_bell(times: np.ndarray, values: np.ndarray, seconds: float) -> np.ndarray:
    """(n, k) values, each averaged with those around it. Nine deviations away a weight is below a float's precision:
    so a long clip takes no square of its frames."""
    begin = np.searchsorted(times, times - 9 * seconds)
    end = np.searchsorted(times, times + 9 * seconds, side="right")
    even = np.empty_like(values)
    for row, (first, last) in enumerate(zip(begin, end)):
        weight = np.exp(-0.5 * ((times[first:last] - times[row]) / seconds) ** 2)
        even[row] = weight @ values[first:last] / weight.sum()
    return even


def _box(x: float, y: float, side: float) -> Box:
    return float(x - side / 2), float(y - side / 2), float(x + side / 2), float(y + side / 2)
