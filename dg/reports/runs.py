"""The runs behind a row of a table, one per training seed, with bootstrap draws that pair rows with each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dg.errors import DgError
from dg.files import read_json, read_parquet
from dg.metrics.bootstrap import cluster_weights, levels
from dg.metrics.metric import Metric

_PAIR = ["subject", "source", "reference"]


@dataclass(frozen=True)
class SeedScores:
    """One metric of runs that differ by their training seed alone.

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


@dataclass(frozen=True)
class Run:
    """What was evaluated of one training: the summary (JSON) and the values of each pair beside it."""

    summary: dict[str, Any]
    pairs: pd.DataFrame


@dataclass(frozen=True)
class Summary:
    """A summary (JSON) of an evaluation and where it lies; the values of each pair lie beside it."""

    path: Path
    values: dict[str, Any]


def read_summaries(paths: list[Path]) -> list[Summary]:
    """The summaries at `paths`, in order.

    Raises:
        DgError: there are none, or one is missing.
    """
    if not paths:
        raise DgError("no summaries given. Run the evaluate step first.")
    return [Summary(Path(path), read_json(path)) for path in paths]


def read_runs(summaries: list[Summary]) -> list[Run]:
    """Summaries with the tables beside them, all of the same pairs, as rows of a table must be.

    Raises:
        DgError: a file is missing, or the pairs (subject, source, reference) beside a summary aren't those beside the
            first one: their draws would not be of the same people.
    """
    runs: list[Run] = []
    for summary in summaries:
        values = summary.path.with_suffix(".parquet")
        # By far its largest column, and nothing here needs it.
        pairs = read_parquet(values).drop(columns="landmarks", errors="ignore")
        lacking = [name for name in _PAIR if name not in pairs]
        if lacking:
            raise DgError(f"{values}: lacks {', '.join(lacking)}. Run the step that makes it again.")
        pairs = pairs.reset_index(drop=True)
        if runs and not pairs[_PAIR].equals(runs[0].pairs[_PAIR]):
            raise DgError(
                f"{values}: was measured on other pairs than {summaries[0].path.with_suffix('.parquet')}; rows of a "
                "table need the same ones. Run the evaluation of both again."
            )
        runs.append(Run(summary.values, pairs))
    return runs


def seed_scores(metric: Metric, runs: list[Run], resamples: int, seed: int) -> SeedScores:
    """`metric`, which has an interval, of runs that differ by their training seed alone.

    Args:
        resamples: R, unless the summaries hold the draws.
        seed: of the draws.
    """
    key, pairs = metric.key, runs[0].pairs
    values = np.array([run.summary[key]["value"] for run in runs], float)
    if metric.interval == "draws":
        draws = [np.array(run.summary[key]["draws"], float) for run in runs]
        return SeedScores(values, np.stack(draws, 1), pairs["subject"].nunique())
    draws = [_people(run.pairs, *_halves(metric, run.pairs), resamples, seed) for run in runs]
    known = ~np.isnan(np.sum(_halves(metric, pairs), axis=0))
    return SeedScores(values, np.stack(draws, 1), pairs.loc[known, "subject"].nunique())


def _halves(metric: Metric, pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(n,) twice: the metric is the sum of the first / the sum of the second; for a mean the second are ones."""
    if metric.interval == "shares":
        return pairs[f"{metric.key}_part"].to_numpy(float), pairs[f"{metric.key}_whole"].to_numpy(float)
    return pairs[metric.key].to_numpy(float), np.ones(len(pairs))


def _people(pairs: pd.DataFrame, parts: np.ndarray, wholes: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """(R,) values of a metric over drawn people. Pairs without a value are left out after the draw: so every metric and
    row draws the same people."""
    names, cluster = np.unique(pairs["subject"], return_inverse=True)
    kept = ~np.isnan(parts + wholes)
    weights = cluster_weights(len(names), resamples, np.random.default_rng(seed))
    over, under = (weights @ np.bincount(cluster[kept], some[kept], minlength=len(names)) for some in (parts, wholes))
    return np.divide(over, under, out=np.full(resamples, np.nan), where=under > 0)


def interval(draws: np.ndarray, people: int) -> tuple[float, float]:
    """95 % interval of the draws; (NaN, NaN) with fewer than two people or without draws."""
    kept = draws[~np.isnan(draws)]
    if people < 2 or not len(kept):
        return np.nan, np.nan
    low, high = np.percentile(kept, levels(people))
    return float(low), float(high)
