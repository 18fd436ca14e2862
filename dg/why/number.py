"""One number of a table: what it is, and which of the table's summaries it is from."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dg.errors import DgError
from dg.files import read_json
from dg.metrics.metric import METRICS, Metric
from dg.study.tables import TABLES, Table
from dg.tests import TESTS
from dg.why.jobs import Job


@dataclass(frozen=True)
class Number:
    """What the words after a table mean.

    Attributes:
        told: in words, a line each.
        summaries: the table's inputs that it is from; empty: it was not measured.
    """

    told: list[str]
    summaries: dict[str, str]


def number(path: Path, job: Job, words: list[str]) -> Number:
    """The part of a table that `words` name, row first: test, method and metric, or row and metric in Tables 1 and 2.

    Args:
        path: of the table, as CSV. job: which made it.

    Raises:
        DgError: the table has no such row or number.
    """
    table = TABLES[path.stem]
    frame = pd.read_csv(path)
    keys = [("row", "losses")] if table.kind == "ablation" else [("test", "test"), ("method", "title")]
    if len(words) > len(keys) + 1:
        names = " ".join(key.upper() for key, _ in keys)
        raise DgError(f"{path}: '{' '.join(words)}' is too much. After this file come {names} METRIC, or fewer.")
    for word, (key, title) in zip(words, keys):
        titles = {row[key]: _title(key, row[title]) for row in frame.to_dict("records")}
        frame = frame[frame[key] == _chosen(path, key, word, titles)]
    rows = frame.to_dict("records")
    summaries = _summaries(table, job, rows)
    if len(words) < len(keys) + 1:
        return Number([], summaries)
    shown = {metric.key: metric.title for metric in METRICS if metric.key in frame}
    chosen = _chosen(path, "metric", words[-1], shown)
    (metric,) = (one for one in METRICS if one.key == chosen)
    return Number(_told(table, rows[0], metric), summaries)


def _title(key: str, title: str) -> str:
    return TESTS[title].title if key == "test" else title


def _chosen(path: Path, key: str, word: str, titles: dict[str, str]) -> str:
    """The key that `word` is, or whose title it is, whatever its letters' case."""
    for name, title in titles.items():
        if word.lower() in (name.lower(), title.lower()):
            return name
    names = [name if title == name else f"{name} ({title})" for name, title in titles.items()]
    near = difflib.get_close_matches(word, [*titles, *titles.values()], n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise DgError(f"{path}: no {key} '{word}'; expected one of: {', '.join(names)}.{hint}")


def _summaries(table: Table, job: Job, rows: list[dict[str, Any]]) -> dict[str, str]:
    if table.kind == "ablation":
        variants = {f"{table.key}-{row['row']}-{seed}" for row in rows for seed in range(job.settings["seeds"])}
        return {path: digest for path, digest in job.inputs.items() if variants & set(Path(path).parts)}
    wanted = {(row["test"], row["method"]) for row in rows if row["source"] == "measured"}
    told = {path: read_json(Path(path)) for path in job.inputs}
    return {path: job.inputs[path] for path, one in told.items() if (one["test"], one["method"]) in wanted}


def _told(table: Table, row: dict[str, Any], metric: Metric) -> list[str]:
    names = [row["losses"]] if table.kind == "ablation" else [TESTS[row["test"]].title, row["title"]]
    where = f"{table.heading}: {', '.join(names)}, {metric.heading_with_unit}"
    paper = row.get(f"paper_{metric.key}", float("nan"))
    printed = [] if pd.isna(paper) else [f"the paper prints {paper:g}"]
    if row.get("source") == "quoted":
        return [where, "not measured here, quoted: " + (printed or ["the paper prints none"])[0]]
    value, low, high = (row.get(metric.key + end, float("nan")) for end in ("", "_low", "_high"))
    if pd.isna(value):
        return [where, "not measured: this test gives no such number", *printed]
    between = "" if pd.isna(low) else f", 95 % interval {metric.text(low)} to {metric.text(high)}"
    spread = row.get(f"{metric.key}_seeds_std", float("nan"))
    spread = "" if pd.isna(spread) else f", standard deviation over seeds {metric.text(spread)}"
    counts = f"{row['pairs']:.0f} pairs of {row['subjects']:.0f} people, {row['seeds']:.0f} training seed(s)"
    judge = row.get(f"{metric.role}_backend") if metric.role else None
    judged = [f"judged by {judge}"] if isinstance(judge, str) else []
    return [where, f"{metric.text(value)}{between}{spread}; {counts}", *judged, *printed]
