"""One metric over several trainings of one thing, with bootstrap draws that pair rows with each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dg.errors import DgError
from dg.files import read_json, read_parquet
from dg.metrics.bootstrap import HIGH, LOW, cluster_weights

_PAIR = ["subject", "source", "reference"]


@dataclass(frozen=True)
class Measured:
    """One metric, all training seeds.

    Attributes:
        seeds: (S,) the values.
        draws: (R, S) bootstrap draws over people; draw r of everything measured on one pair list has the same people.
            NaN where none of them has a value.
        people: how many have a value.
    """

    seeds: np.ndarray
    draws: np.ndarray
    people: int

    @property
    def spread(self) -> float:
        """Standard deviation over seeds; NaN of one seed."""
        return float(self.seeds.std(ddof=1)) if len(self.seeds) > 1 else float("nan")

    def drawn(self, seed: int) -> np.ndarray:
        """(R,) draws with the training seeds drawn too; equal arguments draw the same seeds."""
        weights = cluster_weights(len(self.seeds), len(self.draws), np.random.default_rng(seed + 1))
        return (self.draws * weights).sum(1) / weights.sum(1)


def measured(metric: str, summaries: list[Path], resamples: int, seed: int) -> Measured:
    """`metric` of the runs that differ by their training seed alone, a summary (JSON, its .parquet beside it) each.

    Args:
        resamples: R of all metrics but FID, whose draws the summary holds.
        seed: of the draws.
    """
    reports = [read_json(path) for path in summaries]
    values = np.array([report[metric]["value"] for report in reports], float)
    tables = [read_parquet(Path(path).with_suffix(".parquet")) for path in summaries]
    if metric == "fid":
        draws = [np.array(report["fid"]["draws"], float) for report in reports]
        return Measured(values, np.stack(draws, 1), tables[0]["subject"].nunique())
    draws = [_people(table, metric, resamples, seed) for table in tables]
    return Measured(values, np.stack(draws, 1), tables[0].dropna(subset=metric)["subject"].nunique())


def _people(pairs: pd.DataFrame, metric: str, resamples: int, seed: int) -> np.ndarray:
    """(R,) means of a metric over drawn people. Pairs without a value are left out after the draw: so every metric and
    row draws the same people."""
    names, cluster = np.unique(pairs["subject"], return_inverse=True)
    values = pairs[metric].to_numpy(float)
    kept = ~np.isnan(values)
    weights = cluster_weights(len(names), resamples, np.random.default_rng(seed))
    sums = np.bincount(cluster[kept], values[kept], minlength=len(names))
    counts = weights @ np.bincount(cluster[kept], minlength=len(names))
    return np.divide(weights @ sums, counts, out=np.full(resamples, np.nan), where=counts > 0)


def interval(draws: np.ndarray, people: int) -> tuple[float, float]:
    """95 % interval of the draws; (NaN, NaN) with fewer than two people or without draws."""
    kept = draws[~np.isnan(draws)]
    if people < 2 or not len(kept):
        return np.nan, np.nan
    low, high = np.percentile(kept, [LOW, HIGH])
    return float(low), float(high)


def require_same_pairs(summaries: list[Path]) -> None:
    """Refuse summaries of different pair lists: their draws would not be of the same people.

    Raises:
        DgError: the pairs (subject, source, reference) beside a summary aren't those beside the first one.
    """
    first = None
    for path in summaries:
        values = Path(path).with_suffix(".parquet")
        pairs = read_parquet(values)
        lacking = [name for name in _PAIR if name not in pairs]
        if lacking:
            raise DgError(f"{values}: lacks {', '.join(lacking)}. Run the step that makes it again.")
        pairs = pairs[_PAIR].reset_index(drop=True)
        if first is None:
            first = pairs
        elif not pairs.equals(first):
            raise DgError(
                f"{values}: was measured on other pairs than {Path(summaries[0]).with_suffix('.parquet')}; rows of a "
                "table need the same ones. Run the evaluation of both again."
            )
