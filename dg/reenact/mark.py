"""The small visible mark on what is made of photographs."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WORD = "synthetic"


def marked(image: np.ndarray) -> np.ndarray:
    """A copy of a (height, width, 3) uint8 picture with WORD, light on dark, in its lower right corner."""
    height, width = image.shape[:2]
    size = max(8, min(height, width) // 18)
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(WORD)
    rim = size // 3
    wide, high = right - left + 2 * rim, bottom - top + 2 * rim
    picture = Image.fromarray(image)
    x, y = width - wide - rim, height - high - rim
    ground = picture.crop((x, y, x + wide, y + high))
    label = Image.blend(ground, Image.new("RGB", ground.size), 0.6)
    ImageDraw.Draw(label).text((rim - left, rim - top), WORD, (255, 255, 255), font)
    picture.paste(label, (x, y))
    return np.asarray(picture)
