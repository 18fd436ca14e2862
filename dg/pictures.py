"""Pictures: any file that Pillow reads to upright 8-bit RGB, square crops, and PNG or JPEG bytes."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps

from dg.errors import DgError

PICTURE_SUFFIXES = frozenset(
    ".png .jpg .jpeg .bmp .tif .tiff .webp .gif .jfif .jpe .avif .jp2 .j2k .ppm .pgm .pnm .tga .apng .mpo".split()
)

# Visually lossless; subsampled colour would blur lips and irises at 256 px.
JPEG_OPTIONS = {"quality": 95, "subsampling": 0}

# What Pillow raises on files that are cut off, broken (SyntaxError: a PNG's later chunk), no pictures or far too large.
UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)

Box = tuple[float, float, float, float]


class BrokenPicture(DgError):
    """One picture or video can't be used; the step lists it and goes on."""


def is_picture(path: str | Path) -> bool:
    """Whether the file name says that this is a picture."""
    return Path(path).suffix.lower() in PICTURE_SUFFIXES


def read_picture(path: Path) -> np.ndarray:
    """Read a picture file as (height, width, 3) uint8 RGB, turned upright as its EXIF data say.

    Grey and 16-bit pictures are brought to 8-bit RGB, CMYK is converted, what is transparent lies on white, and of an
    animation the first picture is taken.

    Raises:
        BrokenPicture: the file is missing, cut off or no picture.
    """
    return decode(path, str(path))


def decode(file: Path | IO[bytes], name: str, formats: Sequence[str] | None = None) -> np.ndarray:
    """The same of an open file, called `name` in messages.

    Args:
        formats: Pillow's names of those that may be read; None: all that it knows.

    Raises:
        BrokenPicture: it is cut off, or no picture of these formats.
    """
    try:
        with Image.open(file, formats=formats) as image:
            return np.asarray(_to_rgb(ImageOps.exif_transpose(image)))
    except UNREADABLE as error:
        raise BrokenPicture(f"{name}: can't be read as a picture ({error}).") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # Pillow would clip 16-bit grey at 255: almost everything white.
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray((values >> 8 if values.max() > 255 else values).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def centre_square(image: np.ndarray) -> Box:
    """The largest centred square of an image: left, top, right, bottom in pixels."""
    height, width = image.shape[:2]
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def crop(image: np.ndarray, box: Box, size: int) -> np.ndarray:
    """Cut `box` out of an image and bring it to `size` x `size` pixels, antialiased (Lanczos).

    Parts of the box outside the image repeat the image's border.

    Args:
        image: (height, width, 3) uint8.
        box: left, top, right, bottom in pixels, fractions allowed.

    Returns:
        (size, size, 3) uint8.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = box
    pad = math.ceil(max(0.0, -left, -top, right - width, bottom - height))
    if pad:
        image = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
        box = left + pad, top + pad, right + pad, bottom + pad
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS, box=box))


def encode(image: np.ndarray, image_format: str) -> bytes:
    """PNG or JPEG bytes of a (height, width, 3) uint8 RGB image; `image_format` is "png" or "jpeg"."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, image_format, **(JPEG_OPTIONS if image_format == "jpeg" else {}))
    return buffer.getvalue()
