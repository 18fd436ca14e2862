"""The claims in words, from the rows of results/claims.csv: for claims.md and the page."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dg.metrics.metric import metric
from dg.reports.claims.finding import VERDICTS
from dg.reports.markdown import grid
from dg.study.claims import CLAIMS, RULE
from dg.tests import TESTS

HEAD = ["compared", "test", "measure (judge)", "difference", "paper", "verdict", "pairs on its side", "seeds"]
NOTHING = "Nothing: params.yaml has nothing to compare (ablations, methods)."
CLAIMS_HEAD = ["claim", "in the paper", "verdict here", "findings"]


def as_markdown(frame: pd.DataFrame) -> str:
    """All claims with their findings."""
    stand_in = frame["stand_in"].iloc[0]
    of_them = ", on stand-ins: what is confirmed here is confirmed of them" if stand_in else ""
    parts = [f"# The paper's claims{of_them}", grid(CLAIMS_HEAD, summary(frame)), RULE]
    for number, words, verdict, asks in headings(frame):
        parts += [f"## {number}. {words}: {verdict}", f"Measured: {asks}."]
        deciding, details = findings(frame, number, "finding"), findings(frame, number, "detail")
        parts.append(grid(HEAD, deciding) if deciding else NOTHING)
        if details:
            parts += ["### Details", grid(HEAD, details)]
    parts.append(f"Stand-ins: {stand_in}." if stand_in else "")
    return "\n\n".join(part for part in parts if part) + "\n"


def headings(frame: pd.DataFrame) -> list[tuple[int, str, str, str]]:
    """Number, words, verdict and what was measured, of each claim."""
    verdicts = frame[frame["kind"] == "claim"].set_index("claim")["verdict"]
    return [(number, claim.words, verdicts[number], claim.asks) for number, claim in CLAIMS.items()]


def summary(frame: pd.DataFrame) -> list[list[str]]:
    """A line per claim, for CLAIMS_HEAD."""
    lines = []
    for number, words, verdict, _ in headings(frame):
        deciding = frame[(frame["claim"] == number) & (frame["kind"] == "finding")]
        lines.append([f"{number}. {words}", CLAIMS[number].where, verdict, _counts(deciding)])
    return lines


def findings(frame: pd.DataFrame, claim: int, kind: str) -> list[list[str]]:
    """The findings ("finding") or details ("detail") of a claim, a line each for HEAD."""
    rows = frame[(frame["claim"] == claim) & (frame["kind"] == kind)]
    return [_line(row) for row in rows.to_dict("records")]


def _line(row: dict[str, Any]) -> list[str]:
    # A trend is finer than the metric that it is of.
    digits = metric(row["metric"]).digits + (1 if " per " in row["measure"] else 0)
    value, low, high = ("–" if pd.isna(row[end]) else f"{row[end]:+.{digits}f}" for end in ("value", "low", "high"))
    yaw = f", yaw {row['yaw']}°" if row["yaw"] else ""
    return [
        row["what"],
        TESTS[row["test"]].title + yaw,
        row["measure"] + (f" ({row['judge']})" if row["judge"] else ""),
        f"{value} [{low}, {high}]",
        "above 0" if row["wanted"] > 0 else "below 0",
        _verdict(row),
        "–" if pd.isna(row["won"]) else f"{100 * row['won']:.0f} %",
        str(row["seeds"]),
    ]


def _verdict(row: dict[str, Any]) -> str:
    """Why an open one is open belongs to it."""
    if row["verdict"] != "open":
        return row["verdict"]
    sign = f"{row['sign']} sign" if row["sign"] else "no sign"
    return f"open: {sign}, clear, of one seed" if row["low"] * row["high"] > 0 else f"open: {sign}"


def _counts(rows: pd.DataFrame) -> str:
    if rows.empty:
        return "nothing measured"
    verdicts = rows["verdict"].value_counts()
    counted = ", ".join(f"{verdicts[name]} {name}" for name in VERDICTS if name in verdicts)
    as_in_paper = (rows["sign"] == "paper's").sum()
    return f"{counted}; paper's sign in {as_in_paper} of {len(rows)}"
