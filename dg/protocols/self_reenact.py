"""VoxCeleb1's protocol (Sec. 4.1): the RFG is tuned on a few frames of each test video, then tested on others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from dg.files import read_parquet
from dg.protocols.generate import BATCH, PairReenactor
from dg.protocols.results import Results, writing_results
from dg.rfg.fine_tuning import fine_tune
from dg.shards import FaceSet
from dg.steps.rfg import FineTuning


def generate_tuned(
    tuning: FineTuning, folders: list[Path], pairs: Path, out: Path, idsg: Path, rfg: Path, state: Path
) -> None:
    """Write the results file `out` (RESULT_SCHEMA, the pairs' order) of DG with an RFG of its own for each video.

    A video whose pictures are made is not tuned for again after a stop; the last one's tuning goes on where it was.
    Its network and its tuning's state go when they are made: at scale paper they weigh over 1 GB a video.

    Args:
        folders: the prepared data set, one.
        pairs: its pair list, with `tuning`; pairs of one video follow each other.
        idsg, rfg: checkpoints of the self phase.
        state: folder for what is made on the way.

    Raises:
        DgError: see `fine_tune` and `PairReenactor`.
    """
    faces, table = FaceSet(folders), read_parquet(pairs)
    videos = [video for _, video in table.groupby(table["tuning"].map(tuple), sort=False)]
    parts = []
    for number, video in enumerate(tqdm(videos, desc="VoxCeleb1", unit="video", disable=None)):
        part = state / f"{number:05d}.arrow"
        if not part.exists():
            keys = list(video["tuning"].iloc[0])
            _one_video(tuning, faces, folders[0], video, keys, part, idsg, rfg)
        shutil.rmtree(_work(part), ignore_errors=True)
        parts.append(part)
    with writing_results(out) as writer:
        for part in parts:
            writer.write(list(Results(part)))


def _work(part: Path) -> Path:
    """Folder of what a video needs until its pictures `part` are made."""
    return part.with_suffix("")


def _one_video(
    tuning: FineTuning,
    faces: FaceSet,
    folder: Path,
    video: pd.DataFrame,
    keys: list[str],
    part: Path,
    idsg: Path,
    rfg: Path,
) -> None:
    tuned = _work(part) / "rfg.safetensors"
    if not tuned.exists():
        fine_tune(tuning, folder, keys, rfg, tuned, _work(part) / "state")
    make = PairReenactor(faces, idsg, tuned)
    with writing_results(part) as writer:
        for start in range(0, len(video), BATCH):
            writer.write(list(make(video.iloc[start : start + BATCH])))
