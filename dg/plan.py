"""What the pipeline will run, and about how long that takes."""

from __future__ import annotations

import ast
import base64
import io
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from dg.errors import DgError
from dg.params import Params, Protocols, SynthMpie, SynthRafd, SynthVox, load
from dg.settings import step_settings

RECORDS = Path(".snakemake/metadata")
MEASURED, MEASURED_AT = Path("workflow/seconds.csv"), "sample"
# The settings that say how much work a job is; the scale as such is in none.
SIZES = {"size", "shards", "fps", "frames", "tuning", "steps", "batch", "channels", "max_channels"}
SIZES = SIZES.union(*(block.model_fields for block in (Protocols, SynthRafd, SynthMpie, SynthVox)))
STEPS = {rule: rule.split("_")[0] for rule in ("idsg_self", "idsg_cross", "rfg_self", "rfg_cross", "reenact")}
STEPS |= {step: step for step in ("synthface", "manifest", "frames", "pairs")}
"""The rules whose settings hold sizes, and the step that each runs."""


def plan(targets: list[str]) -> str:
    """A table of the jobs that Snakemake would run for `targets`, with the time they will take on this machine.

    The time of a job is the mean of its kind's last runs here at the sizes of today's params.yaml, or else, at scale
    MEASURED_AT alone, the one in workflow/seconds.csv, measured on two CPU cores. Jobs of one core go side by side; the
    others take all cores.

    Raises:
        DgError: params.yaml holds a mistake, or Snakemake refuses the targets; its message is passed on.
    """
    params, jobs = load(), planned_jobs(targets)
    if not jobs:
        return "Nothing to be done: everything is there."
    here, shipped = recorded_seconds(RECORDS, params), pd.read_csv(MEASURED).set_index("job")
    elsewhere = shipped["seconds"].to_dict() if params.scale == MEASURED_AT else {}
    rows, total, unknown = [], 0.0, []
    for kind, count in pd.Series([job_kind(*job) for job in jobs]).value_counts(sort=False).items():
        each = here.get(kind, elsewhere.get(kind))
        if each is None:
            unknown.append(kind)
            rows.append((kind, count, "?", "nowhere"))
        else:
            wide = kind in shipped.index and shipped["all_cores"][kind]
            total += each * count / (1 if wide else min(count, os.cpu_count() or 1))
            rows.append((kind, count, f"{each:.0f}", "here" if kind in here else MEASURED.name))
    table = pd.DataFrame(rows, columns=["job", "count", "seconds each", "measured"]).to_string(index=False)
    return f"{table}\n\n{len(jobs)} jobs{_estimate(params.scale, total, unknown)}"


def _estimate(scale: str, total: float, unknown: list[str]) -> str:
    """The end of the plan's last sentence.

    Args:
        total: seconds.
        unknown: kinds of jobs whose time is not in it.
    """
    why = f"{MEASURED.name} holds times of scale {MEASURED_AT}, and this machine has no records of these sizes"
    if not total:
        return f"; no estimate for scale '{scale}': {why}."
    told = f", about {max(1, round(total / 60))} minutes"
    return (
        f"{told}; not counted, as never measured at scale '{scale}': {'; '.join(unknown)}." if unknown else f"{told}."
    )


def job_kind(rule: str, stem: str) -> str:
    """What jobs of about one length share: the rule, and whether it belongs to Tables 1, 2 or Figure 6."""
    if "/ablations/" in stem:
        return f"{rule}, ablation"
    # There the RFG is trained on.
    return f"{rule}, VoxCeleb1" if rule == "reenact" and stem.endswith("/VoxCeleb1/dg") else rule


def planned_jobs(targets: list[str]) -> list[tuple[str, str]]:
    """(rule, first output without its suffix) of each job that Snakemake would run for `targets`.

    Raises:
        DgError: Snakemake refuses the targets.
    """
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--summary", "--", *targets],
        capture_output=True, text=True, env={**os.environ, "DVC_STAGE": "plan"},
    )  # fmt: skip
    if done.returncode:
        raise DgError(f"{' '.join(targets)}: Snakemake refuses:\n{done.stdout}{done.stderr}")
    table = pd.read_csv(io.StringIO(done.stdout), sep="\t").query("plan == 'update pending'")
    outputs = zip(table["rule"], table["output_file"])
    return list(dict.fromkeys((rule, str(Path(output).with_suffix(""))) for rule, output in outputs))


class Record(NamedTuple):
    """What Snakemake remembers of how a file was made; times in seconds since 1970, threads as the command was told."""

    rule: str
    settings: dict[str, Any]
    inputs: list[str]
    start: float
    end: float
    threads: int = 1


def recorded_seconds(records: Path, params: Params) -> dict[str, float]:
    """Mean seconds of a job of each kind, from Snakemake's records of the files that are there now.

    A record counts if its job was as large as it would be today: the sizes in its settings are today's, and so are
    those of the data it was made from, which hasn't been made again since. A training's own sizes are enough.
    """
    known = recorded_files(records)

    @cache
    def counts(output: str) -> bool:
        record = known[output]
        if record.rule in STEPS and _sizes(record.settings) != _sizes_today(params, record, output):
            return False
        data = [path for path in record.inputs if path in known and not _trained(known[path])]
        return _trained(record) or all(counts(path) and known[path].end <= record.start for path in data)

    jobs = _jobs({output: record for output, record in known.items() if counts(output)})
    kinds = [job_kind(*job) for job in jobs]
    seconds = [record.end - record.start for record in jobs.values()]
    return pd.Series(seconds, dtype=float).groupby(kinds).mean().to_dict() if jobs else {}


def recorded_jobs(records: Path) -> dict[tuple[str, str], Record]:
    """(rule, output without its suffix) -> record, of each job that made a file that is there now."""
    return _jobs(recorded_files(records))


def _jobs(files: dict[str, Record]) -> dict[tuple[str, str], Record]:
    return {(made.rule, str(Path(output).with_suffix(""))): made for output, made in files.items()}


def _trained(record: Record) -> bool:
    return STEPS.get(record.rule) in ("idsg", "rfg")


def _sizes(settings: dict[str, Any]) -> dict[str, Any]:
    chosen = {key: value for key, value in settings.items() if key in SIZES}
    return {key: _sizes(value) if isinstance(value, dict) else value for key, value in chosen.items()}


def _sizes_today(params: Params, record: Record, output: str) -> dict[str, Any] | None:
    """The sizes that the job behind `record` would have now; None: there is no such job any more."""
    which = {key: value for key, value in record.settings.items() if key in ("dataset", "benchmark", "method", "phase")}
    folders = [part for part in Path(output).parts if part != "ablations"]
    variant = folders[2] if folders[0] == "results" else "dg"
    if record.rule == "synthface":
        which = {"dataset": folders[2]}
    try:
        return _sizes(json.loads(json.dumps(step_settings(params, STEPS[record.rule], variant, **which))))
    except (DgError, KeyError):
        return None


def recorded_files(records: Path) -> dict[str, Record]:
    """Snakemake's records of the files that are there now, by file."""
    found: dict[str, Record] = {}
    for path in records.rglob("*") if records.is_dir() else []:
        if not path.is_file():
            continue
        # Snakemake names a record by its output; long names are cut into folders.
        name = "".join(part.removeprefix("@") for part in path.relative_to(records).parts)
        output = base64.b64decode(name, altchars=b"-_").decode()
        record = json.loads(path.read_text(encoding="utf-8"))
        start, end = record.get("starttime"), record.get("endtime")
        if start is not None and end is not None and Path(output).exists():
            told = re.search(r" --threads (\d+)", record.get("shellcmd") or "")
            threads = int(told[1]) if told else 1
            found[output] = Record(record["rule"], _settings(record), record["input"] or [], start, end, threads)
    return found


def _settings(record: dict[str, Any]) -> dict[str, Any]:
    """The settings among a record's params, of which Snakemake keeps the repr, sorted; {} if the rule has none."""
    texts = [ast.literal_eval(text) for text in record["params"] or [] if text[1:2] == "{"]
    return json.loads(texts[0]) if texts else {}
