"""The pipeline with stand-ins for its jobs: Snakefile, rules, dvc.yaml and both tools are real, the files are not.

What a stand-in writes follows from its settings and from what it reads, as what the real job makes does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.repository import copy_of_this_repository, run

if TYPE_CHECKING:
    from snakemake.workflow import Workflow

CALLED = """

from tests.stand_ins import put_in_place

put_in_place(workflow, {ran!r})
"""


class StandIns:
    """A copy of this repository whose jobs are stand-ins.

    Attributes:
        folder: the repository.
    """

    def __init__(self, root: Path, values: dict[str, Any]) -> None:
        """`values`: those of params.yaml."""
        self.folder, self._ran = root / "repository", root / "ran"
        self._ran.mkdir()
        copy_of_this_repository(self.folder)
        with (self.folder / "Snakefile").open("a", encoding="utf-8") as file:
            file.write(CALLED.format(ran=str(self._ran)))
        (self.folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
        self("git", "commit", "--quiet", "--all", "--message", "Stand-ins")

    def __call__(self, *command: str, check: bool = True) -> str:
        return run(self.folder, *command, check=check)

    def ran(self, values: str) -> list[str]:
        """The first output of each job that ran, in whatever folder, while the text of params.yaml was `values`."""
        path = self._ran / _digest(values)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines


def put_in_place(workflow: Workflow, ran: str) -> None:
    """Let jobs write stand-ins instead of calling commands, and add each job to the list in the folder `ran`."""
    jobs = Path(ran, _digest(Path("params.yaml").read_text(encoding="utf-8")))
    for rule in workflow.rules:
        if not rule.norun:
            write = _writer([path.is_directory for path in rule.output]) if rule.shellcmd else rule.run_func
            rule.run_func = _noted(write, jobs)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _writer(folders: list[bool]) -> Callable[..., None]:
    """What Snakemake calls for a job of a rule, with a benchmark's record as the 14th argument."""

    def write(read: list[str], made: list[str], params: object, *others: Any) -> None:
        told = hashlib.sha256(str(params).encode())
        for path in sorted(read):
            told.update(Path(path).read_bytes())
        for path, is_folder in zip(made, folders, strict=True):
            place = Path(path, "stand-in.json") if is_folder else Path(path)
            place.parent.mkdir(exist_ok=True)
            place.write_text(json.dumps({"made": told.hexdigest(), "as": path}), encoding="utf-8")
        if others[10]:
            others[10].running_time, others[10].process_gone = 0, True

    return write


def _noted(does: Callable[..., None], jobs: Path) -> Callable[..., None]:
    def run_and_note(read: list[str], made: list[str], *others: Any) -> None:
        does(read, made, *others)
        with jobs.open("a", encoding="utf-8") as file:
            file.write(f"{made[0]}\n")

    return run_and_note
