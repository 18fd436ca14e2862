"""VoxCeleb1 and VoxCeleb2 (Sec. 4.1): videos of celebrities, sampled at the set's frames a second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from dg.datasets.rows import Row, Source
from dg.videos import is_video

LAYOUT = """  dev/mp4/id00012/21Uxsk56VDQ/00001.mp4    (training part; "mp4/" may be left out)
  test/mp4/id00017/01dfn2spqyE/00001.mp4   (test part)
The videos are asked for at https://www.robots.ox.ac.uk/~vgg/data/voxceleb ; this project doesn't fetch them."""

_SPLITS = {"dev": "train", "test": "test"}


def rows(source: Source) -> Iterator[Row]:
    """A row per sampled frame: dev is "train", test is "test"; a clip is one utterance, a session one video."""
    for path in source.files():
        parts = PurePosixPath(path).parts
        if not is_video(path) or len(parts) < 4 or parts[0] not in _SPLITS or not parts[-3].startswith("id"):
            source.skip(path, "isn't <dev or test>/.../id*/<video>/<clip>.mp4")
            continue
        subject, video, clip = *parts[-3:-1], PurePosixPath(path).stem
        yield from source.rows_of(
            path, subject=subject, clip=f"{subject}/{video}/{clip}", split=_SPLITS[parts[0]], session=video
        )
