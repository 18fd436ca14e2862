"""A SynthFace set as a plain folder of PNG files and one CSV, for use elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from dg.files import read_parquet, replacing, write_csv
from dg.videos import is_video, read_frames

from .make import write_picture


def export_plain(folder: Path, out: Path) -> None:
    """Write `out`/index.csv, README.txt and the pictures that it names; frames of videos become PNG files.

    The CSV has a row per picture: the columns of index.parquet, the 68 landmarks as x0, y0, z0 ... x67, y67, z67
    (shares of the picture's size, y down; z larger is nearer, mean 0.5) and visibilities v0 ... v67 (0 or 1). It is
    written last; killed, the same call goes on.

    Args:
        folder: a set that `make_set` made.

    Raises:
        DgError: the set is missing or unreadable.
    """
    index = read_parquet(Path(folder) / "index.parquet")
    plain = []
    for path, rows in index.groupby("path", sort=False):
        if is_video(path):
            plain += _frames(Path(folder) / path, rows, Path(out), path)
            continue
        if not (out / path).exists():
            with replacing(out / path) as temporary:
                shutil.copyfile(Path(folder) / path, temporary)
        plain.append(path)
    table = index.drop(columns=["path", "landmarks", "visible"])
    table.insert(0, "path", plain)
    points = pd.DataFrame(
        np.stack(index["landmarks"]).round(6), columns=[f"{axis}{k}" for k in range(68) for axis in "xyz"]
    )
    visible = pd.DataFrame(np.stack(index["visible"]).astype(int), columns=[f"v{k}" for k in range(68)])
    shutil.copyfile(Path(folder) / "README.txt", Path(out) / "README.txt")
    write_csv(Path(out) / "index.csv", pd.concat([table, points, visible], axis=1))


def _frames(video: Path, rows: pd.DataFrame, out: Path, path: str) -> list[str]:
    names = {frame: f"{path.rsplit('.', 1)[0]}/{frame:05d}.png" for frame in rows["frame"]}
    todo = [frame for frame, name in names.items() if not (out / name).exists()]
    for frame in read_frames(video, todo):
        write_picture(out / names[frame.number], frame.image, "png")
    return [names[frame] for frame in rows["frame"]]
