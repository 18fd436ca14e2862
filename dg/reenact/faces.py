"""The face of a picture, cut out as the pipeline cuts it (dg/frames.py)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dg.landmarks.detectors import open_detector
from dg.landmarks.face_crop import chosen, face_crop, of_like_size
from dg.pictures import Box, BrokenPicture, centre_square, crop, read_picture

Picture = str | Path | np.ndarray
"""A picture file, or (height, width, 3) uint8 RGB pixels."""


class NoFace(BrokenPicture):
    """A picture shows no face, or not as many as asked for; the message says what was looked at."""


@dataclass(frozen=True)
class Face:
    """A face in a picture.

    Attributes:
        name: of the picture, for messages.
        picture: (height, width, 3) uint8 RGB, upright.
        box: the square crop, in pixels of the picture; it may reach over the edge.
        crop: (size, size, 3) uint8, what the networks see.
        alike: how many faces of the picture, this one among them, are about as large as the largest.
    """

    name: str
    picture: np.ndarray
    box: Box
    crop: np.ndarray
    alike: int = 1


class FaceFinder:
    """Finds faces and cuts them out.

    Attributes:
        size: of the crops in pixels.
        detector: the detector's name; None: pictures are crops already.
    """

    def __init__(self, size: int, detector: str | None = "yunet") -> None:
        """`detector`: see `open_detector`; None: the picture's centre square is taken.

        Raises:
            DgError: the detector's weights are missing.
        """
        self.size, self.detector = size, detector
        self._detect = open_detector(detector) if detector else None

    def __call__(self, picture: Picture, number: int = 1, name: str = "the picture") -> Face:
        """Face `number` of a picture, 1 the largest.

        Args:
            name: what messages call pixels; a file is called by its path.

        Raises:
            BrokenPicture: the file can't be read.
            NoFace: there is no such face.
        """
        if isinstance(picture, str | Path):
            name, picture = str(picture), read_picture(Path(picture))
        if self._detect is None:
            return self.cut(picture, centre_square(picture), name)
        found = sorted(self._detect(picture), key=lambda face: -_area(face[0]))
        if not 1 <= number <= len(found):
            raise NoFace(self._missing(picture, [box for box, _ in found], number, name))
        return self.cut(picture, face_crop(picture, found[number - 1]), name, of_like_size(found))

    def follow(self, picture: np.ndarray, last: Box | None, number: int = 1) -> Box | None:
        """The crop around the face of a clip's next frame, or None where there is none.

        Args:
            last: the crop in the frame before, to which it is the nearest; None: face `number` is meant, 1 the largest.
        """
        if self._detect is None:
            return centre_square(picture)
        found = sorted(self._detect(picture), key=lambda face: -_area(face[0]))
        meant = found[number - 1 : number] if last is None else found and [chosen(found, last)]
        return face_crop(picture, meant[0]) if meant else None

    def cut(self, picture: np.ndarray, box: Box, name: str, alike: int = 1) -> Face:
        """The face whose crop is `box`."""
        return Face(name, picture, box, crop(picture, box, self.size), alike)

    def _missing(self, picture: np.ndarray, boxes: list[Box], number: int, name: str) -> str:
        height, width = picture.shape[:2]
        looked = f"the whole picture, {width} x {height} pixels, with the detector '{self.detector}'"
        if not boxes:
            return (
                f"{name}: no face found. Looked at {looked}. Give a picture in which the face is upright and at least "
                "60 pixels and a tenth of the picture high; or cut the face out as a square, chin and hair inside, and "
                "say --crop whole (detector=None)."
            )
        places = ", ".join(
            f"{k} in the middle of {(left + right) / 2:.0f}, {(top + bottom) / 2:.0f}"
            for k, (left, top, right, bottom) in enumerate(boxes, 1)
        )
        return (
            f"{name}: has no face number {number}. Looked at {looked} and found {len(boxes)}, the largest first: "
            f"{places} (x, y in pixels). Give one of these numbers."
        )


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
