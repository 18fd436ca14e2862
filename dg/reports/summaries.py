"""The summaries that the evaluate step writes, one row for each benchmark and method, training seeds joined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dg.errors import DgError
from dg.files import read_json, write_json
from dg.reports.measured import interval, measured, read_runs
from dg.reports.paper import BENCHMARK_TITLES

METRICS = ("ssim", "fid", "csim")  # the paper's
EXTRA = ("kid", "landmark_error", "pose_error", "lpips")
_WITH_INTERVALS = tuple(name for name in (*METRICS, *EXTRA) if name != "kid")


def read_summaries(paths: list[Path], titles: dict[str, str]) -> pd.DataFrame:
    """A row per benchmark and method: benchmark, data_set, method, each metric with _low, _high and _seeds_std, pairs,
    subjects, seeds, ssim_against, csim_backend, fid_backend; in the order of the paper and of `titles` (method ->
    words), empty values NaN.

    Runs that differ by their training seed alone are joined: the mean of their values, its 95 % interval, for which
    people and seeds are drawn, and the standard deviation over seeds.

    Raises:
        DgError: no summaries, an unknown benchmark or method, a seed given twice, or runs that don't belong together.
    """
    if not paths:
        raise DgError("no summaries given. Run the evaluate step first.")
    rows = pd.DataFrame([_row(Path(path), titles) for path in paths])
    kinds = ["benchmark", "method"]
    twice = rows[rows.duplicated([*kinds, "training_seed"])]
    if len(twice):
        row = twice.iloc[0]
        seed = "" if pd.isna(row["training_seed"]) else f" with training seed {row['training_seed']:.0f}"
        raise DgError(f"{row['path']}: {row['benchmark']} / {row['method']}{seed} was given twice.")
    table = pd.DataFrame([_joined(group) for _, group in rows.groupby(kinds, sort=False)])
    for name, order in (("method", titles), ("benchmark", BENCHMARK_TITLES)):
        table = table.sort_values(name, key=lambda column, order=order: column.map(list(order).index), kind="stable")
    return table.reset_index(drop=True)


def _joined(group: pd.DataFrame) -> dict[str, Any]:
    row = group.iloc[0].drop(["seed", "training_seed", "bootstrap", "path"]).to_dict() | {"seeds": len(group)}
    row |= {f"{name}_seeds_std": group[name].std() for name in (*METRICS, *EXTRA)}
    if len(group) == 1:
        return row
    same = ["data_set", "seed", "bootstrap", "ssim_against", "csim_backend", "fid_backend"]
    if (group[same].nunique(dropna=False) > 1).any():
        raise DgError(
            f"{', '.join(group['path'])}: differ in more than their training seed ({', '.join(same)}). Run the "
            "evaluate step of all of them again."
        )
    runs = read_runs([Path(path) for path in group["path"]])
    row |= {name: group[name].mean() for name in (*METRICS, *EXTRA)}
    resamples, seed = int(group["bootstrap"].iloc[0]), int(group["seed"].iloc[0])
    for name in _WITH_INTERVALS:
        found = measured(name, runs, resamples, seed)
        row[f"{name}_low"], row[f"{name}_high"] = interval(found.drawn(seed), found.people)
    # Shifted draws of a distance may lie below zero; a distance can't. NaN stays.
    row["fid_low"] = np.maximum(0.0, row["fid_low"])
    return row


def _row(path: Path, titles: dict[str, str]) -> dict[str, Any]:
    summary = read_json(path)
    try:
        row = {name: summary[name] for name in ("benchmark", "data_set", "method", "pairs", "subjects", "seed")}
        for name in (*METRICS, *EXTRA):
            # KID comes with FID and has no interval of its own.
            found = {"value": summary["fid"]["kid"], "low": None, "high": None} if name == "kid" else summary[name]
            for part, suffix in (("value", ""), ("low", "_low"), ("high", "_high")):
                row[name + suffix] = float("nan") if found[part] is None else float(found[part])
        row |= {"ssim_against": summary["ssim"]["against"], "bootstrap": summary["settings"]["bootstrap"]}
        # Methods without trained networks have none.
        row["training_seed"] = summary["settings"].get("training_seed")
        row |= {f"{role}_backend": summary["backends"][role] for role in ("csim", "fid")}
    except (KeyError, TypeError) as error:
        raise DgError(f"{path}: is no summary of evaluate (lacks {error}). Run the evaluate step again.") from error
    if row["benchmark"] not in BENCHMARK_TITLES or row["method"] not in titles:
        raise DgError(
            f"{path}: {row['benchmark']} / {row['method']} has no place in a table. Its test must be one of the "
            "paper's, its method dg or a key of methods in params.yaml."
        )
    return row | {"path": str(path)}


def make_metrics(paths: list[Path], out: Path, titles: dict[str, str]) -> None:
    """Write {benchmark: {method: {ssim, fid, csim}}} (null where empty): the metrics file that DVC shows and compares.

    Raises:
        DgError: as read_summaries.
    """
    metrics: dict[str, dict[str, dict[str, float | None]]] = {}
    for row in read_summaries(paths, titles).to_dict("records"):
        scores = {name: None if pd.isna(row[name]) else row[name] for name in (*METRICS, *EXTRA)}
        metrics.setdefault(row["benchmark"], {})[row["method"]] = scores
    write_json(out, metrics)
