"""How well a result shows the reference's pose and expression, by the landmarks that F_l finds on both."""

from __future__ import annotations

import numpy as np
import torch

from dg.landmarks.pose import fit_pose
from dg.metrics.ace import PIXELS


def landmark_error(found: np.ndarray, wanted: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """Mean distance of a result's landmarks to the reference's in x and y, pixels at 256 x 256.

    The people differ, so a perfect result has an error too; compare methods on the same pairs.

    Args:
        found, wanted: (n, p, 2 or 3) landmarks of results and references, crop coordinates.
        visible: (n, p) bool, of the references; the others don't count.

    Returns:
        (n,) float64; NaN where nothing is visible.
    """
    distance = np.linalg.norm(np.asarray(found, float)[..., :2] - np.asarray(wanted, float)[..., :2], axis=-1) * PIXELS
    counted = visible.sum(axis=1)
    sums = np.where(visible, distance, 0).sum(axis=1)
    return np.divide(sums, counted, out=np.full(len(sums), np.nan), where=counted > 0)


def head_angles(points: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll (n, 3) float64, degrees, of the poses fitted to landmarks (n, 68, 3) in crop coordinates."""
    return fit_pose(torch.from_numpy(np.asarray(points, float)))[0].numpy()[:, :3]


def turns(made: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Absolute differences (n, 3), 0 to 180 degrees, of the angles of results and references (n, 3)."""
    # An angle and itself plus a full turn are one.
    return np.abs((made - asked + 180) % 360 - 180)
