"""The tables and the curves over yaw in the form that `dvc plots` draws."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dg.errors import DgError
from dg.files import read_json, write_csv
from dg.reports.summaries import METRICS, read_summaries

CURVES = ("csim", "pose_error", "landmark_error", "ssim")


def make_curves(paths: list[Path], titles: dict[str, str], out: Path) -> None:
    """Write `yaw_<benchmark>.csv` and `tables.csv` into the folder `out`.

    The former hold yaw (middle of a bin of the reference's absolute yaw, degrees), pairs and CURVES, of DG alone; the
    latter row (test and method) and METRICS.

    Args:
        paths: JSON files of the evaluate step.
        titles: method -> words.

    Raises:
        DgError: as read_summaries, or a summary without yaw bins.
    """
    table = read_summaries(paths, titles)
    rows = [f"{row.benchmark.replace('_', ' ')}: {titles[row.method]}" for row in table.itertuples()]
    write_csv(out / "tables.csv", pd.concat([pd.Series(rows, name="row"), table[list(METRICS)]], axis=1).round(6))
    for path in paths:
        summary = read_json(path)
        if summary["method"] != "dg":
            continue
        try:
            bins = [
                {"yaw": (part["from"] + part["to"]) / 2, "pairs": part["pairs"]}
                | {name: part[name]["value"] for name in CURVES}
                for part in summary["yaw_bins"]
            ]
        except KeyError as error:
            raise DgError(f"{path}: lacks {error}. Run the evaluate step again.") from error
        frame = pd.DataFrame(bins, columns=["yaw", "pairs", *CURVES])
        write_csv(out / f"yaw_{summary['benchmark']}.csv", frame.round(6))
