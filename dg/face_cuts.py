"""Where the faces lie in pictures and videos that are no crops yet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from dg.cuts import Cut, Cuts
from dg.known_people import KnownPeople, Tell
from dg.landmarks.detectors import open_detector
from dg.landmarks.face_crop import chosen, face_crop, of_like_size
from dg.landmarks.steady import steadied
from dg.left_out import NO_FACE_AMONG_OTHERS
from dg.pictures import Box, BrokenPicture
from dg.shards import Manifest
from dg.steps.data import Detector as DetectorSettings
from dg.videos import read_frames

NO_FACE = "no face"


class Faces:
    """The face, as `find_face_crop` frames it; in a clip steadied over time (`dg.landmarks.steady`).

    Of several, where people are known by their folders, the person's (`dg.known_people`). Where it can't be told, one
    that is clearly the largest is taken, in a clip the one nearest to that of the frame before; else none.
    Where nobody knows who is meant, the largest of several is taken.
    """

    def __init__(self, settings: DetectorSettings, threads: int, raw: Path, manifest: Manifest) -> None:
        """`threads`: of the landmark network. `raw`, `manifest`: see `KnownPeople`."""
        torch.set_num_threads(threads)
        self._detect = open_detector(settings.name, settings.weights)
        self._people = KnownPeople(raw, manifest, self._detect) if settings.people else None

    def picture(self, image: np.ndarray, subject: str) -> Cut | str:
        """See `Cutter`."""
        return self._cut(image, None, self._people and self._people.teller(subject))

    def clip(self, path: Path, frames: list[int], subject: str) -> Cuts:
        """See `Cutter`. The clip is decoded twice, so that its frames needn't be in memory together."""
        tell = self._people and self._people.teller(subject, path, frames)
        last, cuts, times, lost = None, {}, [], {}
        for number, time, image in read_frames(path, frames):
            try:
                cut = self._cut(image, last, tell)
            except BrokenPicture as error:
                cut = str(error)
            if isinstance(cut, str):
                lost[number] = cut
                continue
            last = cut.box
            cuts[number] = cut._replace(image=None)
            times.append(time)
        few = NO_FACE_AMONG_OTHERS if len(cuts) > len(frames) / 2 else NO_FACE
        yield from ((number, few if why == NO_FACE else why) for number, why in lost.items())
        even = dict(zip(cuts, steadied(times, [cut.box for cut in cuts.values()])))
        for number, _, image in read_frames(path, list(cuts)):
            yield number, cuts[number]._replace(image=image, box=even[number])

    def _cut(self, image: np.ndarray, near: Box | None, tell: Tell | None) -> Cut | str:
        """`near`: the crop in the frame before."""
        found = self._detect(image)
        if not found:
            return NO_FACE
        told = tell(image, found) if tell and len(found) > 1 else None
        if told is not None and not isinstance(told, str):
            return Cut(image, face_crop(image, told), "known")
        alike = of_like_size(found) > 1
        if told and alike and near is None:
            return told
        return Cut(image, face_crop(image, chosen(found, near)), "largest" if told or alike else "alone")
