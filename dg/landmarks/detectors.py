"""Face detectors, by name: `landmarks.detector` in params.yaml.

The default are dlib's: HOG (20 ms for a 512 px picture, near-frontal faces) and, where HOG finds nothing, the CNN
(about 0.5 s, profiles too). The others are face_alignment's.
"""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path

import dlib
import numpy as np
from PIL import Image

from dg.errors import DgError
from dg.packaged import dlib_weights
from dg.pictures import Box
from dg.weights.landmarks import DETECTORS
from dg.weights.published import PUBLISHED

Framing = tuple[float, float, float]
"""How a crop lies around a detector's box: crop side / box side, and its centre's shift in box sides (right, down)."""

Found = tuple[Box, Framing]
Detector = Callable[[np.ndarray], list[Found]]
"""(H, W, 3) uint8 RGB -> the boxes of all faces, in pixels; they may reach over the picture's edge."""

_HOG_SIDE = 512  # pixels: pictures are shrunk (or grown) to this longer side before HOG looks at them
_CNN_SIDES = (320, 800)  # the second look, 6x slower, is for small faces in large pictures

# Medians over 102 London photographs of `find_face_crop`'s framing by points against either detector's box.
HOG_FRAMING = (2.06, 0.0, -0.17)
_CNN_FRAMING = (2.05, 0.0, -0.08)

# face_alignment itself cuts (width + height) / reference_scale * 200 pixels around a box, whichever detector made it.
# The first number brings that to SynthFace's framing, the second is the shift down in box sides: medians over 102
# London photographs with YuNet, the one detector whose weights were at hand.
_SIDE, _DOWN = 0.76, -0.07


def open_detector(name: str, weights: str | None = None, folder: Path = PUBLISHED) -> Detector:
    """The detector `name`.

    Args:
        name: "dlib", or one of face_alignment's: "sfd", "retinaface", "scrfd", "yunet".
        weights: file to load in place of the published one, which is looked for in `folder` and downloaded if absent.

    Raises:
        DgError: the file is missing and can't be downloaded, differs from the digest known, or doesn't load.
    """
    return dlib_faces if name == "dlib" else FaceAlignmentDetector(name, weights, folder)


class FaceAlignmentDetector:
    """One of face_alignment's detectors on the CPU."""

    def __init__(self, name: str, weights: str | None, folder: Path) -> None:
        """See `open_detector`."""
        path = Path(weights) if weights else DETECTORS[name].require(Path(folder))
        if not path.exists():
            raise DgError(f"landmarks.detector_weights: {path} not found. Correct the path, or leave it null.")
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
    """See `Detector`; largest first."""
    for side, framing in [(_HOG_SIDE, HOG_FRAMING), *((side, _CNN_FRAMING) for side in _CNN_SIDES)]:
        small, zoom = _to_side(image, side)
        boxes = list(_hog()(small, 0)) if framing is HOG_FRAMING else [found.rect for found in _cnn()(small, 0)]
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
