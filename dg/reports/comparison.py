"""Tables 3 and 4: measured rows with the paper's numbers beside them, other methods as the paper quotes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from dg.errors import DgError
from dg.files import write_csv, write_text
from dg.metrics.backends import stand_ins
from dg.reports.latex import latex_table
from dg.reports.markdown import grid
from dg.reports.paper import BENCHMARK_TITLES, METRIC_TITLES, TABLE3, TABLE4
from dg.reports.summaries import EXTRA, METRICS, read_summaries

PRINTED = {"table3": {"VoxCeleb1": TABLE3}, "table4": TABLE4}
TITLES = {"table3": "Table 3, self-reenactment", "table4": "Table 4, cross-reenactment"}
_SCORES = tuple(f"{name}{end}" for name in (*METRICS, *EXTRA) for end in ("", "_low", "_high"))
COLUMNS = (
    "benchmark", "data_set", "method", "title", "source",
    *(name for name in _SCORES if name not in ("kid_low", "kid_high")),
    "pairs", "subjects", "seeds",
    "landmarks_backend", "identity_backend", "csim_backend", "fid_backend", "init", "scale", "stand_in",
    "paper_ssim", "paper_fid", "paper_csim",
)  # fmt: skip
DIGITS = {"ssim": 3, "fid": 1, "kid": 3, "csim": 3, "landmark_error": 2, "pose_error": 2, "lpips": 3}


def make_comparison(settings: dict[str, Any], summaries: list[Path], out: Path) -> dict[str, str]:
    """Write the table `out` (CSV, COLUMNS) and the same for reading (.md) and for papers (.tex) beside it.

    A row per test and method. `source` is "measured", or "quoted" for methods whose numbers are the paper's; those
    stand in the paper_ columns, never in the measured ones. The paper's numbers of DG stand in the measured rows of
    "dg". Bounds _low and _high are 95 % bootstrap intervals over source subjects. SSIM is empty where no ground truth
    exists. `stand_in` says in words what isn't the paper's.

    Args:
        settings: table ("table3" or "table4"), benchmarks (benchmark -> data set), kinds (benchmark -> kind of data
            set), titles ([method, words], in the rows' order), scale, landmarks, identity (back ends), init ("bundled"
            or "scratch").
        summaries: JSON files of the evaluate step.

    Returns:
        the methods' titles.

    Raises:
        DgError: as read_summaries, or a summary was made on another data set than `settings` maps its benchmark to.
    """
    printed = PRINTED[settings["table"]]
    table = read_summaries(summaries, dict(settings["titles"]))
    strangers = sorted(set(table["benchmark"]) - set(printed))
    if strangers:
        raise DgError(f"{out}: {', '.join(strangers)} has no place in {TITLES[settings['table']]}.")
    rows = [_row(settings, row) for row in table.to_dict("records")]
    for benchmark, methods in printed.items():
        for method, scores in methods.items():
            if method != "DG":
                quoted = {"benchmark": benchmark, "method": method, "title": method, "source": "quoted"}
                rows.append(quoted | {f"paper_{name}": getattr(scores, name) for name in METRICS})
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame = frame.sort_values("benchmark", key=lambda names: names.map(list(printed).index), kind="stable")
    frame["stand_in"] = frame["stand_in"].fillna("")
    frame = frame.astype(dict.fromkeys(("pairs", "subjects", "seeds"), "Int64"))
    write_csv(out, frame.round({name: 6 for name in _SCORES if name in frame}))
    write_text(Path(out).with_suffix(".md"), _markdown(settings, frame))
    write_text(Path(out).with_suffix(".tex"), _latex(settings, frame))
    return dict(settings["titles"])


def _row(settings: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    benchmark, method = row["benchmark"], row["method"]
    base = "MPIE" if benchmark == "MPIE_LP" else benchmark
    expected = settings["benchmarks"][base]
    if row["data_set"] != expected:
        raise DgError(
            f"{benchmark} / {method} was measured on '{row['data_set']}', but benchmarks.{base} says "
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
    paper = PRINTED[settings["table"]][benchmark]["DG"] if method == "dg" else None
    return {
        **row,
        "title": dict(settings["titles"])[method],
        "source": "measured",
        **{f"{role}_backend": name for role, name in backends.items()},
        "init": settings["init"],
        "scale": settings["scale"],
        "stand_in": "; ".join(phrases),
        **{f"paper_{name}": getattr(paper, name) if paper else None for name in METRICS},
    }


def _shown(frame: pd.DataFrame) -> list[str]:
    """The metrics to print: what no row holds (LPIPS without its weights) is left out."""
    return [name for name in DIGITS if frame[name].notna().any()]


def _heading(settings: dict[str, Any], frame: pd.DataFrame) -> str:
    title = TITLES[settings["table"]]
    if frame["stand_in"].str.contains("SynthFace \\(").any():
        return f"{title}, on SynthFace and offline networks: not comparable with the paper's absolute numbers"
    if frame["stand_in"].ne("").any():
        return f"{title}, with stand-ins (footnotes): not comparable with the paper's absolute numbers"
    return title


def _notes(frame: pd.DataFrame) -> dict[str, int]:
    texts = dict.fromkeys(text for text in frame["stand_in"] if text)
    return {text: number for number, text in enumerate(texts, 1)}


def _markdown(settings: dict[str, Any], frame: pd.DataFrame) -> str:
    notes, metrics = _notes(frame), _shown(frame)
    body = [
        [
            BENCHMARK_TITLES[row["benchmark"]],
            row["title"] + (f" [{notes[row['stand_in']]}]" if row["stand_in"] in notes else ""),
            *(_interval(row, name) for name in metrics),
            str(row["pairs"]),
            str(row["subjects"]),
            str(row["seeds"]),
            _paper(row),
        ]
        for row in frame[frame["source"] == "measured"].to_dict("records")
    ]
    head = ["Benchmark", "Method", *(METRIC_TITLES[name] for name in metrics), "pairs", "people", "seeds", "paper's DG"]
    printed = [
        [BENCHMARK_TITLES[name], method, *("n.a." if value is None else f"{value:g}" for value in scores)]
        for name, methods in PRINTED[settings["table"]].items()
        for method, scores in methods.items()
    ]
    parts = [
        f"# {_heading(settings, frame)}",
        grid(head, body),
        "Brackets hold 95 % bootstrap intervals over source people; with few people they are rough. SSIM is empty "
        "where no ground truth exists. FID falls with the number of pairs: compare rows of one benchmark only; KID "
        "has no such bias. Landmark error (pixels at 256) and pose error (degrees) compare the result with the "
        "reference. How each is measured: docs/metrics.md.",
        "*source unchanged* and *reference unchanged* give that picture as the result: floors that show what doing "
        "nothing scores. The first has CSIM 1 by construction, the second the right pose on the wrong person.",
        *(f"[{number}] {text[0].upper()}{text[1:]}." for text, number in notes.items()),
        "## Quoted: as printed in the paper",
        grid(["Benchmark", "Method", "SSIM ↑", "FID ↓", "CSIM ↑"], printed),
    ]
    return "\n\n".join(parts) + "\n"


def _latex(settings: dict[str, Any], frame: pd.DataFrame) -> str:
    table = pd.DataFrame(
        {
            "Benchmark": frame["benchmark"].map(BENCHMARK_TITLES),
            "Method": [f"{row.title} (quoted)" if row.source == "quoted" else row.title for row in frame.itertuples()],
        }
    )
    for name in METRICS:
        table[name.upper()] = ["" if pd.isna(value) else f"{value:.{DIGITS[name]}f}" for value in frame[name]]
    for name in METRICS:
        table[f"{name.upper()}, paper"] = ["" if pd.isna(value) else f"{value:g}" for value in frame[f"paper_{name}"]]
    said = "; ".join(_notes(frame))
    caption = _heading(settings, frame) + "." + (f" {said[0].upper()}{said[1:]}." if said else "")
    return latex_table(table, caption, f"tab:{settings['table']}")


def _interval(row: dict[str, Any], name: str) -> str:
    value, low, high = (row.get(name + end, float("nan")) for end in ("", "_low", "_high"))
    if pd.isna(value):
        return "–"
    digits = DIGITS[name]
    return f"{value:.{digits}f}" + ("" if pd.isna(low) else f" [{low:.{digits}f}, {high:.{digits}f}]")


def _paper(row: dict[str, Any]) -> str:
    values = [row[f"paper_{name}"] for name in METRICS]
    return "" if any(pd.isna(value) for value in values) else " / ".join(f"{value:g}" for value in values)
