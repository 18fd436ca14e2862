"""Radboud Faces Database (Sec. 4.1): what a picture shows stands in its file name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import PurePosixPath

from dg.datasets.published import Published, Some
from dg.datasets.rows import Row, Source

LAYOUT = """  Rafd090_01_Caucasian_female_angry_frontal.jpg
  Rafd<camera angle 000-180>_<subject>_<population>_<gender>_<expression>_<gaze>.jpg, in any subfolders.
RaFD is given to researchers on application: https://rafd.socsci.ru.nl"""

_NAME = re.compile(
    r"Rafd(?P<angle>\d{3})_(?P<subject>\d+)_(?P<who>\w+?_(?:fe)?male)_(?P<expression>[a-z]+)_(?P<gaze>[a-z]+)"
)

# As published: https://rafd.socsci.ru.nl/Overview.html; 67 x 5 x 8 x 3 = 8040 pictures.
PEOPLE = 67
ANGLES = ("000", "045", "090", "135", "180")
EXPRESSIONS = ("angry", "contemptuous", "disgusted", "fearful", "happy", "neutral", "sad", "surprised")
GAZES = ("frontal", "left", "right")

_EACH = len(ANGLES) * len(EXPRESSIONS) * len(GAZES)

_Shown = tuple[str, str, str]  # camera angle, expression, gaze


def rows(source: Source) -> Iterator[Row]:
    """A row per picture, all of them "train": the paper trains on all 67 subjects and tests on pairs of them.

    yaw is the camera's angle less 90 (frontal): -90, -45, 0, 45, 90 degrees.
    """
    found: dict[str, dict[_Shown, str]] = {}
    extra = Some()
    for path in source.files():
        name = _NAME.fullmatch(PurePosixPath(path).stem)
        if name is None:
            source.skip(path, "the file name isn't RaFD's")
            continue
        shown = name["angle"], name["expression"], name["gaze"]
        own = found.setdefault(name["subject"], {})
        if shown in own or not (shown[0] in ANGLES and shown[1] in EXPRESSIONS and shown[2] in GAZES):
            extra.add(path)
        else:
            own[shown] = name["who"]
        yield from source.rows_of(
            path,
            subject=name["subject"],
            clip=name["subject"],
            split="train",
            yaw=float(name["angle"]) - 90,
            pitch=0.0,
            expression=name["expression"],
            gaze=name["gaze"],
        )
    source.published = _against_published(found, extra)


def _against_published(found: dict[str, dict[_Shown, str]], extra: Some) -> Published:
    missing = Some()
    for subject, own in sorted(found.items()):
        who = next(iter(own.values()), "*")
        for angle, expression, gaze in product(ANGLES, EXPRESSIONS, GAZES):
            if (angle, expression, gaze) not in own:
                missing.add(f"Rafd{angle}_{subject}_{who}_{expression}_{gaze}.jpg")
    if len(found) < PEOPLE:
        missing.add(f"all of {PEOPLE - len(found)} people", (PEOPLE - len(found)) * _EACH)
    pictures = sum(map(len, found.values()))
    return Published({"people": (len(found), PEOPLE), "pictures": (pictures, PEOPLE * _EACH)}, missing, extra)
