"""Metrics against the yaw of the reference, as drawings that follow the page's colours."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from dg.files import read_json
from dg.metrics.metric import shown_by_yaw
from dg.steps.report import ReportSettings
from dg.tests import TESTS

# Told apart by people with any colour vision, on white and on black (Okabe and Ito); more methods repeat them.
_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_MARKS = "osD^vP"
_ACROSS = 2  # drawings side by side
_TEXT = "#010203"  # replaced by the page's own colour
_STYLE = {
    "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10, "axes.edgecolor": _TEXT, "text.color": _TEXT,
    "axes.labelcolor": _TEXT, "xtick.color": _TEXT, "ytick.color": _TEXT, "axes.spines.top": False,
    "axes.spines.right": False, "svg.hashsalt": "dg",
}  # fmt: skip


def yaw_curves(settings: ReportSettings, results: Path) -> list[dict[str, Any]]:
    """A drawing per test: {title, svg, rows (a table of the same numbers), head}.

    Raises:
        DgError: a summary of evaluate is missing.
    """
    return [_curve(settings, results, test, methods) for test, methods in settings.tests]


def _curve(settings: ReportSettings, results: Path, test: str, methods: list[str]) -> dict[str, Any]:
    bins = {m: read_json(results / f"evaluate/dg/{test}/{m}.json")["yaw_bins"] for m in methods}
    metrics = shown_by_yaw()
    rows = [
        [dict(settings.titles)[method], f"{part['from']} to {part['to']}", part["pairs"]]
        + [metric.text(_number(part[metric.key]["value"])) for metric in metrics]
        for method, parts in bins.items()
        for part in parts
    ]
    title = TESTS[test].title
    head = ["method", "|yaw|, degrees", "pairs", *(metric.heading_with_unit for metric in metrics)]
    return {"title": title, "svg": Markup(_draw(settings, bins, title)), "rows": rows, "head": head}


def _draw(settings: ReportSettings, bins: dict[str, list[dict[str, Any]]], title: str) -> str:
    with matplotlib.rc_context(_STYLE):
        metrics = shown_by_yaw()
        lines = -(-len(metrics) // _ACROSS)
        figure = Figure(figsize=(8.4, 2.5 * lines + 0.6), layout="constrained")
        places = figure.subplots(lines, _ACROSS, squeeze=False).flatten()
        for axes in places[len(metrics) :]:
            axes.remove()
        for axes, metric in zip(places, metrics):
            for number, (method, parts) in enumerate(bins.items()):
                colour = _COLOURS[number % len(_COLOURS)]
                middle = [(part["from"] + part["to"]) / 2 for part in parts]
                value, low, high = (
                    np.array([part[metric.key][end] for part in parts], float) for end in ("value", "low", "high")
                )
                mark, name = _MARKS[number % len(_MARKS)], dict(settings.titles)[method]
                axes.plot(middle, value, color=colour, marker=mark, markersize=4, label=name)
                axes.fill_between(middle, low, high, color=colour, alpha=0.18, linewidth=0)
            axes.set(xlabel="|yaw| of the reference (degrees)", ylabel=metric.heading_with_unit)
            axes.set(xlim=(0, 90), xticks=range(0, 91, 15))
            axes.grid(color="#888888", alpha=0.25, linewidth=0.6)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Title": title})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace(_TEXT, "currentColor")
    label = f"{title}: {', '.join(metric.title for metric in metrics)} by yaw; the numbers stand in the table below"
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
