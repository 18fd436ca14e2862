"""Frechet distance and kernel distance of feature sets (Sec. 4.1, Heusel et al. 2017), by torch-fidelity."""

from __future__ import annotations

import numpy as np
import torch
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

from dg.metrics.bootstrap import HIGH, LOW, Interval, cluster_weights

_MANY, _FEW = 200, 50  # resamples for small and for large sets; see interval_resamples
_SMALL = 512


def fid(generated: np.ndarray, real: np.ndarray) -> float:
    """Frechet distance of two feature sets, (n, d) and (m, d) float32, n, m >= 2; rounding below zero is cut."""
    first, second = (fid_features_to_statistics(torch.from_numpy(features)) for features in (generated, real))
    return max(0.0, fid_statistics_to_metric(first, second, verbose=False)[KEY_METRIC_FID])


def kid(generated: np.ndarray, real: np.ndarray, seed: int) -> float:
    """Kernel distance (unbiased, hence comparable between set sizes) of two feature sets without repeated pictures."""
    size = min(len(generated), len(real), 1000)
    found = kid_features_to_metric(
        torch.from_numpy(generated),
        torch.from_numpy(real),
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
    generated: np.ndarray, real: np.ndarray, subjects: np.ndarray, point: float, resamples: int, seed: int
) -> np.ndarray:
    """Bootstrap draws of the Frechet distance, clustered by subject.

    A resample repeats pictures and so holds fewer different ones, which raises every resampled distance. The draws are
    therefore shifted to have the mean `point`. The same people, resamples and seed give the same draws of people, so
    that draws of two methods on one pair list can be subtracted one by one.

    Args:
        generated, real: (n, d) features of each pair's result and of its real picture.
        subjects: (n,) the source subject of each pair.
        point: the distance of the whole sets.

    Returns:
        (m,) distances, m <= resamples; empty with fewer than two subjects.
    """
    names, cluster = np.unique(subjects, return_inverse=True)
    if len(names) < 2:
        return np.empty(0)
    sample = _Resampled(generated, real)
    draws = cluster_weights(len(names), resamples, np.random.default_rng(seed))
    # Draws that hit one person only say nothing about a set of people.
    draws = draws[(draws > 0).sum(axis=1) > 1]
    distances = np.array([sample.distance(weights[cluster]) for weights in draws])
    return point + distances - distances.mean()


def fid_interval(draws: np.ndarray) -> Interval:
    """95 % interval of the draws of `fid_draws`; (None, None) if there are none."""
    if len(draws) == 0:
        return None, None
    low, high = np.percentile(draws, [LOW, HIGH])
    return max(0.0, float(low)), float(high)


class _Resampled:
    """Frechet distances of weighted rows, without d x d matrices.

    tr sqrt(S1 S2) is the nuclear norm (sum of singular values) of X Y^T / (N - 1) for centred rows X and Y with
    covariances S1 and S2, so n x n products of the features, computed once, are enough where n < d. Elsewhere QR
    reduces X and Y to d x d first.
    """

    def __init__(self, generated: np.ndarray, real: np.ndarray) -> None:
        # A common shift changes no distance and keeps the sums small.
        centre = real.mean(axis=0, dtype=float)
        self._first, self._second = generated - centre, real - centre
        self._cross = self._first @ self._second.T if len(real) <= real.shape[1] else None

    def distance(self, weights: np.ndarray) -> float:
        """The distance where row i of both sets counts weights[i] times."""
        kept = np.flatnonzero(weights)
        weight = weights[kept].astype(float)
        total = weight.sum()
        means, traces = [], []
        for rows in (self._first[kept], self._second[kept]):
            means.append(weight @ rows / total)
            traces.append((weight @ (rows**2).sum(axis=1) - total * (means[-1] @ means[-1])) / (total - 1))
        root = np.sqrt(weight)
        if self._cross is not None:
            cross = self._cross[np.ix_(kept, kept)]
            by_column, by_row = weight @ cross / total, cross @ weight / total
            product = cross - by_column[None] - by_row[:, None] + weight @ by_row / total
            product *= np.outer(root, root)
        else:
            first, second = (
                np.linalg.qr((rows[kept] - mean) * root[:, None], mode="r")
                for rows, mean in ((self._first, means[0]), (self._second, means[1]))
            )
            product = first @ second.T
        covariance = np.linalg.svd(product, compute_uv=False).sum() / (total - 1)
        return float(((means[0] - means[1]) ** 2).sum() + sum(traces) - 2 * covariance)
