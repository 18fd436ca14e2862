"""95 % intervals by a bootstrap over pairs, clustered by source subject.

Pairs of one person resemble each other, so people are drawn with replacement and bring all their pairs. With few
people the interval is rough; with one there is none.
"""

from __future__ import annotations

import numpy as np

Interval = tuple[float, float] | tuple[None, None]

LOW, HIGH = 2.5, 97.5  # percent


def cluster_weights(clusters: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """How often each cluster is drawn: (resamples, clusters) ints, rows sum to `clusters`."""
    return rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples)


def mean_interval(values: np.ndarray, subjects: np.ndarray, resamples: int, seed: int) -> Interval:
    """Percentile interval of the mean of `values`.

    Args:
        values: (n,) numbers; NaN (no value for this pair) is left out.
        subjects: (n,) the source subject of each pair.

    Returns:
        (low, high), or (None, None) with fewer than two subjects.
    """
    kept = ~np.isnan(values)
    names, cluster = np.unique(subjects[kept], return_inverse=True)
    if len(names) < 2:
        return None, None
    sums = np.bincount(cluster, values[kept])
    counts = np.bincount(cluster)
    weights = cluster_weights(len(names), resamples, np.random.default_rng(seed))
    means = (weights @ sums) / (weights @ counts)
    low, high = np.percentile(means, [LOW, HIGH])
    return float(low), float(high)
