"""Tables 1 and 2, the ablations: a row per set of losses, its step from the row before, and the paper's beside both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dg.backends import KEPT, stand_ins
from dg.errors import DgError
from dg.files import write_csv, write_text
from dg.metrics.metric import Metric, shown_in
from dg.reports.headlines import write_headlines
from dg.reports.markdown import grid
from dg.reports.paper import ABLATIONS
from dg.reports.runs import Run, SeedScores, interval, read_runs, read_summaries, seed_scores
from dg.steps.tables import AblationSettings
from dg.study.tables import TABLES


def make_ablation(settings: AblationSettings, summaries: list[Path], out: Path) -> str:
    """Write `out` (CSV), the same for reading beside it (.md), and its headlines.

    Intervals are 95 % bootstrap intervals; each resample draws source people and training seeds with replacement, the
    same ones for every row, so that a step is a paired difference.

    Args:
        summaries: JSON files of the evaluation, row by row and in each row seed by seed.

    Returns:
        the steps, a line each, for the log.

    Raises:
        DgError: a summary is missing or rows were measured on different pairs.
    """
    table, rows, count = settings.table, dict(settings.rows), settings.seeds
    if len(summaries) != len(rows) * count:
        raise DgError(
            f"{out}: {len(rows)} rows of {count} seeds need {len(rows) * count} summaries, got {len(summaries)}."
        )
    runs = read_runs(read_summaries(summaries))
    groups = {row: runs[k * count : (k + 1) * count] for k, row in enumerate(rows)}
    found = {
        row: {m.key: seed_scores(m, group, settings.bootstrap, settings.seed) for m in shown_in(table)}
        for row, group in groups.items()
    }
    frame = pd.DataFrame([_row(settings, row, rows, found, groups[row]) for row in rows])
    first = runs[0].summary
    frame["pairs"], frame["subjects"] = first["pairs"], first["subjects"]
    backends = {"landmarks": settings.landmarks, "identity": settings.identity}
    backends |= first.get("backends", {})
    for role, name in backends.items():
        frame[f"{role}_backend"] = name
    frame["data_set"], frame["scale"] = settings.data_set, settings.scale
    frame["stand_in"] = [_stand_in(settings, row, backends) for row in rows]
    steps = step_lines(frame, table)
    write_csv(out, frame.round(6))
    write_text(Path(out).with_suffix(".md"), _markdown(settings, frame, steps))
    write_headlines(table, frame, out)
    return "\n".join(" ".join(line) for line in steps)


def _row(
    settings: AblationSettings, row: str, rows: dict, found: dict[str, dict[str, SeedScores]], runs: list[Run]
) -> dict[str, Any]:
    table = settings.table
    before = _before(table, row, rows)
    label, paper = _paper(table, row)
    _, paper_before = _paper(table, before) if before else ("", {})
    out: dict[str, Any] = {"row": row, "losses": label or _changes(rows[row]), "seeds": settings.seeds}
    out["compared_with"] = before or ""
    for metric in shown_in(table):
        name, here = metric.key, found[row][metric.key]
        drawn = here.drawn(settings.seed)
        low, high = interval(drawn, here.people)
        out |= {name: here.seeds.mean(), f"{name}_low": low, f"{name}_high": high}
        out[f"{name}_seeds_std"] = here.spread
        if metric.pictures_std:
            out[f"{name}_pictures_std"] = np.mean([run.summary[name]["std"] for run in runs])
            out[f"paper_{name}_pictures_std"] = paper.get(f"{name}_pictures_std", np.nan)
        out[f"paper_{name}"] = paper.get(name, np.nan)
        step = low = high = np.nan
        if before:
            other = found[before][name]
            step = here.seeds.mean() - other.seeds.mean()
            low, high = interval(drawn - other.drawn(settings.seed), here.people)
        out |= {f"{name}_step": step, f"{name}_step_low": low, f"{name}_step_high": high}
        printed = paper.get(name, np.nan) - paper_before.get(name, np.nan)
        out[f"paper_{name}_step"] = printed
        out[f"{name}_step_sign"] = "" if np.isnan(printed * step) else "paper's" if printed * step > 0 else "opposite"
        out[f"{name}_step_excludes_zero"] = "" if np.isnan(low) else "yes" if low * high > 0 else "no"
    return out


def _before(table: str, row: str, rows: dict) -> str | None:
    """The row that `row` is compared with: the paper's row before it; a row of one's own is compared with DG."""
    paper = [name for name in rows if name in ABLATIONS[table]]
    if row not in paper:
        return "dg"
    return paper[paper.index(row) - 1] if paper.index(row) else None


def _paper(table: str, row: str) -> tuple[str, dict[str, float]]:
    """The paper's label and numbers of a row; empty for rows of one's own."""
    if row not in ABLATIONS[table]:
        return "", {}
    label, numbers = ABLATIONS[table][row]
    return label, numbers._asdict()


def _changes(overrides: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in overrides.items())


def _stand_in(settings: AblationSettings, row: str, backends: dict[str, str]) -> str:
    phrases = [f"data: SynthFace ({settings.data_set}) instead of RaFD"] if settings.kind == "synthface" else []
    phrases += stand_ins(backends)
    if settings.scale != "paper":
        phrases.append(f"sizes and iterations of scale '{settings.scale}'")
    for network in settings.bundled[row]:
        losses = {"idsg": "L_l", "rfg": "L_at, LPIPS, L_id and D_f"}[network]
        phrases.append(f"{network.upper()} started from bundled weights, trained with {losses}")
    phrases += [KEPT] * (row in settings.kept)
    return "; ".join(phrases)


def stand_ins_of(frame: pd.DataFrame) -> str:
    """The phrases of all rows ("" for none), each once; of which rows it is, where it isn't of all."""
    said: dict[str, list[str]] = {}
    for row, text in zip(frame["row"], frame["stand_in"].fillna("")):
        for phrase in text.split("; ") if text else ():
            said.setdefault(phrase, []).append(row)
    return "; ".join(
        phrase if len(rows) == len(frame) else f"{phrase} (of {', '.join(rows)} alone)" for phrase, rows in said.items()
    )


def step_lines(frame: pd.DataFrame, table: str) -> list[list[str]]:
    """The head and a line per step and metric of "table1" or "table2" (its frame, "" where a text is missing)."""
    lines = [["step", "metric", "measured", "paper's", "sign", "interval excludes zero"]]
    for row in frame.to_dict("records"):
        for metric in shown_in(table) if row["compared_with"] else ():
            step, paper = f"{metric.key}_step", row[f"paper_{metric.key}_step"]
            value, low, high = (metric.text(row[step + end], "+") for end in ("", "_low", "_high"))
            lines.append(
                [
                    f"{row['row']} - {row['compared_with']}",
                    metric.heading_with_unit,
                    f"{value} [{low}, {high}]",
                    metric.text(paper, "+"),
                    row[f"{step}_sign"] or "–",
                    row[f"{step}_excludes_zero"] or "–",
                ]
            )
    return lines


def _markdown(settings: AblationSettings, frame: pd.DataFrame, steps: list[list[str]]) -> str:
    metrics = shown_in(settings.table)
    stand_in = stand_ins_of(frame)
    comparable = " with stand-ins: not comparable with the paper's absolute numbers" if stand_in else ""
    body = []
    for row in frame.to_dict("records"):
        cells = [f"{row['losses']} (`{row['row']}`)"]
        for metric in metrics:
            cells += [_cell(row, metric), _paper_cell(row, metric)]
        body.append(cells)
    head = ["losses"] + [cell for metric in metrics for cell in (metric.heading_with_unit, "paper's")]
    first = frame.iloc[0]
    parts = [
        f"# {TABLES[settings.table].heading}{comparable}",
        grid(head, body),
        f"{first['pairs']} pairs of {first['subjects']} people, {first['seeds']} training seed(s). Brackets hold 95 % "
        "bootstrap intervals over people and seeds; with few of them they are rough."
        + (" ± is the standard deviation over pictures." if any(m.pictures_std for m in metrics) else ""),
        "## Steps",
        grid(steps[0], steps[1:]),
        "A step is a row minus the row it is compared with, on the same pairs and seeds. Sign: the paper's, or the "
        "opposite. An interval that holds zero leaves the sign open.",
        f"Stand-ins: {stand_in}." if stand_in else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _cell(row: dict[str, Any], metric: Metric) -> str:
    value, low, high = (metric.text(row[metric.key + end]) for end in ("", "_low", "_high"))
    spread = f" ± {metric.text(row[f'{metric.key}_pictures_std'])}" if metric.pictures_std else ""
    return f"{value}{spread} [{low}, {high}]"


def _paper_cell(row: dict[str, Any], metric: Metric) -> str:
    value = row[f"paper_{metric.key}"]
    if np.isnan(value):
        return "–"
    return f"{value:g}" + (f" ± {row[f'paper_{metric.key}_pictures_std']:g}" if metric.pictures_std else "")
