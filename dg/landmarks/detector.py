"""Faces in a picture and the square crop around one, framed as SynthFace frames its heads.

The default detectors are dlib's: HOG (20 ms for a 512 px picture, near-frontal faces) and, where HOG finds nothing,
the CNN (about 0.5 s, profiles too). Their weights come with the PyPI package `face-recognition-models`; the files are
found without importing it, because it needs the removed `pkg_resources`. face_alignment's are in
`dg.landmarks.detectors`.
"""

from __future__ import annotations

from functools import cache
from typing import Protocol

import dlib
import numpy as np
from PIL import Image

from dg.packaged import dlib_weights

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels; may reach over the picture's edge."""

Framing = tuple[float, float, float]
"""Crop side / detector box side, and the crop centre's shift in box sides (right, down)."""


class Detector(Protocol):
    """Finds faces: (H, W, 3) uint8 RGB -> boxes. `framing` says how a crop lies around one of its boxes."""

    framing: Framing

    def __call__(self, image: np.ndarray) -> list[Box]: ...


_HOG_SIDE = 512  # pixels: pictures are shrunk (or grown) to this longer side before HOG looks at them
_CNN_SIDES = (320, 800)  # the second look, 6x slower, is for small faces in large pictures

# Medians over 102 London photographs of the point-based framing below against either detector's box.
_HOG_FRAMING = (2.06, 0.0, -0.17)
_CNN_FRAMING = (2.05, 0.0, -0.08)

# SynthFace's framing (dg/synthface/body.py): the picture is 2.5 x the distance from nose bridge (point 27) to
# chin (point 8) high, and the bridge lies at 0.46 of it.
_SIDE_PER_SPAN = 2.5
_BRIDGE_HEIGHT = 0.46


@cache
def _hog():
    return dlib.get_frontal_face_detector()


@cache
def _cnn():
    return dlib.cnn_face_detection_model_v1(dlib_weights("mmod_human_face_detector.dat"))


@cache
def _predictor():
    return dlib.shape_predictor(dlib_weights("shape_predictor_68_face_landmarks.dat"))


def find_faces(image: np.ndarray) -> list[Box]:
    """Detector boxes of all faces in `image` (H, W, 3) uint8 RGB, largest first; empty if there is none."""
    return [box for box, _ in _detect(image)]


def find_face_crop(image: np.ndarray, near: Box | None = None, detector: Detector | None = None) -> Box | None:
    """The square crop around a face of `image` (H, W, 3) uint8 RGB, or None where no face is found.

    Bridge to chin is 40 % of the crop's height, the bridge lies at 46 % of it: SynthFace's framing. The crop may reach
    over the picture's edge; `cut` fills what lies outside.

    Args:
        near: the crop of the frame before, of the same clip. Of several faces the one whose crop lies nearest to it is
            taken; without it, the largest.
        detector: picture -> boxes; dlib's unless given.
    """
    found = _detect(image) if detector is None else [(box, detector.framing) for box in detector(image)]
    if not found:
        return None

    def distance(candidate: tuple[Box, Framing]) -> float:
        box, framing = candidate
        if near is None:
            return -(box[2] - box[0]) * (box[3] - box[1])
        crop = _crop_by_box(box, framing)
        return float(np.hypot(*(crop[k] + crop[k + 2] - near[k] - near[k + 2] for k in (0, 1))))

    rough = _crop_by_box(*min(found, key=distance))
    return _crop_by_points(image, rough) or rough


def crop_box(box: Box, framing: Framing = _HOG_FRAMING) -> Box:
    """The square crop that belongs to a detector box (a HOG box, unless told), by fixed proportions."""
    return _crop_by_box(box, framing)


def cut(image: np.ndarray, box: Box, size: int) -> np.ndarray:
    """Cut `box` out of `image` (H, W, 3) uint8 and scale it to (size, size, 3) uint8, antialiased.

    What lies outside the picture repeats its edge, as black would be a contour for the networks.
    """
    left, top, right, bottom = box
    height, width = image.shape[:2]
    margins = [max(0, int(np.ceil(m))) + 1 for m in (-top, bottom - height, -left, right - width)]
    if max(margins) > 1:
        image = np.pad(image, (margins[:2], margins[2:], (0, 0)), mode="edge")
        left, right, top, bottom = left + margins[2], right + margins[2], top + margins[0], bottom + margins[0]
    picture = Image.fromarray(image)
    return np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS, box=(left, top, right, bottom)))


def _detect(image: np.ndarray) -> list[tuple[Box, Framing]]:
    for side, framing in [(_HOG_SIDE, _HOG_FRAMING), *((side, _CNN_FRAMING) for side in _CNN_SIDES)]:
        small, zoom = _to_side(image, side)
        boxes = list(_hog()(small, 0)) if framing is _HOG_FRAMING else [found.rect for found in _cnn()(small, 0)]
        if boxes:
            boxes.sort(key=lambda box: -box.area())
            return [
                ((b.left() * zoom, b.top() * zoom, (b.right() + 1) * zoom, (b.bottom() + 1) * zoom), framing)
                for b in boxes
            ]
    return []


def _to_side(image: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """`image` with its longer side scaled to `side`, and the factor from its pixels back to the original's."""
    height, width = image.shape[:2]
    zoom = max(height, width) / side
    size = (max(1, round(width / zoom)), max(1, round(height / zoom)))
    return np.ascontiguousarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)), zoom


def _crop_by_box(box: Box, framing: Framing) -> Box:
    scale, right, down = framing
    size = (box[2] - box[0] + box[3] - box[1]) / 2
    x, y = (box[0] + box[2]) / 2 + right * size, (box[1] + box[3]) / 2 + down * size
    return _square(x, y, scale * size)


def _crop_by_points(image: np.ndarray, rough: Box) -> Box | None:
    """Framing by dlib's 68 points, whose scale is steadier than a detector's pyramid (7-10 % apart); None if absurd."""
    rough_side = rough[2] - rough[0]
    middle_x, middle_y = (rough[0] + rough[2]) / 2, (rough[1] + rough[3]) / 2
    # The predictor was trained on HOG's boxes.
    scale, right, down = _HOG_FRAMING
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
