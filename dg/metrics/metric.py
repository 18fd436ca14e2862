"""The metrics: one record each, from which tables, curves, the page and their tests take names, signs and digits.

How each is computed stands in dg/metrics/measures.py under the same keys. They are apart so that a new title makes
tables again and measures nothing again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

_ARROWS = {"higher": " ↑", "lower": " ↓", "none": ""}


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What is measured. No field has a default: a forgotten one stops the import instead of meaning something.

    Attributes:
        key: its column in scores of pairs and tables, its key in summaries.
        title: in tables and on the page, without unit and arrow.
        unit: in words; "" for a plain number.
        better: which values are; "none" if neither: it gets no arrow, no verdict against the paper, no order.
        digits: behind the point, as printed.
        least: the lowest possible value; intervals are cut there. -inf: the metric itself has no bound.
        compares: the result with the picture of the source, the truth, the reference, or all results with a "set".
        role: whose network measures it, as dg/backends.py calls it; "": no network, or always the same.
        interval: how its 95 % interval is made. "people": it has a value for each pair (PER_PAIR of measures.py), and
            people are drawn with their pairs; "shares": the same with two values for each pair, whose sums are divided
            (PER_SHARE); "draws": the summary holds draws of the whole set; "none": it has none.
        by_yaw: shown for each bin of the reference's yaw, which needs values for each pair.
        tables: those that show it ("table1" to "table4").
        printed: those in which the paper prints it; its numbers stand in dg/reports/paper.py.
        pictures_std: ± beside it is the standard deviation over pictures, as the paper prints it, not over seeds.
    """

    key: str
    title: str
    unit: str
    better: Literal["higher", "lower", "none"]
    digits: int
    least: float
    role: Literal["csim", "fid", "landmarks", ""]
    compares: Literal["source", "truth", "reference", "set"]
    interval: Literal["people", "shares", "draws", "none"]
    by_yaw: bool
    tables: tuple[str, ...]
    printed: tuple[str, ...]
    pictures_std: bool

    @property
    def heading(self) -> str:
        """Title and arrow, as in "FID ↓"."""
        return self.title + _ARROWS[self.better]

    @property
    def heading_with_unit(self) -> str:
        """Title, arrow and unit, as in "ACE ↓ (pixels at 256)"."""
        return self.heading + self._in_unit

    @property
    def title_with_unit(self) -> str:
        """As in "ACE (pixels at 256)": of differences, where an arrow would mislead."""
        return self.title + self._in_unit

    @property
    def _in_unit(self) -> str:
        return f" ({self.unit})" if self.unit else ""

    @property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is, 0 where neither."""
        return {"higher": 1, "lower": -1, "none": 0}[self.better]

    @property
    def columns(self) -> list[str]:
        """Its columns in Tables 3 and 4: value, bounds if it has any, standard deviation over training seeds."""
        ends = ("", "_seeds_std") if self.interval == "none" else ("", "_low", "_high", "_seeds_std")
        return [self.key + end for end in ends]

    def text(self, value: float, sign: str = "") -> str:
        """`value` as printed, without unit; with "+" for `sign` differences get theirs. "–" for NaN."""
        return "–" if math.isnan(value) else f"{value:{sign}.{self.digits}f}"


_PAPERS = ("table2", "table3", "table4")
_COMPARISONS = ("table3", "table4")

# In the order of columns.
METRICS = (
    Metric(
        key="ssim", title="SSIM", unit="", better="higher", digits=3, least=-1, role="", compares="truth",
        interval="people", by_yaw=True, tables=_PAPERS, printed=_PAPERS, pictures_std=False,
    ),
    Metric(
        key="fid", title="FID", unit="", better="lower", digits=1, least=0, role="fid", compares="set",
        interval="draws", by_yaw=False, tables=_PAPERS, printed=_PAPERS, pictures_std=False,
    ),
    Metric(
        key="kid", title="KID", unit="", better="lower", digits=3, least=-math.inf, role="fid", compares="set",
        interval="none", by_yaw=False, tables=_COMPARISONS, printed=(), pictures_std=False,
    ),
    Metric(
        key="csim", title="CSIM", unit="", better="higher", digits=3, least=-1, role="csim", compares="source",
        interval="people", by_yaw=True, tables=_PAPERS, printed=_PAPERS, pictures_std=False,
    ),
    Metric(
        key="rank1", title="rank-1", unit="", better="higher", digits=2, least=0, role="csim", compares="source",
        interval="people", by_yaw=True, tables=_COMPARISONS, printed=(), pictures_std=False,
    ),
    Metric(
        key="id_retrieval", title="ID retrieval", unit="", better="higher", digits=2, least=0, role="csim",
        compares="source", interval="people", by_yaw=True, tables=_COMPARISONS, printed=(), pictures_std=False,
    ),
    Metric(
        key="identity_kept", title="identity kept", unit="", better="higher", digits=2, least=-math.inf, role="csim",
        compares="source", interval="shares", by_yaw=True, tables=_COMPARISONS, printed=(), pictures_std=False,
    ),
    Metric(
        key="landmark_error", title="landmark error", unit="pixels at 256", better="lower", digits=2, least=0, role="",
        compares="reference", interval="people", by_yaw=True, tables=_COMPARISONS, printed=(), pictures_std=False,
    ),
    Metric(
        key="pose_error", title="pose error", unit="degrees", better="lower", digits=2, least=0, role="",
        compares="reference", interval="people", by_yaw=True, tables=_COMPARISONS, printed=(), pictures_std=False,
    ),
    Metric(
        key="yaw_error", title="yaw error", unit="degrees", better="lower", digits=2, least=0, role="",
        compares="reference", interval="people", by_yaw=False, tables=(), printed=(), pictures_std=False,
    ),
    Metric(
        key="landmark_error_yunet", title="landmark error (YuNet)", unit="pixels at 256", better="lower", digits=2,
        least=0, role="", compares="reference", interval="people", by_yaw=True, tables=_COMPARISONS, printed=(),
        pictures_std=False,
    ),
    Metric(
        key="landmark_error_fl", title="landmark error (F_l)", unit="pixels at 256", better="lower", digits=2, least=0,
        role="landmarks", compares="reference", interval="people", by_yaw=True, tables=_COMPARISONS, printed=(),
        pictures_std=False,
    ),
    Metric(
        key="pose_error_fl", title="pose error (F_l)", unit="degrees", better="lower", digits=2, least=0,
        role="landmarks", compares="reference", interval="people", by_yaw=True, tables=_COMPARISONS, printed=(),
        pictures_std=False,
    ),
    Metric(
        key="lpips", title="LPIPS", unit="", better="lower", digits=3, least=0, role="", compares="truth",
        interval="people", by_yaw=False, tables=_COMPARISONS, printed=(), pictures_std=False,
    ),
    Metric(
        key="ace", title="ACE", unit="pixels at 256", better="lower", digits=2, least=0, role="landmarks",
        compares="truth", interval="people", by_yaw=False, tables=("table1",), printed=("table1",), pictures_std=True,
    ),
)  # fmt: skip
_BY_KEY = {metric.key: metric for metric in METRICS}


def metric(key: str) -> Metric:
    """The record of the metric `key`."""
    return _BY_KEY[key]


def shown_in(table: str) -> list[Metric]:
    """The metrics of a table, "table1" to "table4"."""
    return [one for one in METRICS if table in one.tables]


def printed_in(table: str) -> list[Metric]:
    """Those of its metrics that the paper prints too."""
    return [one for one in METRICS if table in one.printed]


def shown_by_yaw() -> list[Metric]:
    """The metrics shown for each bin of the reference's yaw."""
    return [one for one in METRICS if one.by_yaw]
