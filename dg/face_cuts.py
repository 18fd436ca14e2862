"""Where the faces lie in pictures and videos that are no crops yet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from dg.cuts import Cut, Cuts
from dg.landmarks.detectors import open_detector
from dg.landmarks.face_crop import chosen, face_crop, of_like_size
from dg.landmarks.steady import steadied
from dg.left_out import NO_FACE_AMONG_OTHERS
from dg.pictures import Box, BrokenPicture
from dg.videos import read_frames

NO_FACE = "no face"


class Faces:
    """The face, as `find_face_crop` frames it; in a clip steadied over time (`dg.landmarks.steady`)."""

    def __init__(self, detector: str, weights: str | None, threads: int) -> None:
        """`detector`, `weights`: see `open_detector`; `threads`: of the landmark network."""
        torch.set_num_threads(threads)
        self._detect = open_detector(detector, weights)

    def picture(self, image: np.ndarray, near: Box | None = None) -> Cut | str:
        """See `Cutter`; `near`: the crop in the frame before."""
        found = self._detect(image)
        return Cut(image, face_crop(image, chosen(found, near)), of_like_size(found)) if found else NO_FACE

    def clip(self, path: Path, frames: list[int]) -> Cuts:
        """See `Cutter`. The clip is decoded twice, so that its frames needn't be in memory together."""
        last, cuts, times, lost = None, {}, [], {}
        for number, time, image in read_frames(path, frames):
            try:
                cut = self.picture(image, last)
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
            yield number, Cut(image, even[number], cuts[number].faces)
