"""What metrics are computed from: one method's pictures of one test, beside those of the data set."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from dg.landmarks.fan import load_landmark_net
from dg.metrics.different import Numbering, fingerprint
from dg.metrics.embedding import embeddings
from dg.metrics.face_mesh import LARGEST_YAW
from dg.metrics.feature_store import Features, FeatureStore
from dg.metrics.lpips import Distance
from dg.metrics.motion import head_angles
from dg.metrics.networks import MetricNetworks
from dg.metrics.originals import Originals
from dg.protocols.results import Results
from dg.shards import FaceSet, decode_image
from dg.steps.evaluate import EvaluateSettings

_BATCH = 16
_ROWS = 4096  # of features in memory at once


class ByMesh(NamedTuple):
    """The face mesh's landmarks of some pairs.

    Attributes:
        pairs: (k,) which.
        made, references: (k, 68, 3) float32, crop coordinates.
    """

    pairs: np.ndarray
    made: np.ndarray
    references: np.ndarray


class Evidence:
    """Pictures, landmarks, features and embeddings of a test's pairs; networks look at each different picture once.

    Pairs point to the numbers of different pictures. A result that equals a picture of the data set, pixel by pixel, is
    that picture: it has the landmarks found before.

    Attributes:
        settings: of evaluate.
        networks: the open networks.
        faces: the data sets; `rows` are places there.
        results: the method's.
        subjects: (n,) each pair's source person.
        sources, references, made: (n,) for each pair the numbers of its pictures.
        truths: the same of the ground truth, -1 where none exists.
        real: the same of its picture in FID's real set: the ground truth, or the source where none exists.
        reference_rows: (n,) places of the references in `faces`.
        points: (m, 68, 3) float32, F_l's landmarks in crop coordinates of all m different pictures.
        faceless: (m,) bool, results in which F_l finds no face; their points are its best guess.
    """

    def __init__(
        self,
        settings: EvaluateSettings,
        networks: MetricNetworks,
        faces: FaceSet,
        table: pd.DataFrame,
        results: Results,
        folder: Path,
        originals: Originals | None = None,
    ) -> None:
        """Number the pictures and find the landmarks of results.

        Args:
            table: the pair list, of the same pairs as `results`.
            folder: on whose disk features lie meanwhile.
            originals: what the networks saw in the pictures of the data sets; None: they look here.
        """
        self.settings, self.networks, self.faces, self.results = settings, networks, faces, results
        self.subjects = table["subject"].to_numpy()
        self._folder, self._originals = folder, originals
        self._numbers = Numbering()
        # Where to read each different picture; the pictures themselves would fill the memory.
        self._places: list[Callable[[], bytes]] = []
        self._keys: dict[int, str] = {}  # of pictures that the originals hold
        self._embeddings: dict[int, np.ndarray] = {}
        self._meshes: dict[int, np.ndarray] = {}
        self._five: dict[int, np.ndarray] = {}
        known: list[np.ndarray] = []
        of_row: dict[int, int] = {}
        for result in tqdm(results, total=len(results), desc="pictures", unit="pair", disable=None):
            for key in filter(None, (result.source, result.reference, result.target)):
                row = faces.row(key)
                if row not in of_row:
                    of_row[row] = self._noted(partial(faces.encoded, row))
                    if of_row[row] == len(known):
                        known.append(faces.points[row])
                        if originals is not None:
                            self._keys[of_row[row]] = key
        self.made = np.array([self._noted(partial(results.encoded, k)) for k in range(len(results))])
        self.sources, self.references, self.truths = (
            np.array([of_row[faces.row(key)] if key else -1 for key in results.keys(column)])
            for column in ("source", "reference", "target")
        )
        self.real = np.where(self.truths < 0, self.sources, self.truths)
        self.reference_rows = [faces.row(key) for key in results.keys("reference")]
        self._look_for_faces(known)

    def __len__(self) -> int:
        """How many pairs."""
        return len(self.results)

    def _noted(self, read: Callable[[], bytes]) -> int:
        number = self._numbers.of(fingerprint(decode_image(read()).tobytes()))
        if number == len(self._places):
            self._places.append(read)
        return number

    def _image(self, number: int) -> np.ndarray:
        return decode_image(self._places[number]())

    @torch.inference_mode()
    def _look_for_faces(self, known: list[np.ndarray]) -> None:
        count = len(self._places)
        self.points, self.faceless = np.zeros((count, 68, 3), np.float32), np.zeros(count, bool)
        self.points[: len(known)] = known
        new = range(len(known), count)
        if not new:
            return
        device = "cuda" if torch.cuda.is_available() else "cpu"
        net = load_landmark_net(self.settings.landmarks.backend, device)
        for start in tqdm(range(new.start, new.stop, _BATCH), desc="landmarks", unit="batch", disable=None):
            numbers = range(start, min(start + _BATCH, new.stop))
            images = torch.from_numpy(np.stack([self._image(number) for number in numbers])).to(device)
            found = net.detect(images.permute(0, 3, 1, 2).float() / 255)
            self.points[numbers.start : numbers.stop] = found.points.float().cpu().numpy()
            self.faceless[numbers.start : numbers.stop] = found.score.float().cpu().numpy() < net.face_threshold

    @cached_property
    def angles(self) -> tuple[np.ndarray, np.ndarray]:
        """Yaw, pitch and roll (n, 3) of the heads in results and in references, degrees."""
        return head_angles(self.points[self.made]), head_angles(self.faces.points[self.reference_rows])

    def meshes(self, *numbers: np.ndarray) -> list[np.ndarray]:
        """The face mesh's landmarks of each of the sets of pictures `numbers`: (len, 68, 3) float32 each."""
        return self._seen(self.networks.face_mesh, self._meshes, "mesh", numbers)

    def five_points(self, *numbers: np.ndarray) -> list[np.ndarray]:
        """YuNet's points of each of the sets of pictures `numbers`: (len, 5, 2) float32 each."""
        return self._seen(self.networks.five_points, self._five, "five_points", numbers)

    def _seen(
        self,
        net: Callable[[np.ndarray], np.ndarray],
        known: dict[int, np.ndarray],
        column: str,
        numbers: tuple[np.ndarray, ...],
    ) -> list[np.ndarray]:
        """What `net` makes of pictures; each is shown to it once, what it said is kept in `known`."""
        for number in tqdm(self._missing(known, column, numbers), desc=column, unit="picture", disable=None):
            known[number] = net(self._image(number))
        return [np.stack([known[number] for number in some.tolist()]) for some in numbers]

    def _missing(self, known: dict[int, np.ndarray], column: str, numbers: tuple[np.ndarray, ...]) -> list[int]:
        """The pictures that a network has yet to look at; what it saw in originals is put into `known`."""
        missing = sorted({number for some in numbers for number in some.tolist()} - known.keys())
        here, missing = self._told_apart(missing)
        if here:
            known |= zip(here, self._originals.read(column, [self._keys[number] for number in here]))
        return missing

    def _told_apart(self, numbers: list[int]) -> tuple[list[int], list[int]]:
        """Those that the originals hold, and the others."""
        held = self._keys
        return [number for number in numbers if number in held], [number for number in numbers if number not in held]

    @cached_property
    def by_mesh(self) -> ByMesh:
        """What the face mesh finds, of the pairs whose reference turns no further than it can read."""
        pairs = np.flatnonzero(np.abs(self.angles[1][:, 0]) <= LARGEST_YAW)
        if not len(pairs):
            return ByMesh(pairs, *np.zeros((2, 0, 68, 3), np.float32))
        return ByMesh(pairs, *self.meshes(self.made[pairs], self.references[pairs]))

    def embeddings(self, *numbers: np.ndarray) -> list[np.ndarray]:
        """CSIM's face embeddings of each of the sets of pictures `numbers`: (len, d) float32 each."""
        missing = self._missing(self._embeddings, "embedding", numbers)
        faces = ((self._places[number](), self.points[number]) for number in missing)
        found = embeddings(self.networks.embedder, faces)
        self._embeddings |= zip(missing, tqdm(found, total=len(missing), desc="CSIM", unit="picture", disable=None))
        return [np.stack([self._embeddings[number] for number in some.tolist()]) for some in numbers]

    def features(self, numbers: np.ndarray) -> Features:
        """FID's features of pictures among results and real set."""
        store, row_of = self._features
        return Features(store, row_of[numbers])

    @cached_property
    def _features(self) -> tuple[FeatureStore, np.ndarray]:
        here, missing = self._told_apart(np.unique(np.concatenate([self.made, self.real])).tolist())
        row_of = np.full(len(self._places), -1)
        row_of[here + missing] = np.arange(len(here) + len(missing))
        store = FeatureStore(self._folder)
        for start in range(0, len(here), _ROWS):
            keys = [self._keys[number] for number in here[start : start + _ROWS]]
            store.append(self._originals.read("features", keys))
        progress = tqdm(missing, desc="FID", unit="picture", disable=None)
        for batch in self.networks.features((self._image(number) for number in progress), len(missing)):
            store.append(batch)
        return store, row_of

    def against_truth(self, compare: Distance, title: str) -> np.ndarray:
        """`compare` of results and ground truths, uint8 [B, 3, H, W] each: (n,) float64.

        Where there is no truth: the reference in its place if metrics.ssim_reference says so, else NaN.
        """
        others = self.truths
        if self.settings.ssim_reference == "reference":
            others = np.where(self.truths < 0, self.references, self.truths)
        values = np.full(len(self), np.nan)
        for start in tqdm(range(0, len(self), _BATCH), desc=title, unit="batch", disable=None):
            pairs = [pair for pair in range(start, min(start + _BATCH, len(self))) if others[pair] >= 0]
            if pairs:
                values[pairs] = compare(self._pixels(self.made[pairs]), self._pixels(others[pairs]))
        return values

    def _pixels(self, numbers: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.stack([self._image(number) for number in numbers])).permute(0, 3, 1, 2)
