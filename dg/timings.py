"""How long jobs took on this machine: the benchmark files that Snakemake leaves in TIMES, one per job."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMES = Path("logs/times")
"""`<first output of the job>.jsonl` lies here, at the output's own path; see `benchmark:` in workflow/rules."""


@dataclass(frozen=True)
class Timing:
    """The last run of a job.

    Attributes:
        wildcards: what the job worked on: dataset, test, variant, ...
        settings: the values its step used; none of a rule that runs no step.
        inputs: the files it read.
        end: seconds since 1970.
        memory: of all its processes at most, MiB; None where it was over too soon to be looked at.
    """

    rule: str
    wildcards: dict[str, str]
    settings: dict[str, Any]
    inputs: list[str]
    threads: int
    seconds: float
    end: float
    memory: float | None

    @property
    def start(self) -> float:
        """Seconds since 1970."""
        return self.end - self.seconds


def read_timings(folder: Path = TIMES) -> dict[str, Timing]:
    """First output -> timing, of each job whose first output is there now."""
    found = {}
    for path in folder.rglob("*.jsonl"):
        output = path.relative_to(folder).with_suffix("")
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError:  # Snakemake was killed while it wrote it, or the disk was full
            continue
        # Without `benchmark-extended` (profiles/default) the file says for how long, but not what ran.
        if output.exists() and "rule_name" in told:
            found[str(output)] = Timing(
                rule=told["rule_name"],
                wildcards=told["wildcards"],
                settings=json.loads(told["params"].get("job", "{}")),
                inputs=list(told["input_size_mb"]),
                threads=told["threads"],
                seconds=told["s"],
                end=path.stat().st_mtime,
                memory=None if told["max_rss"] == "NA" else told["max_rss"],
            )
    return found


def job_kind(rule: str, output: str) -> str:
    """What jobs of about one length share: the rule, and whether it belongs to Tables 1, 2 or Figure 6."""
    if "/ablations/" in output:
        return f"{rule}, ablation"
    # There the RFG is trained on.
    return f"{rule}, VoxCeleb1" if rule == "generate" and "/VoxCeleb1/dg." in output else rule
