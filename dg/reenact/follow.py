"""The face of a clip, frame by frame: where it is, and the landmarks that drive the source."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from dg.landmarks.steady import after
from dg.pictures import Box, centre_square, crop
from dg.reenact.painter import Painter
from dg.reenact.smoothing import OneEuro

Frame = tuple[float, np.ndarray]
"""Time in seconds, and (height, width, 3) uint8 RGB."""


class Follower:
    """Follows one face through a clip.

    Attributes:
        frames: how many it has seen.
        missing: in how many of them there was no face; there the last face's landmarks stay.
    """

    def __init__(self, painter: Painter, start: Tensor, visible: Tensor, face: int, smooth: float) -> None:
        """Before its first frame.

        Args:
            start: (68, 3) landmarks that stand in until a face is found, and `visible`: (68,), which can be seen.
            face: which of those in the first frame that has some, 1 the largest. smooth: see `OneEuro`.
        """
        self.frames = self.missing = 0
        self._painter, self._face, self._smooth = painter, face, OneEuro(smooth)
        self._points, self._visible = start, visible
        self._box: Box | None = None
        self._seen: float | None = None  # when the box was found, and when the points in it were
        self._time: float | None = None

    def __call__(self, frames: list[Frame]) -> tuple[list[np.ndarray], Tensor, Tensor]:
        """The next frames' crops (S, S, 3) uint8, landmarks (B, 68, 3) and which of them can be seen (B, 68)."""
        size, boxes, crops = self._painter.finder.size, [], []
        for time, picture in frames:
            box = self._painter.finder.follow(picture, self._box, self._face)
            if box is not None and self._painter.finder.detector:
                box = after(self._box, box, time - (self._seen or 0.0))
            boxes.append(box)
            self._box, self._seen = box or self._box, time if box else self._seen
            crops.append(crop(picture, self._box or centre_square(picture), size))
        found, threshold = self._painter.look_at(crops), self._painter.networks.landmarks.face_threshold
        points, visible = [], []
        for number, (time, _) in enumerate(frames):
            if boxes[number] is None or found.score[number] < threshold:
                self.missing += 1
            else:
                passed = 0.0 if self._time is None else time - self._time
                self._points = self._smooth(found.points[number], passed)
                self._visible, self._time = found.visible[number], time
            points.append(self._points)
            visible.append(self._visible)
        self.frames += len(frames)
        return crops, torch.stack(points), torch.stack(visible)

    def state(self) -> dict[str, Any]:
        """All that the next frames depend on, for JSON."""
        return {
            "frames": self.frames,
            "missing": self.missing,
            "points": self._points.tolist(),
            "visible": self._visible.tolist(),
            "box": self._box,
            "seen": self._seen,
            "time": self._time,
            "smooth": self._smooth.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on after the frames that `state` was told after."""
        self.frames, self.missing, self._time = state["frames"], state["missing"], state["time"]
        self._points, self._visible = torch.tensor(state["points"]), torch.tensor(state["visible"])
        self._box, self._seen = tuple(state["box"]) if state["box"] else None, state["seen"]
        self._smooth.restore(state["smooth"])
