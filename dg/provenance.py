"""A mark in every picture that this project makes, so that nobody takes it for a photograph.

The mark is a PNG text chunk, not a watermark: it doesn't change a pixel, so metrics see what the networks made, and it
is lost when the picture is converted.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

MARK = "provenance"
REENACTED = "synthetic, made by DG face reenactment"


def save_png(image: Image.Image, target: Path | IO[bytes], note: str) -> None:
    """Save `image` as PNG with the text chunk "provenance": `note`."""
    chunks = PngInfo()
    chunks.add_text(MARK, note)
    image.save(target, "png", pnginfo=chunks)


def png_bytes(image: np.ndarray, note: str = REENACTED) -> bytes:
    """PNG bytes of a (height, width, 3) uint8 RGB image with the text chunk "provenance": `note`."""
    buffer = io.BytesIO()
    save_png(Image.fromarray(image), buffer, note)
    return buffer.getvalue()
