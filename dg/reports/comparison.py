"""Tables 3 and 4: measured rows with the paper's numbers beside them, other methods as the paper quotes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from dg.backends import KEPT, stand_ins
from dg.errors import DgError
from dg.files import write_csv, write_json, write_text
from dg.metrics.metric import printed_in, shown_in
from dg.reports.comparison_text import as_latex, as_markdown
from dg.reports.headlines import write_headlines
from dg.reports.paper import COMPARISONS
from dg.reports.runs import read_summaries
from dg.reports.summaries import join_seeds
from dg.steps.tables import ComparisonSettings
from dg.study.tables import TABLES
from dg.tests import TESTS


def columns(table: str) -> list[str]:
    """The columns of "table3" or "table4": the metrics that the paper prints stand before the others."""
    printed = printed_in(table)
    metrics = [*printed, *(metric for metric in shown_in(table) if metric not in printed)]
    return [
        "test", "data_set", "method", "title", "source", *(name for metric in metrics for name in metric.columns),
        "pairs", "subjects", "seeds", "ssim_against",
        "landmarks_backend", "identity_backend", "csim_backend", "fid_backend", "init",
        "pictures_start", "pictures_trained", "scale", "stand_in",
        *(f"paper_{metric.key}" for metric in printed),
    ]  # fmt: skip


def make_comparison(settings: ComparisonSettings, summaries: list[Path], out: Path) -> None:
    """Write the table `out` (CSV), and beside it the same for reading (.md), for papers (.tex) and for DVC (.json:
    {test: {method: {metric: value}}}, null where empty), and its headlines.

    A row per test and method. `source` is "measured", or "quoted" for methods whose numbers are the paper's; those
    stand in the paper_ columns, never in the measured ones. The paper's numbers of DG stand in the measured rows of
    "dg". Bounds _low and _high are 95 % bootstrap intervals over source subjects and, where `seeds` says that there are
    several, training seeds; _seeds_std is the standard deviation over these. `ssim_against` says what SSIM compares
    with: "ground truth", "reference", "ground truth or reference", or "none". `stand_in` says in words what isn't the
    paper's. `identity_backend` and `init` tell of the trained networks that a method uses; empty if it uses none.
    `pictures_start` and `pictures_trained`: how many pictures its training made before, in a bundled start, and here.

    Args:
        summaries: JSON files of the evaluate step.

    Raises:
        DgError: as join_seeds, or a summary was made on another data set than `settings` names for its test.
    """
    printed = COMPARISONS[settings.table]
    metrics = printed_in(settings.table)
    table = join_seeds(read_summaries(summaries), dict(settings.titles))
    strangers = sorted(set(table["test"]) - set(printed))
    if strangers:
        raise DgError(f"{out}: {', '.join(strangers)} has no place in {TABLES[settings.table].heading}.")
    rows = [_row(settings, row) for row in table.to_dict("records")]
    for test, methods in printed.items():
        for method, scores in methods.items():
            if method != "DG":
                quoted = {"test": test, "method": method, "title": method, "source": "quoted"}
                rows.append(quoted | {f"paper_{metric.key}": getattr(scores, metric.key) for metric in metrics})
    frame = pd.DataFrame(rows, columns=columns(settings.table))
    frame = frame.sort_values("test", key=lambda names: names.map(list(printed).index), kind="stable")
    frame["stand_in"] = frame["stand_in"].fillna("")
    frame = frame.astype(dict.fromkeys(("pairs", "subjects", "seeds", "pictures_start", "pictures_trained"), "Int64"))
    scores = {name: 6 for metric in shown_in(settings.table) for name in metric.columns}
    write_csv(out, frame.round(scores))
    write_text(Path(out).with_suffix(".md"), as_markdown(settings, frame))
    write_text(Path(out).with_suffix(".tex"), as_latex(settings, frame))
    write_json(Path(out).with_suffix(".json"), _nested(settings.table, table))
    write_headlines(settings.table, frame, out)


def _nested(name: str, table: pd.DataFrame) -> dict[str, dict[str, dict[str, float]]]:
    scores: dict[str, dict[str, dict[str, float]]] = {}
    for row in table.to_dict("records"):
        found = {metric.key: row[metric.key] for metric in shown_in(name)}
        scores.setdefault(row["test"], {})[row["method"]] = found
    return scores


def _row(settings: ComparisonSettings, row: dict[str, Any]) -> dict[str, Any]:
    test, method = row["test"], row["method"]
    base = TESTS[test].sources
    expected = settings.benchmarks[base]
    if row["data_set"] != expected:
        raise DgError(
            f"{test} / {method} was measured on '{row['data_set']}', but benchmarks.{base} says "
            f"'{expected}'. Run the evaluate step again."
        )
    networks = settings.networks[method]
    backends = {"landmarks": settings.landmarks, "identity": settings.identity if networks else ""}
    backends |= {role: row[f"{role}_backend"] for role in ("csim", "fid")}
    bundled = [name.upper() for name in settings.bundled if name in networks]
    phrases = [f"data: SynthFace ({expected}) instead of {base}"] if settings.kinds[base] == "synthface" else []
    phrases += stand_ins(backends)
    if settings.scale != "paper":
        sizes = "sizes and iterations" if networks else "sizes of data and pair lists"
        phrases.append(f"{sizes} of scale '{settings.scale}'")
    start, trained = settings.pictures.get(method, (None, None))
    init = "scratch" if networks or start is not None else ""
    if bundled or start:
        who = f"{' and '.join(bundled)} " if bundled else ""
        init = f"{who}bundled"
        seen = f", whose training made {start:,} pictures, {trained:,} more here" if start else ""
        phrases.append(f"{who}started from bundled weights{seen}")
    if settings.kept and "idsg" in networks:
        phrases.append(KEPT)
    paper = COMPARISONS[settings.table][test]["DG"] if method == "dg" else None
    return {
        **row,
        "title": dict(settings.titles)[method],
        "source": "measured",
        **{f"{role}_backend": name for role, name in backends.items()},
        "init": init,
        "pictures_start": start,
        "pictures_trained": trained,
        "scale": settings.scale,
        "stand_in": "; ".join(phrases),
        **{f"paper_{metric.key}": getattr(paper, metric.key, None) for metric in printed_in(settings.table)},
    }
