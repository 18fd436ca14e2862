"""Paired differences of two methods over pairs, people and training seeds, and their trend over yaw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dg.metrics.bootstrap import cluster_weights
from dg.metrics.metric import Metric
from dg.reports.runs import Run, SeedScores, interval, seed_scores


@dataclass(frozen=True)
class Difference:
    """What is measured of ours less theirs.

    Attributes:
        value, low, high: with the 95 % interval over people and training seeds; NaN where there is none.
        seeds: trainings behind it; 1 where nothing is trained.
        pairs, people: that have a value.
        above: share of those pairs on which ours is larger, means over seeds; NaN of what has no value per pair.
    """

    value: float
    low: float
    high: float
    seeds: int
    pairs: int
    people: int
    above: float = float("nan")


@dataclass(frozen=True)
class Paired:
    """Values of two methods on the same pairs.

    Attributes:
        subjects: (n,) the source person of each pair.
        yaw: (n,) of the reference, degrees, without its sign.
        differences: (S, n) ours less theirs, of training seed s; NaN where one has no value.
    """

    subjects: np.ndarray
    yaw: np.ndarray
    differences: np.ndarray

    @classmethod
    def of(cls, ours: list[pd.DataFrame], theirs: list[pd.DataFrame], our_column: str, their_column: str) -> Paired:
        """A column of ours less one of theirs, tables of the same pairs, one per training seed."""
        differences = [(a[our_column] - b[their_column]).to_numpy(float) for a, b in zip(ours, theirs, strict=True)]
        return cls(ours[0]["subject"].to_numpy(), ours[0]["yaw"].to_numpy(float), np.stack(differences))

    def between(self, low: float, high: float) -> Paired:
        """The pairs with low <= yaw < high."""
        kept = (self.yaw >= low) & (self.yaw < high)
        return Paired(self.subjects[kept], self.yaw[kept], self.differences[:, kept])

    def mean(self, resamples: int, seed: int) -> Difference:
        """Mean over pairs."""
        return self._measured(lambda d, yaw: np.stack([np.ones_like(d), d], 1), _mean, resamples, seed)

    def slope(self, resamples: int, seed: int) -> Difference:
        """Least-squares slope over yaw, per degree. NaN where all pairs have one yaw."""

        def moments(d: np.ndarray, yaw: np.ndarray) -> np.ndarray:
            return np.stack([np.ones_like(d), d, yaw, yaw * yaw, yaw * d], 1)

        return self._measured(moments, _slope, resamples, seed)

    def _measured(
        self,
        moments: Callable[[np.ndarray, np.ndarray], np.ndarray],
        statistic: Callable[[np.ndarray], np.ndarray],
        resamples: int,
        seed: int,
    ) -> Difference:
        """A statistic of sums over pairs. As in `seed_scores`, people are drawn before pairs without a value are left
        out, so that everything measured on one pair list draws the same people."""
        names, person = np.unique(self.subjects, return_inverse=True)
        weights = cluster_weights(len(names), resamples, np.random.default_rng(seed))
        values, draws = [], []
        for d in self.differences:
            known = ~np.isnan(d)
            sums = np.zeros((len(names), moments(d[:1], self.yaw[:1]).shape[1]))
            np.add.at(sums, person[known], moments(d[known], self.yaw[known]))
            values.append(statistic(sums.sum(0)))
            draws.append(statistic(weights @ sums))
        known = ~np.isnan(self.differences).any(0)
        scores = SeedScores(np.array(values), np.stack(draws, 1), len(np.unique(self.subjects[known])))
        low, high = interval(scores.drawn(seed), scores.people)
        above = float((self.differences[:, known] > 0).mean()) if known.any() else float("nan")
        return Difference(
            float(scores.seeds.mean()), low, high, len(self.differences), int(known.sum()), scores.people, above
        )


def of_runs(metric: Metric, ours: list[Run], theirs: list[Run], resamples: int, seed: int) -> Difference:
    """Of a metric of all pairs together, such as FID or identity kept, from runs on the same pairs, one per seed.

    Its draws are of the same people on both sides.
    """
    mine, other = (seed_scores(metric, runs, resamples, seed) for runs in (ours, theirs))
    low, high = interval(mine.drawn(seed) - other.drawn(seed), mine.people)
    value = float(mine.seeds.mean() - other.seeds.mean())
    return Difference(value, low, high, len(ours), len(ours[0].pairs), mine.people)


def _mean(sums: np.ndarray) -> np.ndarray:
    count, d = np.moveaxis(sums, -1, 0)
    return _divided(d, count)


def _slope(sums: np.ndarray) -> np.ndarray:
    count, d, yaw, yaw_yaw, yaw_d = np.moveaxis(sums, -1, 0)
    spread = count * yaw_yaw - yaw * yaw
    # Equal yaws leave rounding errors alone.
    return _divided(count * yaw_d - yaw * d, np.where(spread > 1e-9 * count * yaw_yaw, spread, 0))


def _divided(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    return np.divide(over, under, out=np.full(np.shape(over), np.nan), where=under > 0)
