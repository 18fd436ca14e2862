"""The summaries that the evaluate step writes, one row for each benchmark and method, training seeds joined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dg.errors import DgError
from dg.files import read_json
from dg.metrics.metric import METRICS
from dg.protocols.tests import TESTS
from dg.reports.runs import interval, read_runs, seed_scores
from dg.study.tables import COMPARISONS

COMPARED = [metric for metric in METRICS if set(COMPARISONS) & set(metric.tables)]


def read_summaries(paths: list[Path], titles: dict[str, str]) -> pd.DataFrame:
    """A row per benchmark and method: benchmark, data_set, method, the `columns` of each metric COMPARED, pairs,
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
    for name, order in (("method", titles), ("benchmark", TESTS)):
        table = table.sort_values(name, key=lambda column, order=order: column.map(list(order).index), kind="stable")
    return table.reset_index(drop=True)


def _joined(group: pd.DataFrame) -> dict[str, Any]:
    row = group.iloc[0].drop(["seed", "training_seed", "bootstrap", "path"]).to_dict() | {"seeds": len(group)}
    row |= {f"{metric.key}_seeds_std": group[metric.key].std() for metric in COMPARED}
    if len(group) == 1:
        return row
    same = ["data_set", "seed", "bootstrap", "ssim_against", "csim_backend", "fid_backend"]
    if (group[same].nunique(dropna=False) > 1).any():
        raise DgError(
            f"{', '.join(group['path'])}: differ in more than their training seed ({', '.join(same)}). Run the "
            "evaluate step of all of them again."
        )
    runs = read_runs([Path(path) for path in group["path"]])
    row |= {metric.key: group[metric.key].mean() for metric in COMPARED}
    resamples, seed = int(group["bootstrap"].iloc[0]), int(group["seed"].iloc[0])
    for metric in COMPARED:
        if metric.interval != "none":
            scores = seed_scores(metric, runs, resamples, seed)
            low, high = interval(scores.drawn(seed), scores.people)
            # Shifted draws of a distance may lie below zero; a distance can't. NaN stays.
            row |= {f"{metric.key}_low": np.maximum(metric.least, low), f"{metric.key}_high": high}
    return row


def _row(path: Path, titles: dict[str, str]) -> dict[str, Any]:
    summary = read_json(path)
    try:
        row = {name: summary[name] for name in ("benchmark", "data_set", "method", "pairs", "subjects", "seed")}
        for metric in COMPARED:
            for part, end in (("value", ""), ("low", "_low"), ("high", "_high")):
                found = summary[metric.key][part]
                row[metric.key + end] = float("nan") if found is None else float(found)
        row |= {"ssim_against": summary["ssim"]["against"], "bootstrap": summary["settings"]["bootstrap"]}
        # Methods without trained networks have none.
        row["training_seed"] = summary["settings"].get("training_seed")
        row |= {f"{role}_backend": summary["backends"][role] for role in ("csim", "fid")}
    except (KeyError, TypeError) as error:
        raise DgError(f"{path}: is no summary of evaluate (lacks {error}). Run the evaluate step again.") from error
    if row["benchmark"] not in TESTS or row["method"] not in titles:
        raise DgError(
            f"{path}: {row['benchmark']} / {row['method']} has no place in a table. Its test must be one of the "
            "paper's, its method dg or a key of methods in params.yaml."
        )
    return row | {"path": str(path)}
