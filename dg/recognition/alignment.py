"""Faces turned and scaled to where a recogniser was trained to see them, by five points."""

from __future__ import annotations

import cv2
import numpy as np

# Where eye centres, nose tip and mouth corners, from left to right in the picture, lie in ArcFace's 112 px crops,
# x and y in pixels; SFace was trained on the same ones.
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
SIDE = 112  # pixels


def five_points(points: np.ndarray) -> np.ndarray:
    """Eye centres, nose tip, mouth corners of (68, 2 or more) landmarks: (5, 2), in the same unit."""
    marks = points[:, :2]
    return np.stack([marks[36:42].mean(axis=0), marks[42:48].mean(axis=0), marks[30], marks[48], marks[54]])


def similarity(points: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The rotation, scale and shift that bring `points` (n, 2) nearest to `wanted` (n, 2): (2, 3), least squares."""
    x, y = np.asarray(points, float).T
    one, zero = np.ones_like(x), np.zeros_like(x)
    rows = np.concatenate([np.stack([x, -y, one, zero], axis=1), np.stack([y, x, zero, one], axis=1)])
    a, b, right, down = np.linalg.lstsq(rows, np.asarray(wanted, float).T.ravel(), rcond=None)[0]
    return np.array([[a, -b, right], [b, a, down]])


def aligned(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The face of `image` as recognisers see it.

    Args:
        image: (H, W, 3) uint8.
        points: (68, 2 or more) landmarks in crop coordinates, [0, 1].

    Returns:
        (112, 112, 3) uint8; black where it reaches over the picture's edge.
    """
    height, width = image.shape[:2]
    move = similarity(five_points(points) * (width, height), TEMPLATE)
    return cv2.warpAffine(image, move, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
