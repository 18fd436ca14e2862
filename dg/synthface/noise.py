"""Smooth random fields in space, cheap enough to be evaluated per texel."""

from __future__ import annotations

import numpy as np

_LATTICE = 24


def field(points: np.ndarray, scale: float, seed: int) -> np.ndarray:
    """A random field with about unit standard deviation and features of the size `scale`.

    Args:
        points: (N, 3) float, dm.  scale: dm.  seed: which field; the same seed gives the same field everywhere.

    Returns:
        (N,) float32.
    """
    lattice = np.random.default_rng([seed, 0x11]).normal(size=(_LATTICE,) * 3).astype(np.float32)
    p = np.asarray(points, np.float32) / np.float32(scale)
    low = np.floor(p).astype(np.int32)
    f = p - low
    f = f * f * (3 - 2 * f)
    a = low % _LATTICE
    b = (a + 1) % _LATTICE
    flat = lattice.ravel()
    xs = [(a[:, 0] * (_LATTICE * _LATTICE), 1 - f[:, 0]), (b[:, 0] * (_LATTICE * _LATTICE), f[:, 0])]
    ys = [(a[:, 1] * _LATTICE, 1 - f[:, 1]), (b[:, 1] * _LATTICE, f[:, 1])]
    zs = [(a[:, 2], 1 - f[:, 2]), (b[:, 2], f[:, 2])]
    out = np.zeros(len(p), np.float32)
    for ix, wx in xs:
        for iy, wy in ys:
            ixy, wxy = ix + iy, wx * wy
            for iz, wz in zs:
                out += flat[ixy + iz] * (wxy * wz)
    return out * np.float32(1.7)


def field_where(mask: np.ndarray, points: np.ndarray, scale: float, seed: int) -> np.ndarray:
    """`field` where `mask` (N,) is true, 0 elsewhere; for places that show it only in part."""
    out = np.zeros(len(points), np.float32)
    rows = np.flatnonzero(mask)
    if len(rows):
        out[rows] = field(points[rows], scale, seed)
    return out
