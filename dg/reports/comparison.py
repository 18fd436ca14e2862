"""Tables 3 and 4: measured rows with the paper's numbers beside them, other methods as the paper quotes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from dg.errors import DgError
from dg.files import write_csv, write_text
from dg.metrics.backends import stand_ins
from dg.reports.comparison_text import PRINTED, TITLES, as_latex, as_markdown
from dg.reports.summaries import EXTRA, METRICS, read_summaries

_SCORES = tuple(f"{name}{end}" for name in (*METRICS, *EXTRA) for end in ("", "_low", "_high", "_seeds_std"))
COLUMNS = (
    "benchmark", "data_set", "method", "title", "source",
    *(name for name in _SCORES if name not in ("kid_low", "kid_high")),
    "pairs", "subjects", "seeds", "ssim_against",
    "landmarks_backend", "identity_backend", "csim_backend", "fid_backend", "init", "scale", "stand_in",
    "paper_ssim", "paper_fid", "paper_csim",
)  # fmt: skip


def make_comparison(settings: dict[str, Any], summaries: list[Path], out: Path) -> dict[str, str]:
    """Write the table `out` (CSV, COLUMNS) and the same for reading (.md) and for papers (.tex) beside it.

    A row per test and method. `source` is "measured", or "quoted" for methods whose numbers are the paper's; those
    stand in the paper_ columns, never in the measured ones. The paper's numbers of DG stand in the measured rows of
    "dg". Bounds _low and _high are 95 % bootstrap intervals over source subjects and, where `seeds` says that there are
    several, training seeds; _seeds_std is the standard deviation over these. `ssim_against` says what SSIM compares
    with: "ground truth", "reference", "ground truth or reference", or "none". `stand_in` says in words what isn't the
    paper's. `identity_backend` and `init` tell of the trained networks that a method uses; empty if it uses none.

    Args:
        settings: table ("table3" or "table4"), benchmarks (benchmark -> data set), kinds (benchmark -> kind of data
            set), titles ([method, words], in the rows' order), networks (method -> which of DG's trained networks it
            uses: "idsg", "rfg"), scale, landmarks, identity (back ends), init ("bundled" or "scratch").
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
    write_text(Path(out).with_suffix(".md"), as_markdown(settings, frame))
    write_text(Path(out).with_suffix(".tex"), as_latex(settings, frame))
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
    networks = settings["networks"][method]
    backends = {"landmarks": settings["landmarks"], "identity": settings["identity"] if networks else ""}
    backends |= {role: row[f"{role}_backend"] for role in ("csim", "fid")}
    init = settings["init"] if "rfg" in networks else ""
    phrases = [f"data: SynthFace ({expected}) instead of {base}"] if settings["kinds"][base] == "synthface" else []
    phrases += stand_ins(backends)
    if settings["scale"] != "paper":
        sizes = "sizes and iterations" if networks else "sizes of data and pair lists"
        phrases.append(f"{sizes} of scale '{settings['scale']}'")
    if init == "bundled":
        phrases.append("RFG started from bundled weights")
    paper = PRINTED[settings["table"]][benchmark]["DG"] if method == "dg" else None
    return {
        **row,
        "title": dict(settings["titles"])[method],
        "source": "measured",
        **{f"{role}_backend": name for role, name in backends.items()},
        "init": init,
        "scale": settings["scale"],
        "stand_in": "; ".join(phrases),
        **{f"paper_{name}": getattr(paper, name) if paper else None for name in METRICS},
    }
