"""A data set read at a glance: what its manifest would be, without all of its rows and without opening all videos."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any

import pandas as pd
import pyarrow as pa

from dg.datasets.rows import MANIFEST_SCHEMA, Row, Source, is_video

_BATCH = 65536
_OPENED = 500  # after each so many videos half as many of the others are opened


@dataclass
class Glance(Source):
    """A source that gives of each video no more rows than pairs can ask for, and one of those that train.

    `unseen` counts the frames beyond them. Of a million videos some thousand are opened; the others are taken to be as
    long as the last of these.

    Attributes:
        enough: frames of a video that a pair list takes at most.
    """

    enough: int = 1
    videos: int = 0
    _opened: int = 0
    _like: list[int] = field(default_factory=list)

    def rows_of(self, path: str, **facts: Any) -> Iterator[Row]:
        """As `Source.rows_of`, of videos the first few."""
        if not is_video(path):
            yield self.row(path, **facts)
            return
        self.videos += 1
        frames = self._looked_at(path)
        taken = frames[: self.enough if facts["split"] == "test" else 1]
        self.unseen[facts["split"]] += len(frames) - len(taken)
        for frame in taken:
            yield self.row(path, frame, **facts)

    def _looked_at(self, path: str) -> list[int]:
        # By its name: the same videos every time, whatever their order.
        if self._like and zlib.crc32(path.encode()) % (1 << self._opened // _OPENED):
            return self._like
        self._opened += 1
        frames = self.frames_of(path)
        self._like = frames or self._like
        return frames

    def estimated(self) -> str:
        """A sentence on what wasn't opened; "" if all was."""
        if self._opened == self.videos:
            return ""
        return f"{self._opened:,} of {self.videos:,} videos were opened; the others are taken to be as long as these."


def table_of(rows: Iterator[Row], trained: int | None = None) -> pd.DataFrame:
    """Manifest rows as a table, in little memory: equal words are one object.

    Args:
        trained: how many of those that train are kept, the first; None: all.
    """
    numbers = count()
    kept = (row for row in rows if trained is None or row["split"] != "train" or next(numbers) < trained)
    batches = []
    while batch := list(islice(kept, _BATCH)):
        batches.append(pa.RecordBatch.from_pylist(batch, schema=MANIFEST_SCHEMA))
    return pa.Table.from_batches(batches, MANIFEST_SCHEMA).to_pandas(split_blocks=True, self_destruct=True)
