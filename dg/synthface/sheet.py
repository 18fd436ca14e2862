"""A contact sheet of SynthFace: python -m dg.synthface.sheet HEAD OUT.jpg

HEAD is the file that `python -m dg head --out HEAD` makes.

Rows: people; one person's expressions; poses; gazes, lights and mouths; everything at random, with the landmarks.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from dg.files import replacing

from .actions import RAFD, Action, random_units, units
from .head import Head, load_head
from .make import TAG, XMP
from .people import sample_person
from .render import Rendered, render
from .scene import MPIE_LIGHTS, Scene, random_scene

COLUMNS, TILE = 8, 160
_SEED, _FIRST = 2026, 6_000_000  # people of no data set


def rows(head: Head) -> list[list[Rendered]]:
    """The pictures, row by row."""
    light, one = MPIE_LIGHTS["frontal"], sample_person(_SEED, _FIRST + 1)
    frontal = Scene(light)

    def shot(action: Action, scene: Scene = frontal, person=one) -> Rendered:
        return render(head, person, action, scene, TILE)

    people = [shot(Action(), person=sample_person(_SEED, _FIRST + k)) for k in range(COLUMNS)]
    expressions = [shot(Action(mix)) for mix in RAFD.values()]
    poses = [shot(Action(yaw=yaw)) for yaw in (-90, -60, -30, 30, 60, 90)]
    poses += [shot(Action(pitch=pitch, yaw=20)) for pitch in (-25, 25)]
    details = [shot(Action(gaze=(gaze, 0))) for gaze in (-20, 20)] + [shot(Action(units(eyeBlink=1)))]
    details += [shot(Action(units(jawOpen=0.8))), shot(Action(units(tongueOut=0.8, jawOpen=0.5)))]
    details += [shot(Action(), Scene(MPIE_LIGHTS[name])) for name in ("left", "top", "room")]
    random = []
    for k in range(COLUMNS):
        rng = np.random.default_rng([_SEED, k])
        action = Action(random_units(rng), rng.uniform(-80, 80), rng.normal(0, 10), rng.normal(0, 8))
        random.append(shot(action, random_scene(rng), sample_person(_SEED, _FIRST + 100 + k)))
    return [people, expressions, poses, details, random]


def marked(made: Rendered) -> np.ndarray:
    """The picture with its landmarks: green can be seen, red can't."""
    tile = Image.fromarray(made.image)
    draw = ImageDraw.Draw(tile)
    for (x, y), seen in zip(made.landmarks[:, :2] * TILE, made.visible):
        draw.ellipse([x - 1, y - 1, x + 1, y + 1], fill=(0, 230, 0) if seen else (230, 0, 0))
    return np.asarray(tile)


def main() -> None:
    """Render and write the sheet, tagged as synthetic."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("head", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    made = rows(load_head(arguments.head))
    plain = [np.concatenate([tile.image for tile in row], 1) for row in made]
    points = np.concatenate([marked(tile) for tile in made[-1]], 1)
    with replacing(arguments.out) as temporary:
        Image.fromarray(np.concatenate([*plain, points])).save(
            temporary, "JPEG", quality=88, comment=TAG.encode(), xmp=XMP
        )


if __name__ == "__main__":
    main()
