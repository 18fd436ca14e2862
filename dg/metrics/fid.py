"""Frechet distance and kernel distance of feature sets (Sec. 4.1, Heusel et al. 2017), by torch-fidelity."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

from dg.metrics.bootstrap import Interval, cluster_weights, levels
from dg.metrics.feature_store import Features

_MANY, _FEW = 200, 50  # resamples for small and for large sets; see interval_resamples
_SMALL = 512
_KID_MOST = 10_000  # pictures of either set


def fid(generated: Features, real: Features) -> float:
    """Frechet distance of two sets of two or more pictures; rounding below zero is cut."""
    first, second = _statistics(generated), _statistics(real)
    return max(0.0, fid_statistics_to_metric(first, second, verbose=False)[KEY_METRIC_FID])


def _statistics(features: Features) -> dict[str, np.ndarray]:
    """Mean and covariance as torch-fidelity computes them, but in pieces."""
    mean = sum(piece.sum(axis=0) for _, piece in features.pieces()) / len(features)
    products = sum((piece - mean).T @ (piece - mean) for _, piece in features.pieces())
    return {"mu": mean, "sigma": products / (len(features) - 1)}


def kid(generated: Features, real: Features, seed: int) -> float | None:
    """Kernel distance (unbiased, hence comparable between set sizes) of two sets without repeated pictures.

    Of more than 10,000 pictures so many are drawn. None where a set has fewer than two pictures.
    """
    size = min(len(generated), len(real), _KID_MOST, 1000)
    if size < 2:
        return None
    rng = np.random.default_rng(seed)
    drawn = [
        features if len(features) <= _KID_MOST else features.chosen(rng.choice(len(features), _KID_MOST, replace=False))
        for features in (generated, real)
    ]
    found = kid_features_to_metric(
        *(torch.from_numpy(features.whole()) for features in drawn),
        kid_subsets=100 if max(len(generated), len(real)) > size else 1,
        kid_subset_size=size,
        rng_seed=seed,
        verbose=False,
    )
    return found[KEY_METRIC_KID_MEAN]


def interval_resamples(pairs: int, dimension: int, wished: int) -> int:
    """Resamples behind FID's interval: at most 200, and 50 where one takes seconds (large sets)."""
    return min(wished, _MANY if min(pairs, dimension) <= _SMALL else _FEW)


def fid_draws(
    generated: Features, real: Features, subjects: np.ndarray, point: float, resamples: int, seed: int
) -> np.ndarray:
    """Bootstrap draws of the Frechet distance, clustered by subject.

    A resample repeats pictures and so holds fewer different ones, which raises every resampled distance. The draws are
    therefore shifted to have the mean `point`. The same people, resamples and seed give the same draws of people, so
    that draws of two methods on one pair list can be subtracted one by one.

    Args:
        generated, real: features of each pair's result and of its real picture.
        subjects: (n,) the source subject of each pair.
        point: the distance of the whole sets.

    Returns:
        (m,) distances, m <= resamples; empty with fewer than three subjects: of two, no draw but the point itself
        would hold two people.
    """
    names, cluster = np.unique(subjects, return_inverse=True)
    if len(names) < 3:
        return np.empty(0)
    sample = _Resampled(generated, real)
    draws = cluster_weights(len(names), resamples, np.random.default_rng(seed))
    # Draws that hit one person only say nothing about a set of people.
    draws = draws[(draws > 0).sum(axis=1) > 1]
    distances = np.array([sample.distance(weights[cluster]) for weights in draws])
    return point + distances - distances.mean()


def fid_interval(draws: np.ndarray, people: int) -> Interval:
    """95 % interval of the draws of `fid_draws` over `people`; (None, None) if there are none."""
    if len(draws) == 0:
        return None, None
    low, high = np.percentile(draws, levels(people))
    return max(0.0, float(low)), float(high)


class _Resampled:
    """Frechet distances of weighted rows, without d x d covariances.

    tr sqrt(S1 S2) is the nuclear norm (sum of singular values) of X Y^T / (N - 1) for centred rows X and Y with
    covariances S1 and S2, so n x n products of the features, computed once, are enough where n <= d. Elsewhere QR
    reduces X and Y to d x d first, piece by piece.
    """

    def __init__(self, generated: Features, real: Features) -> None:
        # A common shift changes no distance and keeps the sums small.
        self._centre = sum(piece.sum(axis=0) for _, piece in real.pieces()) / len(real)
        self._sets = (generated, real)
        self._norms = [np.concatenate([(rows**2).sum(axis=1) for _, rows in self._centred(one)]) for one in self._sets]
        self._cross = None
        if len(real) <= real.dimension:
            first, second = (np.concatenate([rows for _, rows in self._centred(one)]) for one in self._sets)
            self._cross = first @ second.T

    def _centred(self, features: Features) -> Iterator[tuple[slice, np.ndarray]]:
        return ((place, piece - self._centre) for place, piece in features.pieces())

    def distance(self, weights: np.ndarray) -> float:
        """The distance where row i of both sets counts weights[i] times."""
        total = float(weights.sum())
        means = [sum(weights[place] @ rows for place, rows in self._centred(one)) / total for one in self._sets]
        traces = [(weights @ norms - total * (mean @ mean)) / (total - 1) for norms, mean in zip(self._norms, means)]
        product = self._small(weights) if self._cross is not None else self._large(weights, means)
        covariance = np.linalg.svd(product, compute_uv=False).sum() / (total - 1)
        return float(((means[0] - means[1]) ** 2).sum() + sum(traces) - 2 * covariance)

    def _small(self, weights: np.ndarray) -> np.ndarray:
        kept = np.flatnonzero(weights)
        weight = weights[kept].astype(float)
        cross = self._cross[np.ix_(kept, kept)]
        by_column, by_row = weight @ cross / weight.sum(), cross @ weight / weight.sum()
        product = cross - by_column[None] - by_row[:, None] + weight @ by_row / weight.sum()
        root = np.sqrt(weight)
        return product * np.outer(root, root)

    def _large(self, weights: np.ndarray, means: list[np.ndarray]) -> np.ndarray:
        factors = []
        for features, mean in zip(self._sets, means):
            factor = np.empty((0, features.dimension))
            for place, rows in self._centred(features):
                kept = weights[place] > 0
                scaled = (rows[kept] - mean) * np.sqrt(weights[place][kept])[:, None]
                factor = np.linalg.qr(np.concatenate([factor, scaled]), mode="r")
            factors.append(factor)
        return factors[0] @ factors[1].T
