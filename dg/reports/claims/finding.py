"""One measured difference that bears on a claim, and what it says by the rule of dg/study/claims.py."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dg.reports.differences import Difference

VERDICTS = ("confirmed", "refuted", "open")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One finding.

    Attributes:
        claim: number in CLAIMS.
        what: whose difference, such as "DG - FOM".
        test: key of TESTS.
        measure: in words with its unit, such as "CSIM" or "CSIM per 10 degrees of yaw".
        metric: key of the metric's record.
        judge: the network that measures it; "" for none.
        wanted: 1 where the paper says that the difference is above zero, -1 below.
        difference: what was measured.
        yaw: the bin of the reference's absolute yaw in degrees, such as "45 to 60"; "" for all.
        decides: False: a detail, which has no part in the claim's verdict.
    """

    claim: int
    what: str
    test: str
    measure: str
    metric: str
    judge: str
    wanted: int
    difference: Difference
    yaw: str = ""
    decides: bool = True

    @property
    def sign(self) -> str:
        """Of the value alone: "paper's", "opposite" or "" where there is none."""
        signed = self.difference.value * self.wanted
        return "paper's" if signed > 0 else "opposite" if signed < 0 else ""

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval does."""
        return self.difference.low * self.difference.high > 0

    @property
    def verdict(self) -> str:
        """One of VERDICTS."""
        if not self.excludes_zero or self.difference.seeds < 2:
            return "open"
        return "confirmed" if self.sign == "paper's" else "refuted"

    @property
    def won(self) -> float:
        """Share of pairs on the paper's side; NaN of what has no value per pair."""
        return self.difference.above if self.wanted > 0 else 1 - self.difference.above


def verdict_of(findings: Iterable[Finding]) -> str:
    """The claim's verdict by its findings that decide; "open" without any."""
    found = {finding.verdict for finding in findings if finding.decides}
    return "refuted" if "refuted" in found else "confirmed" if found == {"confirmed"} else "open"
