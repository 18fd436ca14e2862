"""Claim 1: the steps of Tables 1 and 2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from dg.errors import DgError
from dg.metrics.metric import printed_in
from dg.reports.claims.finding import Finding
from dg.reports.differences import Difference
from dg.reports.paper import ABLATIONS
from dg.study.tables import TABLES


def losses(results: Path) -> Iterator[Finding]:
    """A finding per step between rows of the paper's and metric that it prints.

    Raises:
        DgError: a table is missing.
    """
    for key, rows in ABLATIONS.items():
        path = results / f"{key}.csv"
        try:
            frame = pd.read_csv(path, keep_default_na=False, na_values=[""])
        except FileNotFoundError:
            raise DgError(f"{path}: not found. Run the step that makes it (snakemake -- {path}).") from None
        for row in frame[frame["row"].isin(list(rows)) & frame["compared_with"].notna()].to_dict("records"):
            for metric in printed_in(key):
                name = metric.key
                yield Finding(
                    claim=1,
                    what=f"Table {TABLES[key].number}, {row['losses']}",
                    test=TABLES[key].tests[0],
                    measure=metric.title_with_unit,
                    metric=name,
                    judge=row.get(f"{metric.role}_backend", ""),
                    wanted=metric.sign,
                    difference=Difference(
                        *(row[f"{name}_step{end}"] for end in ("", "_low", "_high")),
                        *(int(row[name]) for name in ("seeds", "pairs", "subjects")),
                    ),
                )
