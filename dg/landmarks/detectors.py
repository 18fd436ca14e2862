"""face_alignment's own face detectors, by name: `landmarks.detector` in params.yaml."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path

import numpy as np

from dg.errors import DgError
from dg.landmarks.detector import Box, Detector
from dg.weights.landmarks import DETECTORS
from dg.weights.published import PUBLISHED

# face_alignment itself cuts (width + height) / reference_scale * 200 pixels around a box, whichever detector made it.
# The first number brings that to SynthFace's framing, the second is the shift down in box sides: medians over 102
# London photographs with YuNet, the one detector whose weights were at hand.
_SIDE, _DOWN = 0.76, -0.07


def open_detector(name: str, weights: str | None = None, folder: Path = PUBLISHED) -> Detector | None:
    """The detector `name`; None for "dlib", which `find_face_crop` uses of itself.

    Args:
        name: "dlib", or one of face_alignment's: "sfd", "retinaface", "scrfd", "yunet".
        weights: file to load in place of the published one, which is looked for in `folder` and downloaded if absent.

    Raises:
        DgError: the file is missing and can't be downloaded, differs from the digest known, or doesn't load.
    """
    return None if name == "dlib" else FaceAlignmentDetector(name, weights, folder)


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

    def __call__(self, image: np.ndarray) -> list[Box]:
        """Boxes of the faces in (H, W, 3) uint8 RGB."""
        return [tuple(float(edge) for edge in box[:4]) for box in self._net.detect_from_image(image)]
