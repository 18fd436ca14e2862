"""What the networks that judge see in the pictures of a test; each different picture is looked at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from dg.landmarks.fan import load_landmark_net
from dg.metrics.different import Numbering, fingerprint
from dg.metrics.embedding import embeddings
from dg.metrics.feature_store import Features, FeatureStore
from dg.metrics.features import FeatureNet
from dg.protocols.results import Results
from dg.shards import FaceSet, decode_image

_BATCH = 16


class Looks:
    """Landmarks, features and embeddings of the different pictures, numbered; pairs point to the numbers.

    A result that equals a picture of the data set, pixel by pixel, is that picture: it has the landmarks found before.

    Attributes:
        sources, made, real: (n,) for each pair the numbers of its source, of its result, and of its picture in FID's
            real set: the ground truth, or the source where none exists.
        points: (m, 68, 3) float32, F_l's landmarks in crop coordinates.
        faceless: (m,) bool, results in which F_l finds no face; their points are its best guess.
        embeddings: (m, d) float32 of sources and results, zeros elsewhere.
    """

    def __init__(
        self, faces: FaceSet, results: Results, landmarks: str, features: FeatureNet, embedder: str, folder: Path
    ) -> None:
        """Look at everything.

        Args:
            landmarks, embedder: back ends of F_l and of CSIM.
            folder: on whose disk the features lie meanwhile.
        """
        self._faces = faces
        self._numbers = Numbering()
        # Where to read each different picture; the pictures themselves would fill the memory.
        self._places: list[Callable[[], bytes]] = []
        known: list[np.ndarray] = []
        self._of_row: dict[int, int] = {}
        for result in tqdm(results, total=len(results), desc="pictures", unit="pair", disable=None):
            for key in filter(None, (result.source, result.reference, result.target)):
                row = faces.row(key)
                if row not in self._of_row:
                    self._of_row[row] = self._noted(partial(faces.encoded, row))
                    if self._of_row[row] == len(known):
                        known.append(faces.points[row])
        self.made = np.array([self._noted(partial(results.encoded, k)) for k in range(len(results))])
        self.sources = np.array([self._of_row[faces.row(key)] for key in results.keys("source")])
        truths = zip(results.keys("target"), self.sources)
        self.real = np.array([self._of_row[faces.row(key)] if key else source for key, source in truths])
        self._look_for_faces(known, landmarks)
        self._embed(embedder)
        self._look_for_features(features, folder)

    def _noted(self, read: Callable[[], bytes]) -> int:
        number = self._numbers.of(fingerprint(decode_image(read()).tobytes()))
        if number == len(self._places):
            self._places.append(read)
        return number

    def _image(self, number: int) -> np.ndarray:
        return decode_image(self._places[number]())

    @torch.inference_mode()
    def _look_for_faces(self, known: list[np.ndarray], backend: str) -> None:
        count = len(self._places)
        self.points, self.faceless = np.zeros((count, 68, 3), np.float32), np.zeros(count, bool)
        self.points[: len(known)] = known
        new = range(len(known), count)
        if not new:
            return
        device = "cuda" if torch.cuda.is_available() else "cpu"
        net = load_landmark_net(backend, device)
        for start in tqdm(range(new.start, new.stop, _BATCH), desc="landmarks", unit="batch", disable=None):
            numbers = range(start, min(start + _BATCH, new.stop))
            images = torch.from_numpy(np.stack([self._image(number) for number in numbers])).to(device)
            found = net.detect(images.permute(0, 3, 1, 2).float() / 255)
            self.points[numbers.start : numbers.stop] = found.points.float().cpu().numpy()
            self.faceless[numbers.start : numbers.stop] = found.score.float().cpu().numpy() < net.face_threshold

    def _embed(self, backend: str) -> None:
        wanted = np.unique(np.concatenate([self.sources, self.made])).tolist()
        faces = ((self._places[number](), self.points[number]) for number in wanted)
        progress = tqdm(embeddings(backend, faces), total=len(wanted), desc="CSIM", unit="picture", disable=None)
        found = list(progress)
        self.embeddings = np.zeros((len(self._places), len(found[0])), np.float32)
        self.embeddings[wanted] = found

    def _look_for_features(self, net: FeatureNet, folder: Path) -> None:
        wanted = np.unique(np.concatenate([self.made, self.real]))
        self._row_of = np.full(len(self._places), -1)
        self._row_of[wanted] = np.arange(len(wanted))
        progress = tqdm(wanted.tolist(), desc="FID", unit="picture", disable=None)
        self._features = FeatureStore(folder)
        for batch in net((self._image(number) for number in progress), len(wanted)):
            self._features.append(batch)

    def features_of(self, numbers: np.ndarray) -> Features:
        """Features of pictures among results and real set."""
        return Features(self._features, self._row_of[numbers])
