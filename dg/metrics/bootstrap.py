"""95 % intervals by a bootstrap over pairs, clustered by source subject.

Pairs of one person resemble each other, so people are drawn with replacement and bring all their pairs. Plain
percentiles of few people's draws lie too close together (with 5 people they hold the truth 84 % of the time), so they
are taken further out: the expanded percentile interval. With one person there is none.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, stdtrit  # scipy.stats takes a second to import, in every job that draws

Interval = tuple[float, float] | tuple[None, None]

_TAIL = 0.025  # on either side


def levels(clusters: int) -> tuple[float, float]:
    """The percentiles of the draws that bound a 95 % interval of the mean over `clusters` (>= 2) people, in percent.

    2.5 and 97.5 for many; further out for few, as a t quantile lies beyond a normal one and as drawn people vary less
    than people do (Hesterberg 2015, What Teachers Should Know about the Bootstrap).
    """
    wide = np.sqrt(clusters / (clusters - 1)) * stdtrit(clusters - 1, _TAIL)
    low = 100 * float(ndtr(wide))
    return low, 100 - low


def cluster_weights(clusters: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """How often each cluster is drawn: (resamples, clusters) ints, rows sum to `clusters`."""
    return rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples)


def mean_interval(values: np.ndarray, subjects: np.ndarray, resamples: int, seed: int) -> Interval:
    """Expanded percentile interval of the mean of `values`.

    Args:
        values: (n,) numbers; NaN (no value for this pair) is left out.
        subjects: (n,) the source subject of each pair.

    Returns:
        (low, high), or (None, None) with fewer than two subjects.
    """
    return share_interval(values, np.ones(len(values)), subjects, resamples, seed)


def share_interval(parts: np.ndarray, wholes: np.ndarray, subjects: np.ndarray, resamples: int, seed: int) -> Interval:
    """Expanded percentile interval of the sum of `parts` / the sum of `wholes`; people bring both.

    Args:
        parts, wholes: (n,) numbers; a pair with a NaN among them is left out.
        subjects: (n,) the source subject of each pair.

    Returns:
        (low, high), or (None, None) with fewer than two subjects or where the wholes of a draw sum to nothing.
    """
    kept = ~np.isnan(parts + wholes)
    names, cluster = np.unique(subjects[kept], return_inverse=True)
    if len(names) < 2:
        return None, None
    weights = cluster_weights(len(names), resamples, np.random.default_rng(seed))
    over, under = (weights @ np.bincount(cluster, some[kept]) for some in (parts, wholes))
    if (under <= 0).any():
        return None, None
    low, high = np.percentile(over / under, levels(len(names)))
    return float(low), float(high)


def mean_summary(values: np.ndarray, subjects: np.ndarray, resamples: int, seed: int) -> dict[str, float | int | None]:
    """{value (the mean), low, high, std (over pairs), pairs (that have a value)}, None where there is nothing.

    Args:
        values, subjects: as `mean_interval`.
    """
    known = values[~np.isnan(values)]
    low, high = mean_interval(values, subjects, resamples, seed)
    return {
        "value": float(np.nanmean(values)) if len(known) else None,
        "low": low,
        "high": high,
        "std": float(known.std()) if len(known) else None,
        "pairs": len(known),
    }


def share_summary(
    parts: np.ndarray, wholes: np.ndarray, subjects: np.ndarray, resamples: int, seed: int
) -> dict[str, float | int | None]:
    """{value (the sum of parts / the sum of wholes), low, high, pairs (that have both)}, None where there is nothing.

    Args:
        parts, wholes, subjects: as `share_interval`.
    """
    kept = ~np.isnan(parts + wholes)
    whole = wholes[kept].sum()
    low, high = share_interval(parts, wholes, subjects, resamples, seed)
    value = float(parts[kept].sum() / whole) if whole > 0 else None
    return {"value": value, "low": low, "high": high, "pairs": int(kept.sum())}
