"""SynthFace, the embedded set: its index says what each rendered picture and video frame shows."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from dg.datasets.rows import Row, Source, is_video
from dg.errors import DgError
from dg.files import read_parquet

LAYOUT = """  index.parquet and the pictures or videos it names.
SynthFace is rendered by this project: run the synthface step again."""

_TRUTH = ("subject", "clip", "split", "yaw", "pitch", "expression", "gaze", "light", "session")


def rows(source: Source) -> Iterator[Row]:
    """A row per picture and per sampled video frame, in the index's order.

    A video's frames are counted in the video itself, as for any other set; the index only adds the truth.

    Raises:
        DgError: the index is missing, lacks a column, names a row twice, or lacks a frame that the video has.
    """
    path = source.raw / "index.parquet"
    index = read_parquet(path)
    missing = [column for column in ("path", "frame", *_TRUTH) if column not in index]
    if missing:
        raise DgError(f"{path}: lacks the column(s) {', '.join(missing)}. Delete {source.raw} and render it again.")
    index = index.fillna({column: "" for column in _TRUTH if column not in ("yaw", "pitch")})
    twice = index.duplicated(["path", "frame"])
    if twice.any():
        first = index[twice].iloc[0]
        raise DgError(
            f"{path}: names {first['path']} frame {first['frame']} twice. Delete {source.raw} and render it again."
        )
    for name, group in index.groupby("path", sort=False):
        source.met += 1
        if not (source.raw / name).exists():
            source.skip(name, "named in index.parquet, but the file isn't there")
        elif is_video(name):
            truth = group.set_index("frame")
            for frame in source.frames_of(name):
                if frame not in truth.index:
                    raise DgError(
                        f"{path}: has no row for frame {frame} of {name}, though the video has that frame. "
                        f"Delete {source.raw} and render it again."
                    )
                yield source.row(name, frame, **_facts(truth.loc[frame]))
        else:
            yield source.row(name, **_facts(group.iloc[0]))


def _facts(row: pd.Series) -> Row:
    facts: Row = {column: str(row[column]) for column in _TRUTH}
    return facts | {angle: float(row[angle]) for angle in ("yaw", "pitch")}
