"""The summaries that the evaluate step writes, one row for each test and method, training seeds joined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dg.errors import DgError
from dg.metrics.metric import METRICS
from dg.reports.runs import Summary, interval, read_runs, seed_scores
from dg.study.tables import COMPARISONS
from dg.tests import TESTS

COMPARED = [metric for metric in METRICS if set(COMPARISONS) & set(metric.tables)]


def join_seeds(summaries: list[Summary], titles: dict[str, str]) -> pd.DataFrame:
    """A row per test and method: test, data_set, method, the `columns` of each metric COMPARED, pairs,
    subjects, seeds, ssim_against, csim_backend, fid_backend; in the order of the paper and of `titles` (method ->
    words), empty values NaN.

    Runs that differ by their training seed alone are joined: the mean of their values, its 95 % interval, for which
    people and seeds are drawn, and the standard deviation over seeds.

    Raises:
        DgError: no summary of evaluate, an unknown test or method, a seed given twice, or runs that don't belong
            together.
    """
    rows = pd.DataFrame([_row(summary, titles) for summary in summaries])
    kinds = ["test", "method"]
    twice = rows[rows.duplicated([*kinds, "training_seed"])]
    if len(twice):
        row = twice.iloc[0]
        seed = "" if pd.isna(row["training_seed"]) else f" with training seed {row['training_seed']:.0f}"
        raise DgError(f"{summaries[twice.index[0]].path}: {row['test']} / {row['method']}{seed} was given twice.")
    groups = (group for _, group in rows.groupby(kinds, sort=False))
    table = pd.DataFrame([_joined(group, [summaries[place] for place in group.index]) for group in groups])
    for name, order in (("method", titles), ("test", TESTS)):
        table = table.sort_values(name, key=lambda column, order=order: column.map(list(order).index), kind="stable")
    return table.reset_index(drop=True)


def _joined(group: pd.DataFrame, summaries: list[Summary]) -> dict[str, Any]:
    row = group.iloc[0].drop(["seed", "training_seed", "bootstrap"]).to_dict() | {"seeds": len(group)}
    row |= {f"{metric.key}_seeds_std": group[metric.key].std() for metric in COMPARED}
    if len(group) == 1:
        return row
    same = ["data_set", "seed", "bootstrap", "ssim_against", "csim_backend", "fid_backend"]
    if (group[same].nunique(dropna=False) > 1).any():
        paths = ", ".join(str(summary.path) for summary in summaries)
        raise DgError(
            f"{paths}: differ in more than their training seed ({', '.join(same)}). Run the evaluate step of them "
            "all again."
        )
    runs = read_runs(summaries)
    row |= {metric.key: group[metric.key].mean() for metric in COMPARED}
    resamples, seed = int(group["bootstrap"].iloc[0]), int(group["seed"].iloc[0])
    for metric in COMPARED:
        if metric.interval != "none":
            scores = seed_scores(metric, runs, resamples, seed)
            low, high = interval(scores.drawn(seed), scores.people)
            # Shifted draws of a distance may lie below zero; a distance can't. NaN stays.
            row |= {f"{metric.key}_low": np.maximum(metric.least, low), f"{metric.key}_high": high}
    return row


def _row(summary: Summary, titles: dict[str, str]) -> dict[str, Any]:
    path, values = summary.path, summary.values
    try:
        row = {name: values[name] for name in ("test", "data_set", "method", "pairs", "subjects", "seed")}
        for metric in COMPARED:
            for part, end in (("value", ""), ("low", "_low"), ("high", "_high")):
                found = values[metric.key][part]
                row[metric.key + end] = float("nan") if found is None else float(found)
        row |= {"ssim_against": values["ssim"]["against"], "bootstrap": values["settings"]["bootstrap"]}
        # Methods without trained networks have none.
        row["training_seed"] = values["settings"].get("training_seed")
        row |= {f"{role}_backend": values["backends"][role] for role in ("csim", "fid")}
    except (KeyError, TypeError) as error:
        raise DgError(f"{path}: is no summary of evaluate (lacks {error}). Run the evaluate step again.") from error
    if row["test"] not in TESTS or row["method"] not in titles:
        raise DgError(
            f"{path}: {row['test']} / {row['method']} has no place in a table. Its test must be one of the "
            "paper's, its method dg or a key of methods in params.yaml."
        )
    return row
