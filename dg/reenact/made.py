"""A picture that was made of photographs, and the steps to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from dg.landmarks.fan import Landmarks
from dg.landmarks.regions import EDGES
from dg.provenance import REENACTED, png_bytes, save_picture
from dg.reenact.faces import Face
from dg.reenact.layout import Layout
from dg.xmp import SourceType

STEP_SIDE = 512
"""Pixels a side of the pictures of steps."""


@dataclass(frozen=True)
class Made:
    """A result.

    Attributes:
        image: (height, width, 3) uint8, as it is shown.
        painted: (S, S, 3) uint8, what the RFG made.
        source, reference: the two faces.
        source_found, reference_found: their landmarks, of one picture each; l_r is reference_found.points.
        points: (68, 3) lhat_t, the landmarks that were painted, crop coordinates.
        map: (S, S) uint8, the same as the RFG sees them.
        layout: how it is shown.
    """

    image: np.ndarray
    painted: np.ndarray
    source: Face
    reference: Face
    source_found: Landmarks
    reference_found: Landmarks
    points: np.ndarray
    map: np.ndarray
    layout: Layout

    def save(self, path: Path | str) -> None:
        """Write the picture as PNG, JPEG or WebP, by the file's name, with the note that it is synthetic.

        Raises:
            DgError: another suffix, or the folder can't be written.
        """
        save_picture(self.image, Path(path), REENACTED, self.layout.source_type)

    def png(self) -> bytes:
        """The same as PNG, for who keeps no files."""
        return png_bytes(self.image, REENACTED, self.layout.source_type)

    def save_steps(self, folder: Path | str) -> None:
        """Write crops, their landmarks, the landmarks made and their map, and the painted crop into `folder` (PNG).

        Raises:
            DgError: it can't be written.
        """
        seen, made = self.reference_found.visible[0].bool().numpy(), SourceType.TRAINED
        steps = {
            "1_source_crop": (self.source.crop, SourceType.PASTED),
            "2_source_landmarks": (_drawn(self.source.crop, self.source_found), SourceType.PASTED),
            "3_reference_crop": (self.reference.crop, SourceType.PASTED),
            "4_reference_landmarks": (_drawn(self.reference.crop, self.reference_found), SourceType.PASTED),
            "5_landmarks_of_the_source_person": (with_points(np.zeros_like(self.painted), self.points, seen), made),
            "6_map": (np.repeat(self.map[..., None], 3, 2), made),
            "7_painted": (self.painted, made),
        }
        for name, (image, kind) in steps.items():
            save_picture(image, Path(folder) / f"{name}.png", f"a step of: {REENACTED}", kind)


def _drawn(crop: np.ndarray, found: Landmarks) -> np.ndarray:
    return with_points(crop, found.points[0].numpy(), found.visible[0].bool().numpy())


def with_points(crop: np.ndarray, points: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """(STEP_SIDE, STEP_SIDE, 3) uint8: a crop with its 68 points (68, >= 2) and lines; green can be seen, red can't."""
    picture = Image.fromarray(crop).resize((STEP_SIDE, STEP_SIDE), Image.Resampling.BICUBIC)
    draw, places = ImageDraw.Draw(picture), points[:, :2] * STEP_SIDE
    for start, end in EDGES:
        draw.line([*places[start], *places[end]], fill=(255, 255, 0))
    for (x, y), seen in zip(places, visible):
        draw.ellipse([x - 2, y - 2, x + 2, y + 2], fill=(0, 230, 0) if seen else (230, 0, 0))
    return np.asarray(picture)
