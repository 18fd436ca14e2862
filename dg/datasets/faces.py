"""Any folder of people: a folder for each person with pictures or videos in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from dg.datasets.rows import Row, Source
from dg.videos import is_video

LAYOUT = """  anna/1.jpg
  anna/holiday/2.png
  ben/talk.mp4
A folder for each person, at least two people. To keep some people for testing, put train/ and test/ above them, each
person in one of the two:
  train/anna/1.jpg
  test/ben/1.jpg"""


def rows(source: Source) -> Iterator[Row]:
    """A row per picture and per sampled video frame; all "train" unless train/ and test/ are the only top folders."""
    paths = list(source.files())
    split_above = {PurePosixPath(path).parts[0] for path in paths} <= {"train", "test"}
    for path in paths:
        split, *parts = PurePosixPath(path).parts if split_above else ("train", *PurePosixPath(path).parts)
        if len(parts) < 2:
            source.skip(path, "lies in no person's folder")
            continue
        yield from source.rows_of(path, subject=parts[0], clip=path if is_video(path) else parts[0], split=split)
