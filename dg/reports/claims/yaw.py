"""Findings for each bin of the reference's yaw."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from dg.metrics.yaw import EDGES
from dg.reports.claims.finding import Finding
from dg.reports.differences import Paired


def by_yaw(paired: Paired, shared: dict[str, Any], resamples: int, seed: int) -> Iterator[Finding]:
    """A detail for each bin that holds pairs; `shared`: the other fields of its Finding."""
    for low, high in pairwise(EDGES):
        part = paired.between(low, np.inf if high == EDGES[-1] else high)
        if len(part.yaw):
            yield Finding(**shared, yaw=f"{low} to {high}", difference=part.mean(resamples, seed), decides=False)
