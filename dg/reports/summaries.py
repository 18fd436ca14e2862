"""The summaries that the evaluate step writes, one row for each benchmark and method, seeds joined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from dg.errors import DgError
from dg.files import read_json, write_json
from dg.reports.paper import BENCHMARK_TITLES

METRICS = ("ssim", "fid", "csim")  # the paper's
EXTRA = ("kid", "landmark_error", "pose_error", "lpips")


def read_summaries(paths: list[Path], titles: dict[str, str]) -> pd.DataFrame:
    """A row per benchmark and method: benchmark, data_set, method, each metric with _low and _high, pairs, subjects,
    seeds, csim_backend, fid_backend; in the order of the paper and of `titles` (method -> words), empty values NaN.

    Runs that differ by seed alone are joined: the mean of their values, and the interval that holds all theirs.

    Raises:
        DgError: no summaries, an unknown benchmark or method, a seed given twice, or runs that don't belong together.
    """
    if not paths:
        raise DgError("no summaries given. Run the evaluate step first.")
    rows = pd.DataFrame([_row(Path(path), titles) for path in paths])
    kinds = ["benchmark", "method"]
    twice = rows[rows.duplicated([*kinds, "seed"])]
    if len(twice):
        row = twice.iloc[0]
        raise DgError(f"{row['path']}: {row['benchmark']} / {row['method']} with seed {row['seed']} was given twice.")
    joined = []
    for _, group in rows.groupby(kinds, sort=False):
        same = ["data_set", "pairs", "csim_backend", "fid_backend"]
        if (group[same].nunique() > 1).any():
            raise DgError(
                f"{', '.join(group['path'])}: differ in more than their seed ({', '.join(same)}). Evaluate them anew."
            )
        values = {name: group[name].mean() for name in (*METRICS, *EXTRA)}
        values |= {f"{name}_low": group[f"{name}_low"].min() for name in (*METRICS, *EXTRA)}
        values |= {f"{name}_high": group[f"{name}_high"].max() for name in (*METRICS, *EXTRA)}
        joined.append(group.iloc[0].drop(["seed", "path"]).to_dict() | values | {"seeds": len(group)})
    table = pd.DataFrame(joined)
    for name, order in (("method", titles), ("benchmark", BENCHMARK_TITLES)):
        table = table.sort_values(name, key=lambda column, order=order: column.map(list(order).index), kind="stable")
    return table.reset_index(drop=True)


def _row(path: Path, titles: dict[str, str]) -> dict[str, Any]:
    summary = read_json(path)
    try:
        row = {name: summary[name] for name in ("benchmark", "data_set", "method", "pairs", "subjects", "seed")}
        for name in (*METRICS, *EXTRA):
            # KID comes with FID and has no interval of its own.
            measured = {"value": summary["fid"]["kid"], "low": None, "high": None} if name == "kid" else summary[name]
            for part, suffix in (("value", ""), ("low", "_low"), ("high", "_high")):
                value = measured[part]
                row[name + suffix] = float("nan") if value is None else float(value)
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
