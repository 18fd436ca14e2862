"""An uploaded file -> pixels, or why not."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from dg.pictures import UNREADABLE, BrokenPicture, decode

MOST_BYTES = 32 << 20
"""Of a file."""
MOST_PIXELS = 64_000_000
"""Of a picture: more than cameras of phones make; decoding them takes 200 MB."""
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
"""Pillow's names. Others are refused before they are decoded: PostScript would start another program."""


def read_upload(content: bytes) -> np.ndarray:
    """(height, width, 3) uint8 RGB, see `dg.pictures.read_picture`.

    Raises:
        BrokenPicture: it is no picture, a broken one, or has more than MOST_PIXELS; decided by its header, so that a
            small file that says it is huge costs nothing.
    """
    name = "the picture"
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
    except UNREADABLE:
        raise BrokenPicture(f"{name}: is none that can be read here. Give one of {', '.join(FORMATS)}.") from None
    if width * height > MOST_PIXELS:
        raise BrokenPicture(
            f"{name}: has {width} x {height} pixels. Shrink it to at most {MOST_PIXELS // 1_000_000} million in all."
        )
    return decode(io.BytesIO(content), name, FORMATS)
