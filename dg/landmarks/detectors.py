"""Face detectors, by name: `landmarks.detector` in params.yaml.

`yunet` and `dlib` come with packages; the others are face_alignment's. What they find, and how fast: docs/landmarks.md.
"""

from __future__ import annotations

import importlib
import itertools
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path

import dlib
import numpy as np
from PIL import Image

from dg.errors import DgError
from dg.landmarks.yunet import YuNet
from dg.packaged import dlib_weights
from dg.pictures import Box, BrokenPicture
from dg.weights.landmarks import DETECTORS
from dg.weights.published import PUBLISHED

Framing = tuple[float, float, float]
"""How a crop lies around a detector's box: crop side / box side, and its centre's shift in box sides (right, down)."""

Found = tuple[Box, Framing]
Detector = Callable[[np.ndarray], list[Found]]
"""(H, W, 3) uint8 RGB -> the boxes of all faces, in pixels; they may reach over the picture's edge."""

_YUNET_SIDES = (480, 320, 960)  # pixels of the longer side in its looks; the third is for small faces in large pictures
_SURE, _UNSURE = 0.7, 0.5  # scores; what is found between them counts only where no look is sure
# Medians over 384 SynthFace pictures of yaw 0 to 90 with plain walls. The heights of its boxes hardly know the yaw;
# their widths do.
_YUNET_FRAMING = (1.46, 0.0, -0.05)

_HOG_SIDE = 512  # pixels: pictures are shrunk (or grown) to this longer side before HOG looks at them
_CNN_SIDES = (320, 800)  # the second look, 6x slower, is for small faces in large pictures
# Pixels, dlib's smallest face. On pictures thinner than its filters its network raises, and writes over foreign memory.
_DLIB_LEAST = 40

# Medians over 102 London photographs of framing by dlib's 68 points against either detector's box.
_HOG_FRAMING = (2.06, 0.0, -0.17)
_CNN_FRAMING = (2.05, 0.0, -0.08)

# face_alignment itself cuts (width + height) / reference_scale * 200 pixels around a box, whichever detector made it.
# The first number brings that to SynthFace's framing, the second is the shift down in box sides: medians over 102
# London photographs with YuNet, the one detector whose weights were at hand.
_SIDE, _DOWN = 0.76, -0.07


def open_detector(name: str, weights: str | None = None, folder: Path = PUBLISHED) -> Detector:
    """The detector `name`; it raises BrokenPicture on a picture that it can't look at.

    Args:
        name: "yunet", "dlib", or one of face_alignment's: "sfd", "retinaface", "scrfd".
        weights: file to load in place of the published one. "yunet" has its own from a package; of face_alignment's it
            is looked for in `folder` and downloaded if absent.

    Raises:
        DgError: the file is missing and can't be downloaded, differs from the digest known, or doesn't load.
    """
    if name == "dlib":
        return _reporting(name, dlib_faces)
    if weights and not Path(weights).exists():
        raise DgError(f"landmarks.detector_weights: {weights} not found. Correct the path, or leave it null.")
    if name == "yunet":
        return _reporting(name, YuNetDetector(Path(weights) if weights else None))
    return _reporting(name, FaceAlignmentDetector(name, Path(weights) if weights else None, folder))


def _reporting(name: str, look: Detector) -> Detector:
    """`look`, whose own errors are the picture's: each library has others for those that it wasn't made for."""

    def detector(image: np.ndarray) -> list[Found]:
        try:
            return look(image)
        except (DgError, MemoryError):
            raise
        except Exception as error:
            height, width = image.shape[:2]
            said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise BrokenPicture(
                f"the face detector '{name}' can't look at its {width} x {height} pixels ({said})"
            ) from error

    return detector


class YuNetDetector:
    """Where a look at the picture is not sure of a face, YuNet looks at it larger, smaller, and mirrored."""

    def __init__(self, weights: Path | None = None) -> None:
        """`weights`: another file of it, ONNX; see `open_detector` for errors."""
        self._net = YuNet(weights, _UNSURE)

    def __call__(self, image: np.ndarray) -> list[Found]:
        """See `Detector`."""
        best: list[tuple[float, Box]] = []
        for side, mirrored in itertools.product(_YUNET_SIDES, (False, True)):
            found = self._look(image, side, mirrored)
            sure = [face for face in found if face[0] >= _SURE]
            if sure:
                return [(box, _YUNET_FRAMING) for _, box in sure]
            best = max(best, sorted(found)[-1:])
        return [(box, _YUNET_FRAMING) for _, box in best]

    def _look(self, image: np.ndarray, side: int, mirrored: bool) -> list[tuple[float, Box]]:
        """Score and square box, as high as its own, of each face in the picture at this size."""
        small, zoom = _to_side(image[:, ::-1] if mirrored else image, side)
        width, found = small.shape[1], []
        for left, top, across, high, *_, score in self._net(small).tolist():
            x = left + across / 2
            x, y = (width - x if mirrored else x), top + high / 2
            found.append(
                (score, tuple(zoom * edge for edge in (x - high / 2, y - high / 2, x + high / 2, y + high / 2)))
            )
        return found


class FaceAlignmentDetector:
    """One of face_alignment's detectors on the CPU."""

    def __init__(self, name: str, weights: Path | None, folder: Path) -> None:
        """See `open_detector`."""
        path = weights or DETECTORS[name].require(Path(folder))
        module = importlib.import_module(f"face_alignment.detection.{name}")
        try:
            self._net = module.FaceDetector(device="cpu", path_to_detector=str(path))
        # Every library that reads weights has its own error for a wrong file.
        except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError) as error:
            raise DETECTORS[name].unlike(path, error) from error
        except Exception as error:
            if type(error).__module__.split(".")[0] not in ("cv2", "onnxruntime"):
                raise
            raise DETECTORS[name].unlike(path, error) from error
        side = 2 * 200 / self._net.reference_scale
        self.framing = (_SIDE * side, 0.0, _DOWN)

    def __call__(self, image: np.ndarray) -> list[Found]:
        """See `Detector`."""
        boxes = self._net.detect_from_image(image)
        return [(tuple(float(edge) for edge in box[:4]), self.framing) for box in boxes]


@cache
def _hog():
    return dlib.get_frontal_face_detector()


@cache
def _cnn():
    return dlib.cnn_face_detection_model_v1(dlib_weights("mmod_human_face_detector.dat"))


def dlib_faces(image: np.ndarray) -> list[Found]:
    """See `Detector`; largest first. HOG and, where it finds nothing, the CNN."""
    for side, framing in [(_HOG_SIDE, _HOG_FRAMING), *((side, _CNN_FRAMING) for side in _CNN_SIDES)]:
        small, zoom = _to_side(image, side)
        if min(small.shape[:2]) < _DLIB_LEAST:
            continue
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
