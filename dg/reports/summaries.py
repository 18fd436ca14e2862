"""The summaries that the evaluate step writes, one row for each benchmark and method, seeds joined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from dg.errors import DgError
from dg.files import read_json, write_json
from dg.reports.paper import BENCHMARK_TITLES, METHOD_TITLES

METRICS = ("ssim", "fid", "csim")


def read_summaries(paths: list[Path]) -> pd.DataFrame:
    """A row per benchmark and method: benchmark, data_set, method, each metric with _low and _high, pairs, subjects,
    seeds, csim_backend, fid_backend; in the paper's order, empty values NaN.

    Runs that differ by seed alone are joined: the mean of their values, and the interval that holds all theirs.

    Raises:
        DgError: no summaries, an unknown benchmark or method, a seed given twice, or runs that don't belong together.
    """
    if not paths:
        raise DgError("no summaries given. Run the evaluate step first.")
    rows = pd.DataFrame([_row(Path(path)) for path in paths])
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
        values = {name: group[name].mean() for name in METRICS}
        values |= {f"{name}_low": group[f"{name}_low"].min() for name in METRICS}
        values |= {f"{name}_high": group[f"{name}_high"].max() for name in METRICS}
        joined.append(group.iloc[0].drop(["seed", "path"]).to_dict() | values | {"seeds": len(group)})
    table = pd.DataFrame(joined)
    for name, order in (("method", METHOD_TITLES), ("benchmark", BENCHMARK_TITLES)):
        table = table.sort_values(name, key=lambda column, order=order: column.map(list(order).index), kind="stable")
    return table.reset_index(drop=True)


def _row(path: Path) -> dict[str, Any]:
    summary = read_json(path)
    try:
        row = {name: summary[name] for name in ("benchmark", "data_set", "method", "pairs", "subjects", "seed")}
        for name in METRICS:
            for part, suffix in (("value", ""), ("low", "_low"), ("high", "_high")):
                value = summary[name][part]
                row[name + suffix] = float("nan") if value is None else float(value)
        row |= {f"{role}_backend": summary["backends"][role] for role in ("csim", "fid")}
    except (KeyError, TypeError) as error:
        raise DgError(f"{path}: is no summary of evaluate (lacks {error}). Run the evaluate step again.") from error
    if row["benchmark"] not in BENCHMARK_TITLES or row["method"] not in METHOD_TITLES:
        raise DgError(f"{path}: {row['benchmark']} / {row['method']} has no place in Table 4.")
    return row | {"path": str(path)}


def make_metrics(paths: list[Path], out: Path) -> None:
    """Write {benchmark: {method: {ssim, fid, csim}}} (null where empty): the metrics file that DVC shows and compares.

    Raises:
        DgError: as read_summaries.
    """
    metrics: dict[str, dict[str, dict[str, float | None]]] = {}
    for row in read_summaries(paths).to_dict("records"):
        scores = {name: None if pd.isna(row[name]) else row[name] for name in METRICS}
        metrics.setdefault(row["benchmark"], {})[row["method"]] = scores
    write_json(out, metrics)
