"""The 68 iBUG landmarks as fixed vertices of the head mesh: the same skin point at every pose and expression.

`choose_landmarks` chose them, once; the result is `landmarks68.json`.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np

from .head import Head, vertex_normals

FILE = Path(__file__).with_name("landmarks68.json")

INNER = np.arange(17, 68)
"""Every landmark but the jaw line."""


@functools.cache
def landmark_vertices() -> np.ndarray:
    """(68,) int64 vertex numbers."""
    return np.array(json.loads(FILE.read_text())["vertices"])


def landmark_points(vertices: np.ndarray, head: Head) -> tuple[np.ndarray, np.ndarray]:
    """Places (68, 3) dm and unit normals (68, 3) of the landmarks on moved `vertices` (V, 3)."""
    index = landmark_vertices()
    return vertices[index], vertex_normals(vertices, head.faces)[index]
