"""CSIM (Sec. 4.1): cosine similarity of face embeddings, source against result, of faces aligned by their landmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import cv2
import dlib
import numpy as np

from dg.packaged import dlib_weights
from dg.weights import metrics as metric_weights

_DLIB_MEAN = Path(__file__).with_name("dlib_mean.csv")


class Embedder(Protocol):
    """A face recogniser that no training loss has seen."""

    def __call__(self, image: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Embedding (d,) float32 of a face.

        Args:
            image: (H, W, 3) uint8 RGB.
            points: (68, 2 or more) landmarks in crop coordinates, [0, 1].
        """


def open_embedder(backend: str) -> Embedder:
    """The embedder "sface", "dlib" or "arcface".

    Raises:
        DgError: its weights are missing or damaged.
    """
    if backend == "sface":
        from dg.recognition.sface import SFace  # here, as it brings torch, which dlib's processes do without

        return SFace()
    return Dlib() if backend == "dlib" else ArcFace(metric_weights.ARCFACE.require())


def require_embedder(backend: str) -> None:
    """Check the weights of `backend` before any work.

    Raises:
        DgError: they are missing or damaged.
    """
    if backend == "arcface":
        metric_weights.ARCFACE.require()


def cosine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cosine of each row of `first` with the same row of `second`: (n, d), (n, d) -> (n,) float64 in [-1, 1]."""
    first, second = np.asarray(first, float), np.asarray(second, float)
    return (first * second).sum(axis=1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)


def rank1(made: np.ndarray, sources: np.ndarray, subjects: np.ndarray) -> np.ndarray:
    """Whether each result is nearer to its own source than to that of any other person.

    Args:
        made, sources: (n, d) embeddings of each pair's result and source.
        subjects: (n,) the source person of each pair.

    Returns:
        (n,) float64, 1 or 0; NaN if there is one person alone. The mean of guesses is 1 / the number of people.
    """
    if len(set(subjects.tolist())) < 2:
        return np.full(len(made), np.nan)
    near, whose = _to_all_sources(made, sources, subjects)
    strangers = whose[None] != subjects[:, None]
    return (cosine(made, sources) > np.where(strangers, near, -np.inf).max(axis=1)).astype(float)


def id_retrieval(made: np.ndarray, sources: np.ndarray, subjects: np.ndarray) -> np.ndarray:
    """Whether the source picture nearest to each result, of all pairs' ones, shows the result's own source person.

    ID retrieval of face swapping (Li et al. 2019, FaceShifter). Where people have sources in many poses a
    stranger in the result's pose can be nearer than the pair's own source, which `rank1` counts as a miss; here the
    person's other pictures count too.

    Args, Returns: as of `rank1`.
    """
    if len(set(subjects.tolist())) < 2:
        return np.full(len(made), np.nan)
    near, whose = _to_all_sources(made, sources, subjects)
    return (whose[near.argmax(axis=1)] == subjects).astype(float)


def _to_all_sources(made: np.ndarray, sources: np.ndarray, subjects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cosine of each result with each different source (n, m), as one may be that of many pairs; whose they are."""
    made, sources = (some / np.linalg.norm(some, axis=1, keepdims=True) for some in np.asarray([made, sources], float))
    pictures, first = np.unique(sources, axis=0, return_index=True)
    return made @ pictures.T, subjects[first]


class Dlib:
    """dlib's face ResNet, 128 numbers; weights from the PyPI package face-recognition-models.

    Faces are aligned by all 68 points, as dlib itself does it: that tells people apart better than five points do. On
    13 people of SynthFace, frontal pictures against pictures at 45, 60, 75, 90 degrees of yaw, the AUC is .99, .97,
    .86, .68; with the five points of dlib's smaller predictor .99, .84, .53, .54. Near profile CSIM says little.
    The network was trained for distances: cosines of strangers are .88 to .90 there, of one person .89 to .97. So its
    mean code is taken off: .03 and .68 for frontal pictures, .20 and .92 for 16 people of the London set. The mean
    (dlib_mean.csv) is of people 9,000,000 to 9,000,023 of SynthFace, neutral and smiling at seven yaws from 0 to 90.
    """

    # dlib's points are whole pixels. On pictures enlarged to this side that rounding doesn't show.
    SIDE = 512

    def __init__(self) -> None:
        self._mean = np.loadtxt(_DLIB_MEAN, np.float32)
        self._net = dlib.face_recognition_model_v1(dlib_weights("dlib_face_recognition_resnet_model_v1.dat"))

    def __call__(self, image: np.ndarray, points: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        zoom = max(1.0, self.SIDE / max(height, width))
        size = (round(width * zoom), round(height * zoom))
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        marks = dlib.points([dlib.point(x, y) for x, y in np.rint(points[:, :2] * size).astype(int).tolist()])
        face = dlib.full_object_detection(dlib.rectangle(0, 0, *size), marks)
        code = np.asarray(self._net.compute_face_descriptor(dlib.get_face_chip(image, face)), np.float32)
        return code - self._mean


class ArcFace:
    """An ArcFace network in ONNX form, run and aligned by insightface."""

    def __init__(self, path: Path) -> None:
        """Load the ONNX file `path`.

        Raises:
            DgError: the file is missing or no ONNX network.
        """
        # insightface pulls in much; only who asks for it pays.
        from insightface.model_zoo.arcface_onnx import ArcFaceONNX
        from insightface.utils.face_align import norm_crop

        try:
            self._net = ArcFaceONNX(str(path))
        except Exception as error:
            raise metric_weights.ARCFACE.unlike(path, error) from error
        self._crop = norm_crop

    def __call__(self, image: np.ndarray, points: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        marks = points[:, :2] * (width, height)
        # insightface's five points: eye centres, nose tip, mouth corners, from left to right in the picture.
        five = np.stack([marks[36:42].mean(axis=0), marks[42:48].mean(axis=0), marks[30], marks[48], marks[54]])
        chip = self._crop(image[:, :, ::-1], five.astype(np.float32), image_size=self._net.input_size[0])
        return self._net.get_feat(chip).reshape(-1)
