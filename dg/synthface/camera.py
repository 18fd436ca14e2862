"""Where points of the head fall in the picture."""

from __future__ import annotations

import dataclasses

import numpy as np

DISTANCE = 13.0
"""dm from the camera to the point it looks at: a portrait taken from 1.3 m."""


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rz(roll) Rx(pitch) Ry(yaw), (3, 3) float64, from head to camera axes (x right, y up, z to the camera); degrees.

    Signs as in `actions`: yaw turns +z to +x, pitch turns +z to +y, roll turns +y to +x.
    """
    a, b, c = np.radians([yaw, pitch, roll])
    ry = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    rx = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    rz = np.array([[np.cos(c), np.sin(c), 0], [-np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return rz @ rx @ ry


@dataclasses.dataclass(frozen=True, eq=False)
class Camera:
    """A perspective camera in front of a head.

    Attributes:
        turn: (3, 3) head to camera rotation.  aim: (3,) dm, in head coordinates.
        reach: dm, height of the picture at the aim's depth.  shift: (right, down), share of the picture.
    """

    turn: np.ndarray
    aim: np.ndarray
    reach: float
    shift: tuple[float, float]

    @property
    def position(self) -> np.ndarray:
        """(3,) float32 dm, in head coordinates."""
        return (self.aim + self.turn.T @ [0, 0, DISTANCE]).astype(np.float32)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Head points (N, 3) dm to (N, 3) float32: x, y as shares of the picture (y down), z towards the camera.

        z is the distance in front of the aim as a share of the picture's height there (an orthographic depth).
        """
        p = (np.asarray(points, float) - self.aim) @ self.turn.T
        zoom = DISTANCE / (DISTANCE - p[:, 2]) / self.reach
        return np.stack(
            [0.5 + self.shift[0] + p[:, 0] * zoom, 0.5 + self.shift[1] - p[:, 1] * zoom, p[:, 2] / self.reach], 1
        ).astype(np.float32)

    def rays(self, size: int) -> np.ndarray:
        """Directions (size * size, 3) float32 in head coordinates through pixel centres, row by row; unit length."""
        place = (np.arange(size) + 0.5) / size - 0.5
        y, x = np.meshgrid(place - self.shift[1], place - self.shift[0], indexing="ij")
        d = np.stack([x * self.reach, -y * self.reach, np.full_like(x, -DISTANCE)], -1).reshape(-1, 3)
        d /= np.linalg.norm(d, axis=1, keepdims=True)
        return (d @ self.turn).astype(np.float32)
