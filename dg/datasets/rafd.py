"""Radboud Faces Database (Sec. 4.1): what a picture shows stands in its file name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from dg.datasets.rows import Row, Source

LAYOUT = """  Rafd090_01_Caucasian_female_angry_frontal.jpg
  Rafd<camera angle 000-180>_<subject>_<population>_<gender>_<expression>_<gaze>.jpg, in any subfolders.
RaFD is given to researchers on application: https://rafd.socsci.ru.nl"""

_NAME = re.compile(r"Rafd(?P<angle>\d{3})_(?P<subject>\d+)_\w+?_(?:fe)?male_(?P<expression>[a-z]+)_(?P<gaze>[a-z]+)")


def rows(source: Source) -> Iterator[Row]:
    """A row per picture, all of them "train": the paper trains on all 67 subjects and tests on pairs of them.

    yaw is the camera's angle less 90 (frontal): -90, -45, 0, 45, 90 degrees.
    """
    for path in source.files():
        name = _NAME.fullmatch(PurePosixPath(path).stem)
        if name is None:
            source.skip(path, "the file name isn't RaFD's")
            continue
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
