"""Training of other methods: a command of params.yaml that gets the training pictures and writes a model."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd

from dg.checkpoints import card_path
from dg.errors import DgError
from dg.files import file_digest, replacing_folder, write_csv, write_json
from dg.protocols.command import run_command
from dg.protocols.exchange import landmark_columns, write_pictures
from dg.shards import FaceSet
from dg.steps.generate import TrainMethodSettings
from dg.training.card import git_commit

_FACTS = ("session", "clip", "frame", "split", "light", "expression", "yaw")


def train_method(
    settings: TrainMethodSettings,
    folders: list[Path],
    out: Path,
    work: Path,
    inputs: dict[str, str],
    threads: int,
    gpus: int,
) -> None:
    """Run the method's `train` on the training part of the sets; what it writes becomes the folder `out`.

    A JSON card lies beside `out`: settings, digests of the inputs and of each file, seconds.

    Args:
        folders: the prepared data sets.
        work: holds what the command gets and writes until it is done; a command that was stopped finds there what it
            wrote.
        inputs: digests of the data by folder.
        threads: and gpus: how many the command may use.

    Raises:
        DgError: the command can't be started, fails, or writes nothing or an empty file.
    """
    made, state = work / "out", work / "state"
    for folder in (made, state):
        folder.mkdir(parents=True, exist_ok=True)
    places = {"data": write_training(FaceSet(folders, split="train"), work / "data"), "out": made, "state": state}
    started = time.monotonic()
    run_command(
        f"methods.{settings.method}.train",
        settings.command,
        places
        | {"seed": settings.seed, "threads": threads, "gpus": gpus}
        | {"pictures": settings.pictures, "init": settings.init, "weights": settings.weights},
    )
    digests = {path.relative_to(made).as_posix(): file_digest(path) for path in _written(settings.method, made)}
    card = {"settings": settings.plain(), "inputs": inputs, "seconds": round(time.monotonic() - started, 1)}
    with replacing_folder(out, made):
        write_json(card_path(out), card | {"sha256": digests, "git_commit": git_commit()})


def write_training(faces: FaceSet, folder: Path) -> Path:
    """Write the pictures, and faces.csv last: a row per picture with `picture` (relative to `folder`), `set`, `person`,
    what the manifest says of it, and the landmarks as `landmark_columns` has them; returns `folder`."""
    rows = list(range(len(faces)))
    table = faces.table
    facts = pd.DataFrame(
        {
            "picture": write_pictures(faces, rows, folder),
            "set": table["key"].str.split("/", n=1).str[0],
            "person": table["subject"],
        }
    )
    write_csv(folder / "faces.csv", pd.concat([facts, table[list(_FACTS)], landmark_columns(faces, rows)], axis=1))
    return folder


def _written(method: str, folder: Path) -> list[Path]:
    """The files that the command left; DgError if there are none, or an empty one."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    empty = [path for path in files if not path.stat().st_size]
    if empty or not files:
        what = f"left {empty[0]} empty" if empty else f"wrote nothing into {folder}"
        raise DgError(
            f"methods.{method}.train: {what}. Its command must write the trained model into the folder {{out}}. What "
            "it wrote is kept there; the same run goes on."
        )
    return files
