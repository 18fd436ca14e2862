"""Tables 1 to 4 for the page: every measured number beside the paper's, with the verdict of its interval."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dg.errors import DgError
from dg.reports.paper import BENCHMARK_TITLES, METRIC_TITLES

TITLES = {
    1: "Table 1. Losses of the IDSG",
    2: "Table 2. Losses of the RFG",
    3: "Table 3. Self-reenactment",
    4: "Table 4. Cross-reenactment",
}
_METRICS = {
    1: {"ace": "ACE ↓ (pixels at 256)"},
    2: {name: METRIC_TITLES[name] for name in ("ssim", "fid", "csim")},
    3: METRIC_TITLES,
    4: METRIC_TITLES,
}
_DIGITS = {"ssim": 3, "csim": 3, "kid": 3, "lpips": 3, "fid": 1, "ace": 2, "landmark_error": 2, "pose_error": 2}
_HIGHER_IS_BETTER = ("ssim", "csim")


@dataclass(frozen=True)
class Cell:
    """One number.

    Attributes:
        value, interval, paper, difference: as printed; "" where there is none.
        verdict: "better" or "worse" than the paper's number where the interval excludes it, "open" where it doesn't, ""
            where there is nothing to compare.
    """

    value: str
    interval: str = ""
    paper: str = ""
    difference: str = ""
    verdict: str = ""


def read_tables(results: Path) -> list[dict[str, Any]]:
    """The four tables: number, title, head, rows ({cells, quoted}), stand_ins.

    Raises:
        DgError: a table is missing.
    """
    return [_table(number, results / f"table{number}.csv") for number in TITLES]


def _table(number: int, path: Path) -> dict[str, Any]:
    try:
        frame = pd.read_csv(path)
    except FileNotFoundError:
        raise DgError(f"{path}: not found. Run the step that makes it (snakemake -- {path}).") from None
    metrics = {name: title for name, title in _METRICS[number].items() if frame[name].notna().any()}
    rows = []
    for row in frame.to_dict("records"):
        quoted = row.get("source") == "quoted"
        names = [row["losses"]] if number < 3 else [BENCHMARK_TITLES[row["benchmark"]], row["title"]]
        rows.append({"names": names, "quoted": quoted, "cells": [cell(row, name, quoted) for name in metrics]})
    notes = [text for text in frame["stand_in"].dropna().unique() if text]
    head = ["losses"] if number < 3 else ["test", "method"]
    counts = frame.dropna(subset=["pairs"]).iloc[0]
    return {
        "number": number,
        "title": TITLES[number],
        "head": [*head, *metrics.values()],
        "rows": rows,
        "stand_ins": notes,
        "seeds": int(counts["seeds"]),
    }


def cell(row: dict[str, Any], name: str, quoted: bool) -> Cell:
    """The number `name` of a row of a table."""
    digits = _DIGITS[name]
    value, low, high, paper = (
        row.get(key, float("nan")) for key in (name, f"{name}_low", f"{name}_high", f"paper_{name}")
    )
    printed = "" if pd.isna(paper) else f"{paper:g}"
    if quoted:
        return Cell("", paper=printed)
    if pd.isna(value):
        return Cell("–", paper=printed)
    interval = "" if pd.isna(low) else f"[{low:.{digits}f}, {high:.{digits}f}]"
    if not printed:
        return Cell(f"{value:.{digits}f}", interval)
    difference = value - paper
    verdict = ""
    if interval:
        excluded = paper < low or paper > high
        better = (difference > 0) == (name in _HIGHER_IS_BETTER)
        verdict = ("better" if better else "worse") if excluded else "open"
    return Cell(f"{value:.{digits}f}", interval, printed, f"{difference:+.{digits}f}", verdict)
