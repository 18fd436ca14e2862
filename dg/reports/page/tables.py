"""Tables 1 to 4 for the page: every measured number beside the paper's, with the verdict of its interval."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dg.backends import stand_ins
from dg.errors import DgError
from dg.metrics.metric import Metric, shown_in
from dg.reports.ablation import stand_ins_of, step_lines
from dg.reports.comparison_text import REFERENCE_MARK, remarks, stand_in_sentence
from dg.study.tables import TABLES, Table
from dg.tests import TESTS

_FID = "FID falls with the number of pairs, so compare rows of one test alone"


@dataclass(frozen=True)
class Cell:
    """One number.

    Attributes:
        value, interval, paper, difference: as printed, standard deviations beside the values; "" where there is none.
        verdict: "better" or "worse" than the paper's number where the interval excludes it, "open" where it doesn't, ""
            where there is nothing to compare, no value is better than another or another network than the paper's
            measures it.
    """

    value: str
    interval: str = ""
    paper: str = ""
    difference: str = ""
    verdict: str = ""


def read_tables(results: Path) -> list[dict[str, Any]]:
    """The four tables: number, title, head, rows ({names, quoted, cells, counts}), notes (sentences without full stop),
    steps (head, then lines; of Tables 1 and 2, else empty).

    Raises:
        DgError: a table is missing.
    """
    return [_table(table, results / f"{key}.csv") for key, table in TABLES.items()]


def _table(table: Table, path: Path) -> dict[str, Any]:
    try:
        frame = pd.read_csv(path)
    except FileNotFoundError:
        raise DgError(f"{path}: not found. Run the step that makes it (snakemake -- {path}).") from None
    metrics = [metric for metric in shown_in(table.key) if frame[metric.key].notna().any()]
    ablation = table.kind == "ablation"
    rows = []
    for row in frame.to_dict("records"):
        quoted = row.get("source") == "quoted"
        names = [row["losses"]] if ablation else [TESTS[row["test"]].title, row["title"]]
        cells = [cell(row, metric, quoted) for metric in metrics]
        rows.append(
            {"names": names, "quoted": quoted, "cells": cells, "counts": "" if ablation or quoted else _counts(row)}
        )
    return {
        "number": table.number,
        "title": f"Table {table.number}. {table.title[0].upper()}{table.title[1:]}",
        "head": ["losses", *(metric.heading_with_unit for metric in metrics)]
        if ablation
        else ["test", "method", *(metric.heading for metric in metrics)],
        "rows": rows,
        "notes": _ablation_notes(metrics, frame) if ablation else _comparison_notes(frame),
        "steps": _steps(table.key, frame) if ablation else [],
    }


def _ablation_notes(metrics: list[Metric], frame: pd.DataFrame) -> list[str]:
    first = frame.iloc[0]
    seeds = f"{first['seeds']} training seed{'s' if first['seeds'] > 1 else ''}"
    notes = [f"{first['pairs']} pairs of {first['subjects']} people, {seeds}"]
    if any(metric.key == "fid" for metric in metrics):
        notes.append(_FID)
    if any(metric.pictures_std for metric in metrics):
        notes.append("± is the standard deviation over pictures")
    elif first["seeds"] > 1:
        notes.append("± is the standard deviation over training seeds")
    stand_in = stand_ins_of(frame)
    return notes + ([f"Stand-ins: {stand_in}"] if stand_in else [])


def _counts(row: dict[str, Any]) -> str:
    pairs, people, seeds = (int(row[name]) for name in ("pairs", "subjects", "seeds"))
    return f"{pairs} pairs, {people} people" + (f", {seeds} seeds" if seeds > 1 else "")


def _comparison_notes(frame: pd.DataFrame) -> list[str]:
    measured = frame[frame["source"] == "measured"]
    return [f"{_FID}; KID has no such bias", *remarks(measured), *stand_in_sentence(measured)]


def _steps(table: str, frame: pd.DataFrame) -> list[list[str]]:
    texts = [name for name in frame if name == "compared_with" or name.endswith(("_sign", "_zero"))]
    frame = frame.astype(dict.fromkeys(texts, object)).fillna(dict.fromkeys(texts, ""))
    return step_lines(frame, table)


def cell(row: dict[str, Any], metric: Metric, quoted: bool) -> Cell:
    """The number of `metric` in a row of a table."""
    key = metric.key
    value, low, high, paper = (
        row.get(name, float("nan")) for name in (key, f"{key}_low", f"{key}_high", f"paper_{key}")
    )
    printed = "" if pd.isna(paper) else f"{paper:g}" + _spread(row.get(f"paper_{key}_pictures_std"), "g")
    if quoted:
        return Cell("", paper=printed)
    if pd.isna(value):
        return Cell("–", paper=printed)
    spread = row.get(f"{key}_pictures_std" if metric.pictures_std else f"{key}_seeds_std")
    text = metric.text(value) + _spread(spread, f".{metric.digits}f")
    if key == "ssim" and "reference" in row.get("ssim_against", ""):
        text += f" {REFERENCE_MARK}"
    interval = "" if pd.isna(low) else f"[{metric.text(low)}, {metric.text(high)}]"
    if not printed:
        return Cell(text, interval)
    difference, verdict = value - paper, ""
    stands_in = stand_ins({metric.role: row.get(f"{metric.role}_backend")})
    if interval and metric.sign and not stands_in:
        excluded = paper < low or paper > high
        verdict = ("better" if difference * metric.sign > 0 else "worse") if excluded else "open"
    return Cell(text, interval, printed, metric.text(difference, "+"), verdict)


def _spread(std: float | None, form: str) -> str:
    return "" if pd.isna(std) else f" ± {std:{form}}"
