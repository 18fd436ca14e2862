"""Where a step keeps its work in progress, so that a later call goes on with it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dg.digests import content_digest, digest_of
from dg.errors import DgError
from dg.files import file_digest
from dg.locks import Held, take
from dg.steps.settings import Settings

STATES = Path(".cache/training")


def input_digests(folders: list[Path], files: list[Path | None]) -> dict[str, str]:
    """Digests of a step's inputs by path; of prepared sets all but the pictures, which landmarks and codes follow.

    `files` may be folders too, such as the model of a method.
    """
    found = {}
    for folder in folders:
        shards = sorted(path for path in folder.rglob("[0-9]*.arrow") if path.parent.name != "frames")
        found[str(folder)] = content_digest([*shards, folder / "manifest.parquet"])
    return found | {str(path): _digest(path) for path in files if path}


def _digest(path: Path) -> str:
    return content_digest(sorted(filter(Path.is_file, path.rglob("*")))) if path.is_dir() else file_digest(path)


@contextmanager
def resuming(settings: Settings, inputs: dict[str, str]) -> Iterator[Path]:
    """The folder of a step's state, for this process alone; removed once the block is through.

    It is the same as long as settings, code and inputs stay the same. Processes of torchrun share that of the one that
    started them.

    Raises:
        DgError: another process works there.
    """
    state = STATES / digest_of([settings.plain(), list(inputs.values())])
    try:
        held = None if "WORLD_SIZE" in os.environ else take(state / "in_use")
    except Held as holder:
        raise DgError(
            f"{state}: in use by {holder}, which makes the same. End it (kill; scancel if it is a SLURM job) and run "
            "the same command again, which goes on from what it last saved there."
        ) from None
    try:
        yield state
        if os.environ.get("RANK", "0") == "0":
            shutil.rmtree(state, ignore_errors=True)
    finally:
        if held:
            held.close()
