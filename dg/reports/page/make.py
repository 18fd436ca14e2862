"""Gathers what a run has made and renders the page."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dg.errors import DgError
from dg.files import write_text
from dg.reports.page.claims import read_claims
from dg.reports.page.costs import costs
from dg.reports.page.curves import yaw_curves
from dg.reports.page.facts import facts
from dg.reports.page.gallery import gallery
from dg.reports.page.tables import read_tables
from dg.steps.report import ReportSettings
from dg.study.figures import FIGURES, Figure
from dg.study.tables import TABLES
from dg.tests import TESTS
from dg.why import Jobs, why_in_short


def make_report(settings: ReportSettings, results: Path, data: Path, out: Path) -> None:
    """Write the page `out` (HTML, self-contained: no other file and no network is needed).

    Args:
        results, data: the folders results/ and data/sets/ of a finished run.

    Raises:
        DgError: a table, summary or results file is missing.
    """
    environment = Environment(
        loader=PackageLoader("dg.reports.page", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    places = Path(__file__).parent
    shown = gallery(settings, results, data)
    figures = {key: results / f"figures/{key}.png" for key in FIGURES}
    text = environment.get_template("page.html.j2").render(
        facts=facts(settings, results, data),
        costs=costs(settings, results),
        claims=read_claims(results),
        leads=[_lead(results, test, method, dict(settings.titles)[method]) for test, method in settings.rivals],
        tables=read_tables(results),
        figures=[_figure(path, FIGURES[key]) for key, path in figures.items()],
        origins=_origins({key: results / f"{key}.csv" for key in (*TABLES, "claims")} | figures),
        curves=yaw_curves(settings, results),
        gallery=Markup(_json(shown)),
        style=Markup((places / "page.css").read_text(encoding="utf-8")),
        script=Markup((places / "page.js").read_text(encoding="utf-8")),
    )
    write_text(out, text)


def _figure(path: Path, figure: Figure) -> dict[str, str]:
    return {"key": figure.key, "name": f"Figure {figure.number}", "words": f"{figure.about}.", "uri": _uri(path)}


def _lead(results: Path, test: str, method: str, title: str) -> dict[str, str]:
    words = f"DG beside {title} on {TESTS[test].title}: where DG trails most, and where it leads most"
    return {"words": words, "uri": _uri(results / f"figures/leads/{method}_{test}.png")}


def _uri(path: Path) -> str:
    try:
        return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
    except FileNotFoundError:
        raise DgError(f"{path}: not found. Run the step that makes it (snakemake -- {path}).") from None


def _origins(paths: dict[str, Path]) -> dict[str, list[tuple[str, str]]]:
    """Where each file comes from, in short, and how to ask for all of it."""
    try:
        jobs = Jobs()
        told = {key: why_in_short(path, jobs) for key, path in paths.items()}
    except DgError as error:  # the page was made by hand, of files that Snakemake doesn't know
        told = {key: [("records", str(error))] for key in paths}
    return {key: [("ask", f"python -m dg why {path}"), *told[key]] for key, path in paths.items()}


def _json(value: Any) -> str:
    """JSON that can stand inside a script element."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
