"""What the pipeline will run, and about how long that takes."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

from dg.errors import DgError

RECORDS = Path(".snakemake/metadata")
MEASURED = Path("workflow/seconds.csv")


def plan(targets: list[str]) -> str:
    """A table of the jobs that Snakemake would run for `targets`, with the time they will take on this machine.

    The time of a job is the mean of its kind's last runs here, or else the one in workflow/seconds.csv, measured at
    scale `sample` on two CPU cores. Jobs of one core go side by side; the others take all cores.

    Raises:
        DgError: Snakemake refuses the targets; its message is passed on.
    """
    jobs = planned_jobs(targets)
    if not jobs:
        return "Nothing to be done: everything is there."
    here, shipped = recorded_seconds(RECORDS), pd.read_csv(MEASURED).set_index("job")
    rows, total, unknown = [], 0.0, []
    for kind, count in pd.Series([job_kind(*job) for job in jobs]).value_counts(sort=False).items():
        if kind in here or kind in shipped.index:
            each = here[kind] if kind in here else shipped["seconds"][kind]
            wide = kind in shipped.index and shipped["all_cores"][kind]
            total += each * count / (1 if wide else min(count, os.cpu_count() or 1))
            rows.append((kind, count, f"{each:.0f}", "here" if kind in here else MEASURED.name))
        else:
            unknown.append(kind)
            rows.append((kind, count, "?", "nowhere"))
    table = pd.DataFrame(rows, columns=["job", "count", "seconds each", "measured"]).to_string(index=False)
    more = f"; not counted, as never measured: {'; '.join(unknown)}" if unknown else ""
    return f"{table}\n\n{len(jobs)} jobs, about {max(1, round(total / 60))} minutes{more}."


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


def recorded_seconds(records: Path) -> dict[str, float]:
    """Mean seconds of a job of each kind, from Snakemake's records of the files that are there now."""
    jobs = recorded_jobs(records)
    if not jobs:
        return {}
    kinds = [job_kind(*job) for job in jobs]
    return pd.Series(list(jobs.values())).groupby(kinds).mean().to_dict()


def recorded_jobs(records: Path) -> dict[tuple[str, str], float]:
    """(rule, output without its suffix) -> seconds, of each job that Snakemake has a record of."""
    jobs: dict[tuple[str, str], float] = {}
    for path in records.rglob("*") if records.is_dir() else []:
        if not path.is_file():
            continue
        record = json.loads(path.read_text(encoding="utf-8"))
        # Snakemake names a record by its output; long names are cut into folders.
        name = "".join(part.removeprefix("@") for part in path.relative_to(records).parts)
        output = base64.b64decode(name, altchars=b"-_").decode()
        start, end = record.get("starttime"), record.get("endtime")
        if start is not None and end is not None:
            jobs[record["rule"], str(Path(output).with_suffix(""))] = end - start
    return jobs
