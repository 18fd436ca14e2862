"""The square crop around a face, framed as SynthFace frames its heads."""

from __future__ import annotations

from functools import cache

import dlib
import numpy as np

from dg.landmarks.detectors import HOG_FRAMING, Detector, Found, Framing, dlib_faces
from dg.packaged import dlib_weights
from dg.pictures import Box

# SynthFace's framing (dg/synthface/body.py): the picture is 2.5 x the distance from nose bridge (point 27) to
# chin (point 8) high, and the bridge lies at 0.46 of it.
_SIDE_PER_SPAN = 2.5
_BRIDGE_HEIGHT = 0.46


@cache
def _predictor():
    return dlib.shape_predictor(dlib_weights("shape_predictor_68_face_landmarks.dat"))


def find_face_crop(image: np.ndarray, near: Box | None = None, detector: Detector = dlib_faces) -> Box | None:
    """The square crop around a face of `image` (H, W, 3) uint8 RGB, or None where no face is found.

    Bridge to chin is 40 % of the crop's height, the bridge lies at 46 % of it: SynthFace's framing. The crop may reach
    over the picture's edge; `dg.pictures.crop` fills what lies outside.

    Args:
        near: the crop of the frame before, of the same clip. Of several faces the one whose crop lies nearest to it is
            taken; without it, the largest.
    """
    found = detector(image)
    if not found:
        return None

    def distance(candidate: Found) -> float:
        box, framing = candidate
        if near is None:
            return -(box[2] - box[0]) * (box[3] - box[1])
        crop = crop_box(box, framing)
        return float(np.hypot(*(crop[k] + crop[k + 2] - near[k] - near[k + 2] for k in (0, 1))))

    rough = crop_box(*min(found, key=distance))
    return _crop_by_points(image, rough) or rough


def crop_box(box: Box, framing: Framing) -> Box:
    """The square crop that belongs to a detector's box, by fixed proportions."""
    scale, right, down = framing
    size = (box[2] - box[0] + box[3] - box[1]) / 2
    x, y = (box[0] + box[2]) / 2 + right * size, (box[1] + box[3]) / 2 + down * size
    return _square(x, y, scale * size)


def _crop_by_points(image: np.ndarray, rough: Box) -> Box | None:
    """Framing by dlib's 68 points, whose scale is steadier than a detector's pyramid (7-10 % apart); None if absurd."""
    rough_side = rough[2] - rough[0]
    middle_x, middle_y = (rough[0] + rough[2]) / 2, (rough[1] + rough[3]) / 2
    # The predictor was trained on HOG's boxes.
    scale, right, down = HOG_FRAMING
    size = rough_side / scale
    part = _square(middle_x - right * size, middle_y - down * size, size)
    found = _predictor()(np.ascontiguousarray(image), dlib.rectangle(*(round(edge) for edge in part)))
    points = np.array([(p.x, p.y) for p in found.parts()], float)
    side = _SIDE_PER_SPAN * float(np.linalg.norm(points[27] - points[8]))
    x, y = (points[0, 0] + points[16, 0]) / 2, points[27, 1] + (0.5 - _BRIDGE_HEIGHT) * side
    # On profiles the predictor guesses; then the box is the safer frame.
    if not 0.75 < side / rough_side < 1.33 or np.hypot(x - middle_x, y - middle_y) > 0.12 * rough_side:
        return None
    return _square(x, y, side)


def _square(x: float, y: float, side: float) -> Box:
    return float(x - side / 2), float(y - side / 2), float(x + side / 2), float(y + side / 2)
