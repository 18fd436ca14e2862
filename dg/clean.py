"""Away with what Snakemake can make again, and how long that would take."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from dg.errors import DgError
from dg.params import Params
from dg.runs import SNAKEMAKES_LOCKS, clear_up_after_a_killed_run
from dg.timings import read_timings


def clean(params: Params, agreed: Callable[[str], bool]) -> str:
    """Remove rendered pictures, prepared sets, results, unfinished trainings, logs and Snakemake's records of them.

    What you laid here yourself stays (data/raw, data/weights), and so does what DVC keeps.

    Args:
        agreed: gets what is to go, its size and how long it took; whether to go on.

    Returns:
        What was done.

    Raises:
        DgError: Snakemake works here, or a prepared set's raw data is missing.
    """
    clear_up_after_a_killed_run()
    if any(SNAKEMAKES_LOCKS.glob("*")):
        raise DgError("Snakemake works in this folder: nothing was removed. Wait until it is through.")
    for name, entry in params.datasets.items():
        if entry.kind != "synthface" and Path("data/sets", name).exists() and not Path("data/raw", name).exists():
            raise DgError(
                f"data/sets/{name} can't be made again, as data/raw/{name} is missing: nothing was removed. Lay the "
                "data set there first."
            )
    there = made_here(params)
    if not there:
        return "Nothing to remove."
    size = sum(file.stat().st_size for path in there for file in (path, *path.rglob("*")) if file.is_file())
    if not agreed(f"{chr(10).join(map(str, there))}\n\n{size / 1e9:.1f} GB. {_took()}"):
        return "Nothing was removed."
    for path in there:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return "Removed. What DVC recorded comes back with: dvc checkout"


def made_here(params: Params) -> list[Path]:
    """What there is of it."""
    rendered = [Path("data/raw", name) for name, entry in params.datasets.items() if entry.kind == "synthface"]
    results = [path for path in sorted(Path("results").glob("*")) if path.name != "README.md"]
    paths = [*rendered, *map(Path, ("data/synthface", "data/sets")), *results]
    paths += map(Path, (".cache/training", ".snakemake/metadata", ".snakemake/incomplete", "logs"))
    return [path for path in paths if path.exists() or path.is_symlink()]


def _took() -> str:
    seconds = [timing.seconds for timing in read_timings().values()]
    if not seconds:
        return "How long it took to make is not known."
    hours, minutes = divmod(round(sum(seconds) / 60), 60)
    return f"The {len(seconds)} jobs that made it took {hours} h {minutes} min, one after the other, at their last run."
