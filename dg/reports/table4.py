"""Table 4, cross-reenactment: measured rows with the paper's numbers beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from dg.errors import DgError
from dg.files import write_csv, write_text
from dg.metrics.backends import stand_ins
from dg.reports.markdown import grid
from dg.reports.paper import BENCHMARK_TITLES, METHOD_TITLES, TABLE4
from dg.reports.summaries import METRICS, read_summaries

COLUMNS = (
    "benchmark", "data_set", "method",
    "ssim", "ssim_low", "ssim_high", "fid", "fid_low", "fid_high", "csim", "csim_low", "csim_high",
    "pairs", "subjects", "seeds",
    "landmarks_backend", "identity_backend", "csim_backend", "fid_backend", "init", "scale", "stand_in",
    "paper_ssim", "paper_fid", "paper_csim",
)  # fmt: skip


def make_table4(settings: dict[str, Any], summaries: list[Path], out: Path) -> None:
    """Write the table `out` (CSV, COLUMNS; a row per benchmark and method) and the same for reading beside it (.md).

    Bounds _low and _high are 95 % bootstrap intervals over source subjects. SSIM is empty where no ground truth
    exists. The paper's numbers stand in the rows of "dg". `stand_in` says in words what isn't the paper's.

    Args:
        settings: benchmarks (benchmark -> data set), kinds (benchmark -> kind of data set), scale, landmarks,
            identity (back ends), init ("bundled" or "scratch").
        summaries: JSON files of the evaluate step.

    Raises:
        DgError: as read_summaries, or a summary was made on another data set than `settings` maps its benchmark to.
    """
    table = read_summaries(summaries)
    rows = [_row(settings, row) for row in table.to_dict("records")]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    write_csv(out, frame.round({name: 6 for name in COLUMNS if name.startswith(METRICS)}))
    write_text(Path(out).with_suffix(".md"), _markdown(frame))


def _row(settings: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    benchmark = row["benchmark"]
    base = "MPIE" if benchmark == "MPIE_LP" else benchmark
    expected = settings["benchmarks"][base]
    if row["data_set"] != expected:
        raise DgError(
            f"{benchmark} / {row['method']} was measured on '{row['data_set']}', but benchmarks.{base} says "
            f"'{expected}'. Run the evaluate step again."
        )
    backends = {role: settings[role] for role in ("landmarks", "identity")}
    backends |= {role: row[f"{role}_backend"] for role in ("csim", "fid")}
    phrases = [f"data: SynthFace ({expected}) instead of {base}"] if settings["kinds"][base] == "synthface" else []
    phrases += stand_ins(backends)
    if settings["scale"] != "paper":
        phrases.append(f"sizes and iterations of scale '{settings['scale']}'")
    if settings["init"] == "bundled":
        phrases.append("RFG started from bundled weights")
    paper = TABLE4[benchmark]["DG"] if row["method"] == "dg" else None
    return {
        **row,
        **{f"{role}_backend": name for role, name in backends.items()},
        "init": settings["init"],
        "scale": settings["scale"],
        "stand_in": "; ".join(phrases),
        **{f"paper_{name}": getattr(paper, name) if paper else None for name in METRICS},
    }


def _markdown(frame: pd.DataFrame) -> str:
    standing_in = frame["stand_in"].ne("").any()
    synthetic = frame["stand_in"].str.contains("SynthFace \\(").any()
    if synthetic:
        title = "# Table 4 on SynthFace and offline networks: not comparable with the paper's absolute numbers"
    elif standing_in:
        title = "# Table 4 with stand-ins (footnotes): not comparable with the paper's absolute numbers"
    else:
        title = "# Table 4: cross-reenactment"
    notes = {text: number for number, text in enumerate(dict.fromkeys(frame["stand_in"]), 1) if text}
    body = [
        [
            BENCHMARK_TITLES[row.benchmark],
            METHOD_TITLES[row.method] + (f" [{notes[row.stand_in]}]" if row.stand_in in notes else ""),
            *(_interval(row, name) for name in METRICS),
            str(row.pairs),
            str(row.subjects),
            str(row.seeds),
            _paper(row),
        ]
        for row in frame.itertuples()
    ]
    head = ["Benchmark", "Method", "SSIM ↑", "FID ↓", "CSIM ↑", "pairs", "people", "seeds", "paper's DG"]
    printed = [
        [BENCHMARK_TITLES[name], method, *("n.a." if value is None else f"{value:g}" for value in scores)]
        for name, methods in TABLE4.items()
        for method, scores in methods.items()
    ]
    parts = [
        title,
        grid(head, body),
        "Brackets hold 95 % bootstrap intervals over source people; with few people they are rough. SSIM is empty "
        "where no ground truth exists. FID falls with the number of pairs: compare rows of one benchmark only.",
        "*source unchanged* and *reference unchanged* give that picture as the result: floors that show what doing "
        "nothing scores. The first has CSIM 1 by construction, the second the right pose on the wrong person.",
        *(f"[{number}] {text[0].upper()}{text[1:]}." for text, number in notes.items()),
        "## As printed in the paper",
        grid(["Benchmark", "Method", "SSIM ↑", "FID ↓", "CSIM ↑"], printed),
    ]
    return "\n\n".join(parts) + "\n"


def _interval(row: Any, name: str) -> str:
    value, low, high = (getattr(row, name + suffix) for suffix in ("", "_low", "_high"))
    if pd.isna(value):
        return "–"
    digits = 1 if name == "fid" else 3
    return f"{value:.{digits}f}" + ("" if pd.isna(low) else f" [{low:.{digits}f}, {high:.{digits}f}]")


def _paper(row: Any) -> str:
    values = [getattr(row, f"paper_{name}") for name in METRICS]
    return "" if any(pd.isna(values)) else " / ".join(f"{value:g}" for value in values)
