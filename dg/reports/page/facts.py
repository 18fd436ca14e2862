"""What was run: parameters, data, networks, versions, time."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from dg.files import read_json
from dg.steps.report import ReportSettings
from dg.timings import job_kind, read_timings

_PACKAGES = ("snakemake", "dvc", "torch", "torchvision", "torch-fidelity", "face-alignment", "scikit-image", "numpy")


def facts(settings: ReportSettings, results: Path, data: Path) -> dict[str, Any]:
    """Rows for the page's tables of facts.

    Returns:
        seeds (training seeds of Tables 3 and 4), stand_ins (sentences; empty: everything is the paper's), real (data
        sets of real people), params, sets, networks, versions, times: rows of the respective table; minutes,
        core_hours: of all jobs together; cores; gpu.

    Raises:
        DgError: a data set's manifest report is missing.
    """
    sets = []
    for name in sorted(set(settings.benchmarks.values())):
        report = read_json(data / name / "manifest.json")
        benchmarks = ", ".join(key for key, dataset in settings.benchmarks.items() if dataset == name)
        splits = ", ".join(f"{count} {split}" for split, count in report["splits"].items())
        sets.append([name, settings.kinds[name], benchmarks, report["subjects"], report["rows"], splits])
    times, seconds, core_seconds = _times()
    return {
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "scale": settings.params["scale"],
        "stand_ins": settings.stand_ins,
        "seeds": settings.seeds,
        "real": [row[0] for row in sets if settings.kinds[row[0]] != "synthface"],
        "params": [[key, _plain(value)] for key, value in settings.params.items()],
        "sets": sets,
        "networks": [[role, name] for role, name in settings.networks.items()],
        "versions": [["Python", platform.python_version()], ["this project, Git commit", _commit()]]
        + [[name, importlib.metadata.version(name)] for name in _PACKAGES],
        "times": times,
        "minutes": round(seconds / 60),
        "core_hours": f"{core_seconds / 3600:.1f}",
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }


def _times() -> tuple[list[list[Any]], float, float]:
    """A row per kind of job, the dearest first, seconds and core seconds; none without timings."""
    spent = pd.DataFrame(
        [
            (job_kind(made.rule, output), made.seconds, made.seconds * made.threads, made.memory)
            for output, made in read_timings().items()
        ],
        columns=["kind", "seconds", "cost", "memory"],
    )
    total, cost = float(spent["seconds"].sum()), float(spent["cost"].sum())
    kinds = spent.groupby("kind").agg(
        count=("seconds", "size"), seconds=("seconds", "sum"), cost=("cost", "sum"), memory=("memory", "max")
    )
    rows = []
    for kind, row in kinds.sort_values("cost", ascending=False).iterrows():
        hours, share = row["cost"] / 3600, 100 * row["cost"] / cost
        memory = "" if pd.isna(row["memory"]) else f"{row['memory'] / 1024:.1f}"
        rows.append([kind, int(row["count"]), f"{row['seconds'] / 60:.1f}", f"{hours:.2f}", f"{share:.0f} %", memory])
    return rows, total, cost


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _commit() -> str:
    try:
        done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "no Git repository"
    return done.stdout.strip()
