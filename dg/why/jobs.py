"""The jobs that made the files: Snakemake's records of them, one per output."""

from __future__ import annotations

import ast
import contextlib
import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dg.errors import DgError

RECORDS = Path(".snakemake/metadata")
_LONG = "@"  # Snakemake cuts long names; all pieces but the last are folders that begin so
_RECIPE = "recipe-"  # stands for the folder of rendered pictures that it lies in


@dataclass(frozen=True, eq=False)
class Job:
    """The last run of a job; equal to itself alone.

    Attributes:
        outputs: the table before its headlines, which lie deeper.
        command: None where it was no shell command.
        settings: the values that its step used; none of a rule that runs no step.
        inputs: path -> SHA-256 of the file as the job read it; "" of a folder.
        start, end: seconds since 1970.
    """

    rule: str
    outputs: tuple[str, ...]
    command: str | None
    settings: dict[str, Any]
    inputs: dict[str, str]
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


class Jobs:
    """All jobs of which there are records."""

    def __init__(self, folder: Path = RECORDS) -> None:
        """Read them.

        Raises:
            DgError: there are none.
        """
        found: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            try:
                told = json.loads(path.read_text(encoding="utf-8"))
            except json.JSONDecodeError:  # killed while it wrote it; Snakemake ignores such a record too
                continue
            # A job's outputs have a record each; their log is the job's alone.
            if told.get("rule") and not told.get("incomplete"):
                found.setdefault((told["rule"], *told["log"]), {})[_output(path.relative_to(folder))] = told
        if not found:
            raise DgError(
                f"{folder}: no records of Snakemake's runs. Run Snakemake, or in a clone bring them back: dvc pull"
            )
        jobs = [_job(records) for records in found.values()]
        self._of = {output: job for job in jobs for output in job.outputs}

    def __iter__(self) -> Iterator[Job]:
        """Each job once."""
        return iter(dict.fromkeys(self._of.values()))

    def behind(self, path: str) -> Job | None:
        """The job that made the file or folder `path`, or the folder that it lies in, or that it lies beside.

        A card, losses and samples lie beside a network and begin with its name. None: no record says.
        """
        for folder in (Path(path), *Path(path).parents):
            if job := self._of.get(str(folder)):
                return job
        for place in (Path(path), *Path(path).parents):
            for output, job in self._of.items():
                made = Path(output)
                beside = made.parent == place.parent and place.name.startswith((f"{made.stem}.", f"{made.stem}_"))
                if beside or (made.name.startswith(_RECIPE) and made.exists() and made.parent == place):
                    return job
        return None


def _output(record: Path) -> str:
    return urlsafe_b64decode("".join(part.removeprefix(_LONG) for part in record.parts)).decode()


def _job(records: dict[str, dict[str, Any]]) -> Job:
    outputs = tuple(sorted(records, key=lambda path: (path.count("/"), path)))
    told = records[outputs[0]]
    read = told.get("input_checksums") or {}
    return Job(
        rule=told["rule"],
        outputs=outputs,
        command=told["shellcmd"],
        settings=_settings(told["params"]),
        inputs={path: read.get(path, "").removeprefix("sha256:") for path in told["input"]},
        start=min(one["starttime"] for one in records.values()),
        end=max(one["endtime"] for one in records.values()),
    )


def _settings(params: list[str]) -> dict[str, Any]:
    """Of the entries that Snakemake keeps as Python writes them, the one that is a step's JSON."""
    for entry in params:
        with contextlib.suppress(ValueError, SyntaxError, TypeError):
            values = json.loads(ast.literal_eval(entry))
            if isinstance(values, dict):
                return values
    return {}
