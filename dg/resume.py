"""Where a step keeps its work in progress, so that a later call goes on with it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dg.digests import content_digest, digest_of
from dg.files import file_digest
from dg.steps.settings import Settings

STATES = Path(".cache/training")


def input_digests(folders: list[Path], files: list[Path | None]) -> dict[str, str]:
    """Digests of a step's inputs by path; of prepared sets all but the pictures, which landmarks and codes follow.

    `files` may be folders too, such as the model of a method.
    """
    found = {}
    for folder in folders:
        shards = sorted(path for path in folder.rglob("*.arrow") if path.parent.name != "frames")
        found[str(folder)] = content_digest([*shards, folder / "manifest.parquet"])
    return found | {str(path): _digest(path) for path in files if path}


def _digest(path: Path) -> str:
    return content_digest(sorted(filter(Path.is_file, path.rglob("*")))) if path.is_dir() else file_digest(path)


def state_of(settings: Settings, inputs: dict[str, str]) -> Path:
    """The folder of a step's state: the same as long as settings, code and inputs stay the same."""
    return STATES / digest_of([settings.plain(), list(inputs.values())])


def end(state: Path) -> None:
    """Remove the state of a finished step; of torchrun's processes the first one does."""
    if os.environ.get("RANK", "0") == "0":
        shutil.rmtree(state, ignore_errors=True)
