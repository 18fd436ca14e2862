"""face_alignment's own face detectors, by name: `landmarks.detector` in params.yaml."""

from __future__ import annotations

import importlib
import pickle
import urllib.error
from pathlib import Path

import numpy as np
from torch.hub import download_url_to_file

from dg.errors import DgError
from dg.files import file_digest
from dg.landmarks.detector import Box, Detector
from dg.landmarks.official import FOLDER

_FILES = {
    "sfd": "s3fd-619a316812.pth",
    "retinaface": "retinaface_mobilenet0.25.pth",
    "scrfd": "scrfd_2.5g_bnkps.onnx",
    "yunet": "face_detection_yunet_2023mar.onnx",
}
_URLS = {
    "sfd": "https://www.adrianbulat.com/downloads/python-fan/s3fd-619a316812.pth",
    "retinaface": "https://www.adrianbulat.com/downloads/python-fan/retinaface_mobilenet0.25.pth",
    "scrfd": "https://github.com/yakhyo/facial-analysis/releases/download/v0.0.1/det_2.5g.onnx",
    "yunet": "https://github.com/opencv/opencv_zoo/raw/main/models/"
    "face_detection_yunet/face_detection_yunet_2023mar.onnx",
}

# face_alignment itself cuts (width + height) / reference_scale * 200 pixels around a box, whichever detector made it.
# The first number brings that to SynthFace's framing, the second is the shift down in box sides: medians over 102
# London photographs with YuNet, the one detector whose weights were at hand.
_SIDE, _DOWN = 0.76, -0.07


def open_detector(name: str, weights: str | None = None, folder: Path = FOLDER) -> Detector | None:
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
        path = Path(weights) if weights else _published(name, Path(folder))
        if not path.exists():
            raise DgError(f"landmarks.detector_weights: {path} not found. Correct the path, or leave it null.")
        module = importlib.import_module(f"face_alignment.detection.{name}")
        try:
            self._net = module.FaceDetector(device="cpu", path_to_detector=str(path))
        # Every library that reads weights has its own error for a wrong file.
        except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError) as error:
            raise _unreadable(path, name, error) from error
        except Exception as error:
            if type(error).__module__.split(".")[0] not in ("cv2", "onnxruntime"):
                raise
            raise _unreadable(path, name, error) from error
        side = 2 * 200 / self._net.reference_scale
        self.framing = (_SIDE * side, 0.0, _DOWN)

    def __call__(self, image: np.ndarray) -> list[Box]:
        """Boxes of the faces in (H, W, 3) uint8 RGB."""
        return [tuple(float(edge) for edge in box[:4]) for box in self._net.detect_from_image(image)]


def _unreadable(path: Path, name: str, error: Exception) -> DgError:
    return DgError(f"{path}: can't be read as weights of the detector {name} ({error}). Fetch {_URLS[name]}")


def _published(name: str, folder: Path) -> Path:
    path, url = folder / _FILES[name], _URLS[name]
    # Only one name carries a digest; the others' is kept from the first download on, so that a change is noticed.
    kept = path.with_name(path.name + ".sha256")
    known = path.stem.rsplit("-", 1)[-1] if name == "sfd" else kept.read_text().strip() if kept.exists() else ""
    if not path.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            download_url_to_file(url, str(path), hash_prefix=known or None)
        except (urllib.error.URLError, OSError, RuntimeError) as error:
            raise DgError(
                f"{path}: weights not found, and the download failed ({error}). Download {url} on a machine with "
                f"internet and save it as {path}"
                + (f"; its SHA-256 begins with {known}" if known else "")
                + ". Or set landmarks.detector: dlib, whose weights come with a package."
            ) from error
    found = file_digest(path)
    if not found.startswith(known):
        raise DgError(f"{path}: SHA-256 is {found}, expected {known}... . Delete it and get it again from {url}.")
    if not kept.exists():
        kept.write_text(found + "\n")
    return path
