"""Metrics by the yaw of the reference: the paper's claim is large pose."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import pandas as pd

EDGES = (0, 15, 30, 45, 60, 75, 90)  # degrees; what turns further than the last edge belongs to the last bin


def yaw_bins(
    table: pd.DataFrame, metrics: Iterable[str], summary: Callable[[str, pd.DataFrame], dict[str, Any]]
) -> list[dict[str, Any]]:
    """A summary of `metrics` for each bin of the references' absolute yaw that holds pairs.

    Args:
        table: a row per pair, with `metrics`, subject and yaw (degrees, >= 0, as F_l finds it on the reference).
        summary: (metric, rows) -> its mean and interval.

    Returns:
        [{"from", "to", "pairs", "subjects", metric: its summary}].
    """
    bins = []
    for low, high in pairwise(EDGES):
        last = high == EDGES[-1]
        rows = table[(table["yaw"] >= low) & ((table["yaw"] < high) | last)]
        if len(rows):
            found = {"from": low, "to": high, "pairs": len(rows), "subjects": int(rows["subject"].nunique())}
            bins.append(found | {name: summary(name, rows) for name in metrics})
    return bins
