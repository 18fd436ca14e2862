"""What else is known of a job: its code, its commit, its libraries, DVC's record of what it made."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from dg.errors import DgError
from dg.files import read_json
from dg.steps.registry import STEPS
from dg.why.jobs import Job, Jobs


@dataclass(frozen=True)
class Card:
    """What lies beside a network or a summary of scores.

    Attributes:
        commit: of the code that made it; "": the card says none.
        versions: of libraries; empty: it says none.
    """

    commit: str
    versions: dict[str, str]


def card(jobs: Jobs, job: Job) -> Card:
    """Of what a job made."""
    for output in job.outputs:
        beside = Path(output).with_suffix(".json")
        if beside.exists() and jobs.behind(str(beside)) is job:
            values = read_json(beside)
            return Card(values.get("git_commit") or "", values.get("versions", {}))
    return Card("", {})


def code(job: Job) -> str:
    """The digest of the code that a job ran, and whether it is today's; "" where none is recorded."""
    digest = job.settings.get("code")
    if not digest:
        return ""
    now = _code_now(job)
    if now is None:
        return f"digest {digest}"
    return f"digest {digest}, " + ("that of the code that lies here" if now == digest else f"the code here has {now}")


def _code_now(job: Job) -> str | None:
    words = (job.command or "").split(maxsplit=4)
    step = STEPS.get(words[3]) if words[:3] == ["python", "-m", "dg"] and len(words) > 3 else None
    if step is None:
        return None
    try:
        return step.settings.read(json.dumps(job.settings)).code_here()
    except DgError:  # the step takes other settings by now
        return None


def here() -> str:
    """The commit that lies here, with "-dirty" where files were changed since; "" outside of a repository."""
    words = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        return subprocess.run(words, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def recorded(path: Path) -> str:
    """DVC's digest of `path` or of the folder that it lies in, and which file of Git's says so; "" if none does."""
    for record in (Path("results.dvc"), Path("dvc.lock")):
        values = yaml.safe_load(record.read_text(encoding="utf-8")) if record.exists() else {}
        stages = values.get("stages", {"": values}).values()
        for out in (out for stage in stages for out in stage.get("outs", [])):
            place = Path(out["path"].removeprefix("made/"))
            if "md5" in out and (place == path or place in path.parents):
                return f"{place} has md5 {out['md5']} in {record}"
    return ""
