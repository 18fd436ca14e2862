"""Picture and video files → where the face lies in each picture or frame, or why it can't be used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np

from dg.errors import DgError
from dg.files import require_disk
from dg.pictures import Box, BrokenPicture, centre_square, read_picture
from dg.videos import is_video, read_frames

_BROKEN_OFF = "the video ends or breaks off before this frame"


class Cut(NamedTuple):
    """A crop to be.

    Attributes:
        image: (height, width, 3) uint8 RGB, the picture.
        box: the square, in pixels of the picture; it may reach over the edge.
        taken: how its face was told from others in the picture: "known", by pictures of the same person; "largest", by
            its size, or in a clip by where the face of the frame before was; "alone", no other might be meant.
    """

    image: np.ndarray
    box: Box
    taken: Literal["alone", "known", "largest"] = "alone"


Cuts = Iterator[tuple[int, Cut | str]]
"""Of each frame that was asked for: its number, -1 of a picture; a crop, or why there is none."""


class Cutter(Protocol):
    """What says where the crops lie: `Whole`, or `Faces` of dg/face_cuts.py."""

    def picture(self, image: np.ndarray, subject: str) -> Cut | str:
        """Of a picture of the person `subject`.

        Raises:
            BrokenPicture: it can't be looked at.
        """

    def clip(self, path: Path, frames: list[int], subject: str) -> Cuts:
        """Of a video's frames; those that can't be decoded are missing.

        Raises:
            BrokenPicture: the video can't be opened.
        """


class Whole:
    """Pictures are crops already: the centre square."""

    def picture(self, image: np.ndarray, subject: str) -> Cut:
        """See `Cutter`."""
        return Cut(image, centre_square(image))

    def clip(self, path: Path, frames: list[int], subject: str) -> Cuts:
        """See `Cutter`."""
        for number, _, image in read_frames(path, frames):
            yield number, self.picture(image, subject)


def cuts_of(cutter: Cutter, raw: Path, path: str, frames: list[int], subject: str) -> Cuts:
    """All `frames` of the file `path` in the folder `raw`, which shows the person `subject`.

    Raises:
        DgError: the folder is gone, or its disk fails: then it's none of the picture's faults.
    """
    left = dict.fromkeys(frames)
    why = _BROKEN_OFF
    try:
        if is_video(path):
            for number, cut in cutter.clip(raw / path, frames, subject):
                del left[number]
                yield number, cut
        else:
            image = read_picture(raw / path)
            for number in frames:
                yield number, cutter.picture(image, subject)
                del left[number]
    except BrokenPicture as error:
        why = str(error)
    if left:
        if not raw.is_dir():
            raise DgError(f"{raw}: this folder of pictures is gone. Lay or mount it there again.")
        require_disk(raw / path)
    yield from ((number, why) for number in left)
