"""Verbs that write what one looks at: tables, figures, curves, the page."""

from __future__ import annotations

import argparse
from pathlib import Path

from dg.cli.verbs import Verbs


def _ablation(a: argparse.Namespace) -> None:
    from dg.reports.ablation import make_ablation

    print(make_ablation(a.settings, a.summaries, a.out))


def _comparison(a: argparse.Namespace) -> None:
    from dg.reports.comparison import make_comparison

    make_comparison(a.settings, a.summaries, a.out)


def _curves(a: argparse.Namespace) -> None:
    from dg.reports.curves import make_curves

    make_curves(a.summaries, dict(a.settings.titles), a.out)


def _claims(a: argparse.Namespace) -> None:
    from dg.reports.claims import make_claims

    make_claims(a.settings, a.results, a.out)


def _vega(a: argparse.Namespace) -> None:
    from dg.reports.vega import write_plots_template

    write_plots_template(a.out)


def _figure(a: argparse.Namespace) -> None:
    from dg.reports.figures import make_grid

    make_grid(a.settings, a.folder, a.pairs, a.generated, a.scores, a.out)


def _lead_sheet(a: argparse.Namespace) -> None:
    from dg.reports.lead_sheets import make_lead_sheet

    make_lead_sheet(a.settings, a.data, a.pairs, a.generated, a.scores, a.out)


def _paper_figure(a: argparse.Namespace) -> None:
    from dg.reports.paper_figures import make_figure

    make_figure(a.settings, a.data, a.pairs, a.generated, a.out)


def _report(a: argparse.Namespace) -> None:
    from dg.reports.page import make_report

    make_report(a.settings, a.results, a.data, a.out)


def add_verbs(verbs: Verbs) -> None:
    """Those of this module."""
    verbs.add("ablation", _ablation, "Table 1 or 2 as CSV and Markdown", "settings", "summaries+", "out")
    verbs.add(
        "comparison", _comparison, "Table 3 or 4 as CSV, Markdown, LaTeX and JSON", "settings", "summaries+", "out"
    )
    verbs.add("curves", _curves, "tables and yaw curves for dvc plots", "settings", "summaries+", "out")
    verbs.add("vega", _vega, "a template by which DVC's page of plots draws without a network", "out")
    verbs.add(
        "figure", _figure, "grid of source, reference, result, truth",
        "settings", "folder", "pairs", "generated", "scores", "out",
    )  # fmt: skip
    figure = verbs.add(
        "paper_figure", _paper_figure, "one of the paper's Figures 2 to 6", "settings", "data+", "pairs", "out"
    )
    figure.add_argument("--generated", type=Path, nargs="+", required=True, help="results of the rows, in order")
    beside = verbs.add(
        "lead_sheet", _lead_sheet, "where DG leads and trails another method most", "settings", "data+", "pairs", "out"
    )
    beside.add_argument("--generated", type=Path, nargs=2, required=True, help="results of DG and of the method")
    beside.add_argument("--scores", type=Path, nargs=2, required=True, help="evaluate's values of both (.parquet)")
    claims = verbs.add("claims", _claims, "the paper's claims, answered by what was measured", "settings", "out")
    claims.add_argument("--results", type=Path, default=Path("results"))
    page = verbs.add("report", _report, "results/report.html, one page with everything", "settings", "out")
    page.add_argument("--results", type=Path, default=Path("results"))
    page.add_argument("--data", type=Path, default=Path("data/sets"))
