"""The tables and the curves over yaw in the form that `dvc plots` draws."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dg.errors import DgError
from dg.files import write_csv
from dg.metrics.metric import shown_by_yaw
from dg.reports.runs import Summary, read_summaries
from dg.reports.summaries import COMPARED, join_seeds


def make_curves(paths: list[Path], titles: dict[str, str], out: Path) -> None:
    """Write `yaw_<test>.csv` and `tables.csv` into the folder `out`.

    The former hold yaw (middle of a bin of the reference's absolute yaw, degrees), pairs and the metrics shown by yaw,
    of DG alone, means over training seeds; the latter row (test and method) and the metrics of Tables 3 and 4.

    Args:
        paths: JSON files of the evaluate step.
        titles: method -> words.

    Raises:
        DgError: as join_seeds, or a summary without yaw bins.
    """
    summaries = read_summaries(paths)
    table = join_seeds(summaries, titles)
    rows = [f"{row.test.replace('_', ' ')}: {titles[row.method]}" for row in table.itertuples()]
    scores = table[[metric.key for metric in COMPARED]]
    write_csv(out / "tables.csv", pd.concat([pd.Series(rows, name="row"), scores], axis=1).round(6))
    names = [metric.key for metric in shown_by_yaw()]
    bins: dict[str, list[dict[str, float | None]]] = {}
    for summary in summaries:
        if summary.values["method"] == "dg":
            bins.setdefault(summary.values["test"], []).extend(_bins(summary))
    for test, found in bins.items():
        frame = pd.DataFrame(found, columns=["yaw", "pairs", *names]).astype(dict.fromkeys(names, float))
        write_csv(out / f"yaw_{test}.csv", frame.groupby(["yaw", "pairs"], as_index=False).mean().round(6))


def _bins(summary: Summary) -> list[dict[str, float | None]]:
    try:
        return [
            {"yaw": (part["from"] + part["to"]) / 2, "pairs": part["pairs"]}
            | {metric.key: part[metric.key]["value"] for metric in shown_by_yaw()}
            for part in summary.values["yaw_bins"]
        ]
    except KeyError as error:
        raise DgError(f"{summary.path}: lacks {error}. Run the evaluate step again.") from error
