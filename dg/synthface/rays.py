"""Ray casting against triangles with Intel's Embree (package embreex), behind one small class."""

from __future__ import annotations

import dataclasses

import numpy as np
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh

_FAR = np.float32(1e9)


@dataclasses.dataclass(frozen=True)
class Hits:
    """The nearest hit of each of N rays.

    Attributes:
        face: (N,) int32, -1 where nothing was hit.
        distance: (N,) float32, along the ray in units of its direction's length; 1e9 where nothing was hit.
        weights: (N, 3) float32, barycentric weights of the triangle's corners.
    """

    face: np.ndarray
    distance: np.ndarray
    weights: np.ndarray


class Tracer:
    """Triangles ready for rays: `vertices` (V, 3) float, `faces` (F, 3) int."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        self._scene = rtcore_scene.EmbreeScene()
        self._mesh = TriangleMesh(self._scene, np.ascontiguousarray(vertices[faces], np.float32))

    def nearest(self, origin: np.ndarray, direction: np.ndarray) -> Hits:
        """Nearest hits of rays from `origin` (N, 3) or (3,) along `direction` (N, 3)."""
        direction = np.ascontiguousarray(direction, np.float32)
        origin = np.ascontiguousarray(np.broadcast_to(origin, direction.shape), np.float32)
        out = self._scene.run(origin, direction, output=True, dists=np.full(len(direction), _FAR, np.float32))
        u, v = out["u"], out["v"]
        face = out["primID"]
        distance = np.where(face >= 0, out["tfar"], _FAR)
        return Hits(face, distance, np.stack([1 - u - v, u, v], 1))

    def blocked(self, origin: np.ndarray, direction: np.ndarray, reach: float = 1e8) -> np.ndarray:
        """(N,) bool: does anything lie within `reach` (in direction lengths) along the ray?"""
        direction = np.ascontiguousarray(direction, np.float32)
        origin = np.ascontiguousarray(np.broadcast_to(origin, direction.shape), np.float32)
        hit = self._scene.run(origin, direction, query="OCCLUDED", dists=np.full(len(direction), reach, np.float32))
        return hit != -1
