"""Average Coordinate-wise Error of generated landmarks (Table 1)."""

from __future__ import annotations

import numpy as np

PIXELS = 256  # the paper's picture size; the error is in its pixels whatever the size used


def ace(generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean absolute error of a picture's landmark coordinates, in pixels at 256 x 256.

    Args:
        generated, truth: (n, 68, d) landmarks in crop coordinates, [0, 1]; d is 2 (x, y) or 3 (x, y, z).

    Returns:
        (n,) float64.
    """
    return np.abs(np.asarray(generated, float) - np.asarray(truth, float)).mean(axis=(1, 2)) * PIXELS
