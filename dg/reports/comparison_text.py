"""Tables 3 and 4 in words: Markdown, LaTeX and the sentences below them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dg.metrics.metric import Metric, printed_in, shown_in
from dg.reports.latex import latex_table
from dg.reports.markdown import grid
from dg.reports.paper import COMPARISONS
from dg.steps.tables import ComparisonSettings
from dg.study.tables import TABLES
from dg.tests import TESTS

REFERENCE_MARK = "(r)"
REFERENCE_NOTE = (
    f"{REFERENCE_MARK}: SSIM, and LPIPS with it, compare with the reference's picture wherever a pair has no ground "
    "truth (metrics.ssim_reference), so they can't be compared with those against a ground truth"
)


def _shown(settings: ComparisonSettings, frame: pd.DataFrame) -> list[Metric]:
    """The metrics to print: what no row holds (LPIPS without its weights) is left out."""
    return [metric for metric in shown_in(settings.table) if frame[metric.key].notna().any()]


def _heading(settings: ComparisonSettings, frame: pd.DataFrame) -> str:
    title = TABLES[settings.table].heading
    if frame["stand_in"].str.contains("SynthFace \\(").any():
        return f"{title}, on SynthFace and offline networks: not comparable with the paper's absolute numbers"
    if frame["stand_in"].ne("").any():
        return f"{title}, with stand-ins (footnotes): not comparable with the paper's absolute numbers"
    return title


def _notes(frame: pd.DataFrame) -> dict[str, int]:
    texts = dict.fromkeys(text for text in frame["stand_in"] if text)
    return {text: number for number, text in enumerate(texts, 1)}


def remarks(measured: pd.DataFrame) -> list[str]:
    """Sentences, without their full stops, that some of the `measured` rows need to be read rightly."""
    found = []
    if measured["seeds"].max() > 1:
        found.append(
            f"Methods that use trained networks are means over {measured['seeds'].max():.0f} training seeds: ± is the "
            "standard deviation over seeds, and the intervals draw seeds too"
        )
    if measured["ssim_against"].str.contains("reference").any():
        found.append(REFERENCE_NOTE)
    floor = measured.loc[measured["method"] == "source_unchanged", "test"]
    return found + [
        f"{TESTS[test].title} has no ground truth, so FID and KID compare with its sources: 'source unchanged' has FID "
        "0 there by construction"
        for test in floor
        if not TESTS[test].truth
    ]


def stand_in_sentence(frame: pd.DataFrame) -> list[str]:
    """One sentence, without its full stop, on the stand-ins of all rows; none, none."""
    phrases = dict.fromkeys(phrase for text in frame["stand_in"].dropna() for phrase in text.split("; ") if phrase)
    return [f"Stand-ins, of the rows that use what they name: {'; '.join(phrases)}"] if phrases else []


def as_markdown(settings: ComparisonSettings, frame: pd.DataFrame) -> str:
    """The table for reading; arguments as as_latex."""
    notes, metrics = _notes(frame), _shown(settings, frame)
    in_paper = printed_in(settings.table)
    measured = frame[frame["source"] == "measured"]
    body = [
        [
            TESTS[row["test"]].title,
            row["title"] + (f" [{notes[row['stand_in']]}]" if row["stand_in"] in notes else ""),
            *(_interval(row, metric) for metric in metrics),
            str(row["pairs"]),
            str(row["subjects"]),
            str(row["seeds"]),
            _paper(row, in_paper),
        ]
        for row in measured.to_dict("records")
    ]
    head = ["Test", "Method", *(metric.heading for metric in metrics), "pairs", "people", "seeds", "paper's DG"]
    printed = [
        [TESTS[name].title, method, *(_quoted(getattr(scores, metric.key)) for metric in in_paper)]
        for name, methods in COMPARISONS[settings.table].items()
        for method, scores in methods.items()
    ]
    parts = [
        f"# {_heading(settings, frame)}",
        grid(head, body),
        "Brackets hold 95 % bootstrap intervals over source people; with few people they are rough. SSIM is empty "
        "where there is nothing to compare with. FID falls with the number of pairs: compare rows of one test "
        "only; KID has no such bias. Landmark error (pixels at 256) and pose error (degrees) compare the result with "
        "the reference. How each is measured: docs/metrics.md.",
        "*source unchanged* and *reference unchanged* give that picture as the result: floors that show what doing "
        "nothing scores. The first has CSIM 1 by construction, the second the right pose on the wrong person. *ground "
        "truth* gives the true picture: the ceiling. Identity kept is (CSIM - stranger) / (truth - stranger), those of "
        "the last two on the same pairs; rank-1 is the share of results nearer to their source than to anybody else's, "
        "ID retrieval of those whose nearest source picture, of all that the test has, is of their source person.",
        *(f"{sentence}." for sentence in remarks(measured)),
        *(f"[{number}] {text[0].upper()}{text[1:]}." for text, number in notes.items()),
        "## Quoted: as printed in the paper",
        grid(["Test", "Method", *(metric.heading for metric in in_paper)], printed),
    ]
    return "\n\n".join(parts) + "\n"


def as_latex(settings: ComparisonSettings, frame: pd.DataFrame) -> str:
    """The table for papers.

    Args:
        settings: of make_comparison.
        frame: the table, with its columns.
    """
    table = pd.DataFrame(
        {
            "Test": [TESTS[test].title for test in frame["test"]],
            "Method": [f"{row.title} (quoted)" if row.source == "quoted" else row.title for row in frame.itertuples()],
        }
    )
    metrics = printed_in(settings.table)
    for metric in metrics:
        table[metric.title] = [
            "" if pd.isna(row[metric.key]) else _value(row, metric) for row in frame.to_dict("records")
        ]
    for metric in metrics:
        printed = frame[f"paper_{metric.key}"]
        table[f"{metric.title}, paper"] = ["" if pd.isna(value) else f"{value:g}" for value in printed]
    sentences = [*remarks(frame[frame["source"] == "measured"]), *stand_in_sentence(frame)]
    said = "".join(f" {sentence[0].upper()}{sentence[1:]}." for sentence in sentences)
    caption = f"{_heading(settings, frame)}.{said}"
    return latex_table(table, caption, f"tab:{settings.table}")


def _interval(row: dict[str, Any], metric: Metric) -> str:
    if pd.isna(row[metric.key]):
        return "–"
    low, high = (row.get(metric.key + end, float("nan")) for end in ("_low", "_high"))
    return _value(row, metric) + ("" if pd.isna(low) else f" [{metric.text(low)}, {metric.text(high)}]")


def _value(row: dict[str, Any], metric: Metric) -> str:
    spread = row[f"{metric.key}_seeds_std"]
    text = metric.text(row[metric.key]) + ("" if pd.isna(spread) else f" ± {metric.text(spread)}")
    return f"{text} {REFERENCE_MARK}" if metric.key == "ssim" and "reference" in row["ssim_against"] else text


def _quoted(value: float | None) -> str:
    return "n.a." if value is None else f"{value:g}"


def _paper(row: dict[str, Any], metrics: list[Metric]) -> str:
    values = [row[f"paper_{metric.key}"] for metric in metrics]
    return "" if any(pd.isna(value) for value in values) else " / ".join(f"{value:g}" for value in values)
