"""One row of a manifest, and the words every data set's adapter shares."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from dg.errors import DgError
from dg.pictures import BrokenPicture, is_picture
from dg.shards import MANIFEST_COLUMNS
from dg.videos import is_video, read_info, sampled_frames

NO_FRAME = -1  # `frame` of a picture that comes from no video

_NUMBERS = {"frame": pa.int32(), "yaw": pa.float64(), "pitch": pa.float64()}
MANIFEST_SCHEMA = pa.schema([(column, _NUMBERS.get(column, pa.string())) for column in MANIFEST_COLUMNS])

Row = dict[str, Any]


@dataclass
class Source:
    """A raw data set under way to its manifest.

    Attributes:
        dataset: its name, first part of every key.
        raw: its folder.
        fps: frames a second to take from videos; None where the set holds pictures.
        skipped: files that can't be used, each {"path", "reason"}; adapters add to it.
    """

    dataset: str
    raw: Path
    fps: float | None
    skipped: list[dict[str, str]] = field(default_factory=list)

    def files(self) -> Iterator[str]:
        """Paths of all pictures and videos, relative, with "/", folder by folder in sorted order."""
        for folder, folders, names in os.walk(self.raw):
            folders.sort()
            for name in sorted(names):
                if not name.startswith(".") and (is_picture(name) or is_video(name)):
                    yield Path(folder, name).relative_to(self.raw).as_posix()

    def skip(self, path: str, reason: str) -> None:
        """Note that the file `path` can't be used."""
        self.skipped.append({"path": path, "reason": reason})

    def row(self, path: str, frame: int = NO_FRAME, **facts: Any) -> Row:
        """A manifest row; facts the set doesn't have stay empty ("" for words, null for angles)."""
        key = f"{self.dataset}/{path}" + (f"#{frame}" if frame != NO_FRAME else "")
        row = {column: None if column in _NUMBERS else "" for column in MANIFEST_COLUMNS}
        return row | {"key": key, "path": path, "frame": frame, **facts}

    def frames_of(self, path: str) -> list[int]:
        """Numbers of the frames to take from the video `path`; none, and a note, if it can't be read.

        Raises:
            DgError: the set's fps is not given.
        """
        if self.fps is None:
            raise DgError(
                f"params.yaml: datasets.{self.dataset}.fps is not set, but {self.raw / path} is a video. "
                f"Say how many frames a second to take, for example fps: 25."
            )
        try:
            return sampled_frames(read_info(self.raw / path), self.fps)
        except BrokenPicture as error:
            self.skip(path, str(error))
            return []

    def rows_of(self, path: str, **facts: Any) -> Iterator[Row]:
        """The row of a picture, or a row for each sampled frame of a video."""
        if is_video(path):
            for frame in self.frames_of(path):
                yield self.row(path, frame, **facts)
        else:
            yield self.row(path, **facts)
