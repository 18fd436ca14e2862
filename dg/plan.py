"""What the pipeline will run, and about how long that takes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

from dg.errors import DgError
from dg.networks import TRAININGS
from dg.params import MpieSizes, Params, Protocols, RafdSizes, VoxSizes, load
from dg.steps.registry import step_settings
from dg.timings import Timing, job_kind, read_timings
from dg.trained import Checkpoints

MEASURED, MEASURED_AT = Path("workflow/seconds.csv"), "sample"
# The settings that say how much work a job is; the scale as such is in none.
SIZES = {"size", "sizes", "shards", "fps", "frames", "tuning", "steps", "batch", "channels", "max_channels"}
SIZES = SIZES.union(*(block.model_fields for block in (Protocols, RafdSizes, MpieSizes, VoxSizes)))
SIZED = {
    "synthface": ("synthface", "dataset"),
    "manifest": ("manifest", "dataset"),
    "frames": ("frames", "dataset"),
    "pairs": ("pairs", "test"),
    "generate": ("generate", "test", "method"),
}
"""The rules besides the trainings whose settings hold sizes: the step of each, and what it is told to work on."""


def plan(targets: list[str]) -> str:
    """A table of the jobs that Snakemake would run for `targets`, with the time they will take on this machine.

    The time of a job is the mean of its kind's last runs here at the sizes of today's params.yaml, or else, at scale
    MEASURED_AT alone, the one in workflow/seconds.csv, of two CPU cores (measurements/job_times.py). Jobs of one core
    go side by side; the others take all cores.

    Raises:
        DgError: params.yaml holds a mistake, or Snakemake refuses the targets; its message is passed on.
    """
    jobs = planned_jobs(targets)
    if not jobs:
        return "Nothing to be done: everything is there."
    import pandas as pd  # here: where nothing is to be done, it would be a fifth of the time

    params = load()
    here, shipped = measured_seconds(read_timings(), params), pd.read_csv(MEASURED).set_index("job")
    elsewhere = shipped["seconds"].to_dict() if params.scale == MEASURED_AT else {}
    rows, wide, narrow, unknown = [], 0.0, [], []
    for kind, count in pd.Series([job_kind(*job) for job in jobs]).value_counts(sort=False).items():
        each = here.get(kind, elsewhere.get(kind))
        if each is None:
            unknown.append(kind)
            rows.append((kind, count, "?", "nowhere"))
        else:
            if kind in shipped.index and shipped["all_cores"][kind]:
                wide += each * count
            else:
                narrow += [each] * count
            rows.append((kind, count, f"{each:.0f}", "here" if kind in here else MEASURED.name))
    # Side by side, but no sooner than the longest of them.
    total = wide + max(sum(narrow) / (os.cpu_count() or 1), *narrow, 0.0)
    table = pd.DataFrame(rows, columns=["job", "count", "seconds each", "measured"]).to_string(index=False)
    return f"{table}\n\n{len(jobs)} jobs{_estimate(params.scale, total, unknown)}"


def _estimate(scale: str, total: float, unknown: list[str]) -> str:
    """The end of the plan's last sentence.

    Args:
        total: seconds.
        unknown: kinds of jobs whose time is not in it.
    """
    why = f"{MEASURED.name} holds times of scale {MEASURED_AT}, and this machine has no times of these sizes"
    if not total:
        return f"; no estimate for scale '{scale}': {why}."
    told = f", about {max(1, round(total / 60))} minutes"
    return (
        f"{told}; not counted, as never measured at scale '{scale}': {'; '.join(unknown)}." if unknown else f"{told}."
    )


def planned_jobs(targets: list[str]) -> list[tuple[str, str]]:
    """(rule, an output) of each job that Snakemake would run for `targets`.

    Raises:
        DgError: Snakemake refuses the targets.
    """
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", "--", *targets],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "DVC_STAGE": "plan"},
    )  # fmt: skip
    if done.returncode:
        raise DgError(f"{' '.join(targets)}: Snakemake refuses:\n{done.stdout}")
    jobs = re.findall(r"(?m)^(?:local)?rule (\w+):\n(?:    .+\n)*?    output: (.+)$", done.stdout)
    return [(rule, outputs.split(", ")[0]) for rule, outputs in jobs]


def measured_seconds(timings: dict[str, Timing], params: Params) -> dict[str, float]:
    """Mean seconds of a job of each kind (`job_kind`) on this machine.

    A timing counts if its job was as large as it would be today: the sizes in its settings are today's, and so are
    those of the data it was made from, which hasn't been made again since. A training's own sizes are enough.
    """
    trainings = _sizes_of_trainings(params)

    @cache
    def counts(output: str) -> bool:
        timing = timings[output]
        if timing.rule in TRAININGS:
            return _sizes(timing.settings) in trainings[job_kind(timing.rule, output)]
        if timing.rule in SIZED and _sizes(timing.settings) != _sizes_today(params, timing):
            return False
        data = [path for path in timing.inputs if path in timings and timings[path].rule not in TRAININGS]
        return all(counts(path) and timings[path].end <= timing.start for path in data)

    seconds: dict[str, list[float]] = defaultdict(list)
    for output, timing in timings.items():
        if counts(output):
            seconds[job_kind(timing.rule, output)].append(timing.seconds)
    return {kind: fmean(each) for kind, each in seconds.items()}


def _sizes(settings: dict[str, Any]) -> dict[str, Any]:
    chosen = {key: value for key, value in settings.items() if key in SIZES}
    return {key: _sizes(value) if isinstance(value, dict) else value for key, value in chosen.items()}


def _sizes_of_trainings(params: Params) -> dict[str, list[dict[str, Any]]]:
    """The sizes that the trainings of each kind have now."""
    found = defaultdict(list)
    for made in Checkpoints(params):
        today = step_settings(params, made.training.step, made.variant, **made.training.which)
        found[job_kind(made.training.rule, made.path)].append(_sizes(today.plain()))
    return found


def _sizes_today(params: Params, timing: Timing) -> dict[str, Any] | None:
    """The sizes that the job behind `timing` would have now; None: there is no such job any more."""
    step, *names = SIZED[timing.rule]
    known = timing.settings | timing.wildcards
    if not known.keys() >= set(names):  # it ran when the rule was told of its work in other words
        return None
    variant = timing.wildcards.get("variant", "dg")
    try:
        today = step_settings(params, step, variant, **{name: known[name] for name in names})
    except DgError:
        return None
    return _sizes(today.plain())
