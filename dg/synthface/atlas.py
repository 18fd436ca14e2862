"""The atlas of the head's skin: where each texel lies on the template, and what of the face it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from .head import SKIN

SCALE = 1152
"""Texels that one unit of MakeHuman's UV square would have; the atlas is the part of the square the head uses."""
_ATLAS_U = (0.636, 1.0)
_ATLAS_V = (0.0, 0.83)


def atlas_uv(uv: np.ndarray) -> np.ndarray:
    """UV to texels (column, row) of the atlas."""
    return np.stack([(uv[..., 0] - _ATLAS_U[0]) * SCALE, (_ATLAS_V[1] - uv[..., 1]) * SCALE], -1)


def atlas(
    textures: Path, template: np.ndarray, faces: np.ndarray, texel: np.ndarray, part: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`Head.atlas_fill`, `atlas_xyz`, and of `atlas_masks` the four that MakeHuman's `textures` tell."""
    width = round((_ATLAS_U[1] - _ATLAS_U[0]) * SCALE)
    height = round((_ATLAS_V[1] - _ATLAS_V[0]) * SCALE)
    xyz = np.zeros((height, width, 3), np.float32)
    used = np.zeros((height, width), bool)
    for f in np.flatnonzero(part == SKIN):
        a, b, c = texel[f]
        if max(a[0], b[0], c[0]) < 0:
            continue  # shoulders lie elsewhere in the square; they are coloured without the atlas
        x0, y0 = np.floor(np.min(texel[f], 0)).astype(int)
        x1, y1 = np.ceil(np.max(texel[f], 0)).astype(int) + 1
        xs, ys = np.meshgrid(np.arange(max(x0, 0), min(x1, width)), np.arange(max(y0, 0), min(y1, height)))
        det = (b[1] - c[1]) * (a[0] - c[0]) + (c[0] - b[0]) * (a[1] - c[1])
        if abs(det) < 1e-9 or xs.size == 0:
            continue
        wa = ((b[1] - c[1]) * (xs - c[0]) + (c[0] - b[0]) * (ys - c[1])) / det
        wb = ((c[1] - a[1]) * (xs - c[0]) + (a[0] - c[0]) * (ys - c[1])) / det
        w = np.stack([wa, wb, 1 - wa - wb], -1)
        inside = w.min(-1) >= -1e-6
        xyz[ys[inside], xs[inside]] = w[inside] @ template[faces[f]]
        used[ys[inside], xs[inside]] = True
    nearest = distance_transform_edt(~used, return_distances=False, return_indices=True)
    number = np.cumsum(used.ravel()).reshape(used.shape) - 1
    fill = number[nearest[0], nearest[1]].astype(np.int32)
    rows, columns = np.nonzero(used)
    u, v = columns / SCALE + _ATLAS_U[0], _ATLAS_V[1] - rows / SCALE
    masks = []
    for name in ("lips", "eyelids", "face", "ears"):
        picture = np.asarray(Image.open(textures / f"mpfb_{name}.jpg").convert("L"))
        masks.append(
            picture[
                np.clip(((1 - v) * picture.shape[0]).astype(int), 0, picture.shape[0] - 1),
                np.clip((u * picture.shape[1]).astype(int), 0, picture.shape[1] - 1),
            ]
        )
    return fill, xyz[used], np.stack(masks, 1)


def lashes(xyz: np.ndarray, template: np.ndarray, faces: np.ndarray, margin: np.ndarray) -> np.ndarray:
    """(N,) uint8: closeness of atlas points to the edges of the upper lids."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = edges[(margin[edges] == 1).all(1)]
    t = np.linspace(0, 1, 9)[:, None, None]
    points = (template[edges[:, 0]] * (1 - t) + template[edges[:, 1]] * t).reshape(-1, 3)
    distance, _ = cKDTree(points).query(xyz, distance_upper_bound=0.08)
    return np.round(255 * np.exp(-((distance / 0.019) ** 2))).astype(np.uint8)
