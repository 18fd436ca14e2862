"""The square crop around a face, framed as SynthFace frames its heads."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from dg.landmarks.detectors import Detector, Found, Framing, open_detector
from dg.landmarks.fan import LandmarkNet, load_landmark_net
from dg.landmarks.framing import framed
from dg.pictures import Box, crop

LIKE_SIZE = 0.7
"""A face at least so much of the largest's side high might as well be the one that is meant."""

_LOOKED_AT = 256  # pixels: what the landmark network is shown
_LOOKS, _MOVED = 3, 0.06  # it looks again where the frame moved or grew by more than this share of its side


@cache
def _yunet() -> Detector:
    return open_detector("yunet")


@cache
def _net() -> LandmarkNet:
    return load_landmark_net("fan-synthface")


def find_face_crop(image: np.ndarray, near: Box | None = None, detector: Detector | None = None) -> Box | None:
    """The square crop around a face of `image` (H, W, 3) uint8 RGB, or None where no face is found.

    It may reach over the picture's edge; `dg.pictures.crop` fills what lies outside.

    Args:
        near: the crop of the frame before, of the same clip. Of several faces the one whose crop lies nearest to it is
            taken; without it, the largest.
        detector: None: YuNet.
    """
    found = (detector or _yunet())(image)
    return face_crop(image, chosen(found, near)) if found else None


def chosen(found: list[Found], near: Box | None = None) -> Found:
    """Which of several faces; `near`: see `find_face_crop`."""

    def distance(candidate: Found) -> float:
        if near is None:
            return -_side(candidate[0])
        rough = crop_box(*candidate)
        return float(np.hypot(*(rough[k] + rough[k + 2] - near[k] - near[k + 2] for k in (0, 1))))

    return min(found, key=distance)


def of_like_size(found: list[Found]) -> int:
    """How many of the faces are about as large as the largest."""
    sides = [_side(box) for box, _ in found]
    return sum(side >= LIKE_SIZE * max(sides) for side in sides)


def crop_box(box: Box, framing: Framing) -> Box:
    """The square crop that belongs to a detector's box, by fixed proportions."""
    scale, right, down = framing
    size = _side(box)
    x, y = (box[0] + box[2]) / 2 + right * size, (box[1] + box[3]) / 2 + down * size
    return _square(x, y, scale * size)


@torch.inference_mode()
def face_crop(image: np.ndarray, face: Found) -> Box:
    """The crop around a face that a detector found: its own proportions differ by a tenth from one expression to the
    next, those of landmarks by a hundredth (`framed`). Where the landmark network sees no face, the detector's."""
    box = rough = crop_box(*face)
    for _ in range(_LOOKS):
        seen = crop(image, box, _LOOKED_AT)
        found = _net().detect(torch.from_numpy(seen.copy()).permute(2, 0, 1)[None] / 255)
        x, y, side = framed(found.points)[0].tolist()
        if found.score[0] < _net().face_threshold:
            return rough
        scale = _side(box)
        box = _square(box[0] + x * scale, box[1] + y * scale, side * scale)
        if max(abs(x - 0.5), abs(y - 0.5), abs(side - 1)) < _MOVED:
            break
    return box if _is_near(box, rough) else rough


@torch.inference_mode()
def face_points(face: np.ndarray) -> np.ndarray:
    """(68, 3) landmarks, crop coordinates, of a crop that shows a face, (H, H, 3) uint8 RGB."""
    return _net().detect(torch.from_numpy(face.copy()).permute(2, 0, 1)[None] / 255).points[0].numpy()


def _is_near(box: Box, rough: Box) -> bool:
    """Whether landmarks can have found the detector's face, and not a neighbour or a pattern."""
    scale = _side(rough)
    apart = np.hypot(*(box[k] + box[k + 2] - rough[k] - rough[k + 2] for k in (0, 1))) / 2
    return 0.6 < _side(box) / scale < 1.6 and apart < 0.4 * scale


def _side(box: Box) -> float:
    return (box[2] - box[0] + box[3] - box[1]) / 2


def _square(x: float, y: float, side: float) -> Box:
    return float(x - side / 2), float(y - side / 2), float(x + side / 2), float(y + side / 2)
