"""What a result shows: the painted crop or the source's own frame, source and reference beside it, the mark."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from dg.pictures import Box
from dg.reenact.faces import Face
from dg.reenact.mark import marked
from dg.xmp import SourceType

FEATHER = 0.1  # share of the crop's side over which a pasted face passes into the frame


@dataclass(frozen=True)
class Layout:
    """How results are shown.

    Attributes:
        paste: in the source's own frame, in the place of its crop.
        side_by_side: source, reference and result in a row.
        mark: the small visible mark (dg/reenact/mark.py).
    """

    paste: bool = False
    side_by_side: bool = False
    mark: bool = True

    @property
    def source_type(self) -> SourceType:
        """Whether the photograph is in it too."""
        return SourceType.PASTED if self.paste or self.side_by_side else SourceType.TRAINED

    def __call__(self, source: Face, reference: np.ndarray, painted: np.ndarray) -> np.ndarray:
        """The picture that is shown, (height, width, 3) uint8.

        Args:
            reference: (size, size, 3) uint8, its crop.
            painted: (size, size, 3) uint8, what the RFG made.
        """
        made = pasted(source.picture, source.box, painted) if self.paste else painted
        shown = marked(made) if self.mark else made
        if not self.side_by_side:
            return shown
        before = source.picture if self.paste else source.crop
        return np.concatenate([_as_high(before, shown), _as_high(reference, shown), shown], 1)


def pasted(picture: np.ndarray, box: Box, painted: np.ndarray) -> np.ndarray:
    """A copy of `picture` with `painted` in the square `box`, passing into it over FEATHER of its side.

    The inverse of `dg.pictures.crop`: a crop pasted back gives the picture it was cut out of. What reaches over the
    picture's edge is left out.
    """
    height, width = picture.shape[:2]
    left, top, right, bottom = box
    # Whole pixels inside both the box and the picture.
    x0, y0 = max(0, math.ceil(left)), max(0, math.ceil(top))
    x1, y1 = min(width, math.floor(right)), min(height, math.floor(bottom))
    made = picture.copy()
    if x0 >= x1 or y0 >= y1:
        return made
    side, scale = right - left, len(painted) / (right - left)
    part = ((x0 - left) * scale, (y0 - top) * scale, (x1 - left) * scale, (y1 - top) * scale)
    patch = Image.fromarray(painted).resize((x1 - x0, y1 - y0), Image.Resampling.LANCZOS, box=part)
    across, down = _weights(x0, x1, left, side), _weights(y0, y1, top, side)
    weight = (down[:, None] * across)[..., None]
    mixed = weight * np.asarray(patch) + (1 - weight) * made[y0:y1, x0:x1]
    made[y0:y1, x0:x1] = mixed.round().astype(np.uint8)
    return made


def _weights(first: int, last: int, start: float, side: float) -> np.ndarray:
    """Of the pixels first ... last - 1 of a row: 0 at the box's edges, 1 from FEATHER on."""
    place = (np.arange(first, last) + 0.5 - start) / side
    ramp = np.clip(np.minimum(place, 1 - place) / FEATHER, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def _as_high(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    if height == len(other):
        return image
    size = (max(1, round(width * len(other) / height)), len(other))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
