"""Whose face is which, where a picture shows several: told by the same person's pictures that show one face alone.

SFace tells it (dg/recognition). E_f as it ships knows rendered people alone, and no gradient comes of a choice: SFace
stays a judge that no loss has seen. How often it is right: docs/landmarks.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow.compute as pc

from dg.files import require_disk
from dg.landmarks.detectors import Detector, Found
from dg.landmarks.face_crop import face_crop, face_points
from dg.pictures import BrokenPicture, crop, read_picture
from dg.recognition.sface import SFace
from dg.shards import Manifest, shard_of
from dg.videos import read_frames

ALIKE = 0.363
"""Cosine of SFace's codes above which its publishers (OpenCV Zoo) take two faces for one person's."""
APART = 0.1
"""So much less alike must all other faces be."""

_KNOWN, _LOOKED_AT = 8, 64  # pictures that a person is known by, and that are looked at to find these
_SIDE = 256  # pixels of the crop that is recognised

_Item = TypeVar("_Item")
Tell = Callable[[np.ndarray, list[Found]], Found | str]
"""(H, W, 3) uint8 RGB and the faces in it -> the one of the person who is meant, or why it can't be told."""


class KnownPeople:
    """The people of a data set of `faces`, each looked up once a picture of theirs shows several faces.

    What is found depends on the person's own files alone, so neither on shards nor on which of them is asked first.
    """

    def __init__(self, raw: Path, manifest: Manifest, detect: Detector) -> None:
        """`raw`: the folder that the manifest's paths start from."""
        self._raw, self._manifest, self._detect = raw, manifest, detect
        self._recogniser = SFace()
        self._of_pictures: dict[str, np.ndarray | None] = {}
        self._of_clips: dict[Path, np.ndarray | None] = {}

    def teller(self, subject: str, clip: Path | None = None, frames: Sequence[int] = ()) -> Tell:
        """What tells the face of `subject`.

        Args:
            clip: a video of theirs, of which `frames` are looked at where no picture shows the person alone.
        """

        def tell(image: np.ndarray, found: list[Found]) -> Found | str:
            known = self._code(subject)
            if known is None and clip is not None:
                known = self._code_in(clip, frames)
            if known is None:
                return f"shows {len(found)} faces, and nothing that shows one alone tells which is {subject}'s"
            alike = np.array([self._code_of(image, face) @ known for face in found])
            number = meant(alike)
            if number is None:
                first, second = np.sort(alike)[[-1, -2]]
                return (
                    f"shows {len(found)} faces, and by cosines of {first:.2f} and {second:.2f} to other pictures none "
                    f"is told to be {subject}'s"
                )
            return found[number]

        return tell

    def _code(self, subject: str) -> np.ndarray | None:
        """Of pictures of `subject` that show one face alone; None: there is none."""
        if subject not in self._of_pictures:
            self._of_pictures[subject] = self._mean(self._pictures(subject))
        return self._of_pictures[subject]

    def _code_in(self, clip: Path, frames: Sequence[int]) -> np.ndarray | None:
        """The same of a video's frames."""
        if clip not in self._of_clips:
            self._of_clips[clip] = self._mean(frame.image for frame in read_frames(clip, sorted(_some(frames))))
        return self._of_clips[clip]

    def _mean(self, images: Iterator[np.ndarray]) -> np.ndarray | None:
        codes: list[np.ndarray] = []
        for image in images:
            try:
                found = self._detect(image)
            except BrokenPicture:
                continue
            if len(found) == 1:
                codes.append(self._code_of(image, found[0]))
            if len(codes) == _KNOWN:
                break
        return _unit(np.sum(codes, axis=0)) if codes else None

    def _pictures(self, subject: str) -> Iterator[np.ndarray]:
        """Pictures of `subject`, in an order that takes no holiday before the others."""
        # Their clip is the person, so all lie in one shard (dg/datasets/faces.py).
        rows = self._manifest.rows(shard_of(subject, self._manifest.shards), ["path", "clip"])
        for path in _some(rows.filter(pc.equal(rows["clip"], subject))["path"].to_pylist()):
            try:
                yield read_picture(self._raw / path)
            except BrokenPicture:
                require_disk(self._raw / path)

    def _code_of(self, image: np.ndarray, face: Found) -> np.ndarray:
        """(128,) float32, of length 1."""
        seen = crop(image, face_crop(image, face), _SIDE)
        return _unit(self._recogniser(seen, face_points(seen)))


def meant(alike: np.ndarray) -> int | None:
    """The number of the face that is the person's, of two or more; None: it can't be told.

    Args:
        alike: (n,) cosines of the faces' codes to that which the person is known by.
    """
    second, first = np.sort(alike)[-2:]
    return int(alike.argmax()) if first >= ALIKE and first - second >= APART else None


def _some(items: Sequence[_Item]) -> list[_Item]:
    return [items[k] for k in np.random.default_rng(0).permutation(len(items))[:_LOOKED_AT]]


def _unit(code: np.ndarray) -> np.ndarray:
    return code / np.linalg.norm(code)
