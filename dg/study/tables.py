"""The paper's tables: one record each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dg.tests import TESTS


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table; its metrics are those whose records name it, the paper's numbers stand in dg/reports/paper.py.

    Attributes:
        number: the paper's.
        kind: "ablation": a row per set of losses of one network, on one test; "comparison": a row per test and method.
        title: in words.
        about: its rows and columns, a sentence without full stop.
        tests: keys of TESTS, in the paper's order.
        step: the step that makes what it reads: "evaluate", or "ace" for landmarks alone.
        network: whose losses an ablation takes away, "idsg" or "rfg"; "" for a comparison.
    """

    number: int
    kind: Literal["ablation", "comparison"]
    title: str
    about: str
    tests: tuple[str, ...]
    step: Literal["evaluate", "ace"]
    network: Literal["idsg", "rfg", ""]

    @property
    def key(self) -> str:
        """Its name in params.yaml, of files and of rules: "table1"."""
        return f"table{self.number}"

    @property
    def heading(self) -> str:
        """Number and title, as in "Table 3, self-reenactment"."""
        return f"Table {self.number}, {self.title}"


def _tests_of(table: str) -> tuple[str, ...]:
    return tuple(test.key for test in TESTS.values() if test.table == table)


_BESIDE = "with the paper's numbers beside them"
_QUOTED = 'Rows with source "measured" are ours; those with "quoted" hold the paper\'s numbers in the columns paper_*'
_ALL = (
    Table(
        number=1, kind="ablation", title="losses of the IDSG", tests=("RaFD",), step="ace", network="idsg",
        about=f"the IDSG's landmarks as its losses are added, {_BESIDE}",
    ),
    Table(
        number=2, kind="ablation", title="losses of the RFG", tests=("RaFD",), step="evaluate", network="rfg",
        about=f"DG's faces as the RFG's losses are added, {_BESIDE}",
    ),
    Table(
        number=3, kind="comparison", title="self-reenactment", tests=_tests_of("table3"), step="evaluate", network="",
        about=f"self-reenactment on VoxCeleb1. {_QUOTED}",
    ),
    Table(
        number=4, kind="comparison", title="cross-reenactment", tests=_tests_of("table4"), step="evaluate", network="",
        about=f"cross-reenactment. {_QUOTED}",
    ),
)  # fmt: skip
TABLES = {table.key: table for table in _ALL}
ABLATIONS = [table.key for table in _ALL if table.kind == "ablation"]
COMPARISONS = [table.key for table in _ALL if table.kind == "comparison"]
