"""The pictures that the page knows, and what it makes of them."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from dg.demo.sliders import Driver, Moves
from dg.demo.uploads import read_upload
from dg.errors import DgError
from dg.reenact.faces import Face
from dg.reenact.layout import Layout
from dg.reenact.made import Made
from dg.reenact.painter import Painter, Source

MOST_KEPT = 64
"""Uploaded pictures; the one that wasn't used for longest goes first."""


class Wanted(BaseModel):
    """What the page asks for: two pictures by the names that it was told, and the sliders."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    reference: str
    moves: Moves


class Kept(NamedTuple):
    """A picture with a face.

    Attributes:
        name: that nobody guesses, so that no other user of the machine comes by the picture.
        crop: (S, S, 3) uint8.
    """

    name: str
    crop: np.ndarray


class Studio:
    """Made for one thread.

    Attributes:
        examples: the pictures that are always there.
        mark: whether results carry the visible mark.
    """

    def __init__(self, painter: Painter, driver: Driver, examples: list[np.ndarray], mark: bool = True) -> None:
        """`examples`: (height, width, 3) uint8 each, with a face.

        Raises:
            NoFace: the detector or F_l finds none on an example.
        """
        self._painter, self._driver, self.mark = painter, driver, mark
        self._always: dict[str, Source] = {}
        self._uploaded: OrderedDict[str, Source] = OrderedDict()
        self.examples = [self._keep(picture, self._always) for picture in examples]

    def add(self, content: bytes) -> Kept:
        """Take an uploaded file.

        Raises:
            BrokenPicture: it can't be read, or shows no face.
        """
        kept = self._keep(read_upload(content), self._uploaded)
        while len(self._uploaded) > MOST_KEPT:
            self._uploaded.popitem(last=False)
        return kept

    def paint(self, wanted: Wanted) -> Made:
        """The source on the reference's landmarks, moved by the sliders.

        Raises:
            DgError: a picture isn't known.
        """
        source, reference = self._known(wanted.source), self._known(wanted.reference)
        driving = self._driver(reference.found, wanted.moves)
        painted = self._painter.shaped(source, driving)
        return self._painter.made(source, reference.face, driving, painted, Layout(mark=self.mark))

    def _keep(self, picture: np.ndarray, among: dict[str, Source]) -> Kept:
        found = self._painter.source(picture, name="the picture")
        # The crop alone: photographs of 64 such pages would fill the memory.
        side, name = self._painter.finder.size, secrets.token_urlsafe(16)
        among[name] = found._replace(face=Face("the picture", found.face.crop, (0, 0, side, side), found.face.crop))
        return Kept(name, found.face.crop)

    def _known(self, name: str) -> Source:
        if name in self._always:
            return self._always[name]
        if name not in self._uploaded:
            raise DgError("This picture isn't kept any more. Upload it again.")
        self._uploaded.move_to_end(name)
        return self._uploaded[name]
