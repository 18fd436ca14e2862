"""A note in every picture that this project makes, so that nobody takes it for a photograph.

A text that people read (PNG text chunk, JPEG comment, EXIF in WebP, mp4 comment) and IPTC's digital source type in XMP
(dg/xmp.py), which programs read. Neither is a watermark: no pixel changes, so metrics see what the networks made, and
both are lost when the picture is converted.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO

import numpy as np
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from dg.errors import DgError
from dg.files import replacing
from dg.pictures import JPEG_OPTIONS
from dg.xmp import PNG_KEYWORD, SourceType, packet

MARK = "provenance"
REENACTED = "synthetic, made by DG face reenactment"
WRITTEN = (".png", ".jpg", ".jpeg", ".webp")
"""Suffixes that `save_picture` knows."""


def save_png(image: Image.Image, target: Path | IO[bytes], note: str, source: SourceType = SourceType.TRAINED) -> None:
    """Save `image` as PNG with `note` as the text chunk "provenance" and in XMP."""
    chunks = PngInfo()
    chunks.add_text(MARK, note)
    chunks.add_itxt(PNG_KEYWORD, packet(source, note).decode())
    image.save(target, "png", pnginfo=chunks)


def png_bytes(image: np.ndarray, note: str = REENACTED, source: SourceType = SourceType.TRAINED) -> bytes:
    """PNG bytes of a (height, width, 3) uint8 RGB image with `note`; see `save_png`."""
    buffer = io.BytesIO()
    save_png(Image.fromarray(image), buffer, note, source)
    return buffer.getvalue()


def save_jpeg(image: Image.Image, target: Path | IO[bytes], note: str, source: SourceType, **options: int) -> None:
    """Save `image` as JPEG with `note` as comment and in XMP; `options`: JPEG_OPTIONS unless given."""
    options = options or JPEG_OPTIONS
    image.save(target, "jpeg", comment=note.encode(), xmp=packet(source, note), **options)


def save_webp(
    image: Image.Image, target: Path | IO[bytes], note: str, source: SourceType | None, **options: int
) -> None:
    """Save `image` as WebP with `note` as EXIF ImageDescription and in XMP.

    Args:
        source: None: it is no synthetic picture, so that there is no XMP. options: Pillow's.
    """
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = note
    image.save(target, "webp", exif=exif, xmp=packet(source, note) if source else b"", **options)


def save_picture(image: np.ndarray, path: Path, note: str, source: SourceType) -> None:
    """Write a (height, width, 3) uint8 RGB image in the format that the file's name says.

    Raises:
        DgError: the name has none of the suffixes WRITTEN, or the folder can't be written.
    """
    path, picture = Path(path), Image.fromarray(image)
    suffix = path.suffix.lower()
    if suffix not in WRITTEN:
        raise DgError(f"{path}: pictures are written as {', '.join(WRITTEN)}. Name the file so.")
    with replacing(path) as temporary:
        if suffix == ".png":
            save_png(picture, temporary, note, source)
        elif suffix == ".webp":
            save_webp(picture, temporary, note, source, quality=95)
        else:
            save_jpeg(picture, temporary, note, source)
