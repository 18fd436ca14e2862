"""What a run of Snakemake laid over params.yaml: its --configfile and --config, which its own records lack."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from os.path import relpath
from pathlib import Path

NOTED = Path("logs/runs.jsonl")
"""A line per run of this folder, the oldest first: when its first job was about to start, and its words."""


def note_options(files: Sequence[Path], values: Sequence[str]) -> None:
    """Before the first job of a run: note the files of its --configfile and the KEY=VALUEs of its --config."""
    words = ["--configfile", *map(relpath, files)] if files else []
    words += ["--config", *values] if values else []
    NOTED.parent.mkdir(parents=True, exist_ok=True)
    with NOTED.open("a", encoding="utf-8") as noted:
        noted.write(json.dumps({"start": time.time(), "words": words}) + "\n")


def options_at(moment: float) -> list[str] | None:
    """The words, as on a command line, of the run whose job started at `moment`, seconds since 1970; None: no run of
    that time is noted here. One run at a time works in a folder, so it is the last one that had begun."""
    try:
        lines = NOTED.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    runs = [run for run in map(_read, lines) if run["start"] <= moment]
    return runs[-1]["words"] if runs else None


def _read(line: str) -> dict:
    try:
        return json.loads(line)
    except json.JSONDecodeError:  # killed, or the disk full, while it was written
        return {"start": float("inf"), "words": []}
