"""Claim 4: DG less each method that was trained beside it, on the same pairs, and whether its lead grows with yaw."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dg.metrics.metric import METRICS, Metric, printed_in
from dg.reports.claims.finding import Finding
from dg.reports.claims.judges import judge_of
from dg.reports.claims.yaw import by_yaw
from dg.reports.differences import Difference, Paired, of_runs
from dg.reports.runs import Run, read_runs, read_summaries
from dg.steps.claims import ClaimsSettings
from dg.tests import TESTS

_STEP = 10  # degrees of yaw that a slope is given for


def against_rivals(settings: ClaimsSettings, results: Path) -> Iterator[Finding]:
    """Per rival and test a finding for each metric that the paper prints, and for its trend over yaw; as details the
    other judges and each bin of yaw. What has no value (SSIM without a truth) is left out.

    Raises:
        DgError: as read_runs.
    """
    for test, rivals in settings.rivals:
        ours, *others = _runs(results, test, ("dg", *rivals), settings.variants)
        for method, theirs in zip(rivals, others):
            yield from _against(settings, test, dict(settings.titles)[method], ours, theirs)


def _runs(results: Path, test: str, methods: tuple[str, ...], variants: tuple[str, ...]) -> list[list[Run]]:
    """The runs of each method, all on the same pairs."""
    paths = [results / f"evaluate/{variant}/{test}/{method}.json" for method in methods for variant in variants]
    runs, count = read_runs(read_summaries(paths)), len(variants)
    return [runs[k * count : (k + 1) * count] for k in range(len(methods))]


def _against(settings: ClaimsSettings, test: str, rival: str, ours: list[Run], theirs: list[Run]) -> Iterator[Finding]:
    printed = printed_in(TESTS[test].table)
    for metric in METRICS:
        if not metric.sign or TESTS[test].table not in metric.tables or not _known(metric, ours + theirs):
            continue
        shared = {
            "claim": 4, "what": f"DG - {rival}", "test": test, "metric": metric.key, "wanted": metric.sign,
            "judge": judge_of(metric, ours[0].summary["backends"]),
        }  # fmt: skip
        decides, words = metric in printed, {"measure": metric.title_with_unit}
        if metric.interval != "people":
            if decides:
                between = of_runs(metric, ours, theirs, settings.bootstrap, settings.seed)
                yield Finding(**shared, **words, difference=between)
            continue
        paired = Paired.of([run.pairs for run in ours], [run.pairs for run in theirs], metric.key, metric.key)
        yield Finding(
            **shared, **words, difference=paired.mean(settings.bootstrap, settings.seed), decides=decides
        )  # fmt: skip
        if metric.by_yaw and decides:
            measure = f"{metric.title} per {_STEP} degrees of yaw"
            slope = _scaled(paired.slope(settings.bootstrap, settings.seed), _STEP)
            if not np.isnan(slope.value):
                yield Finding(**shared, measure=measure, difference=slope)
            yield from by_yaw(paired, shared | words, settings.bootstrap, settings.seed)


def _known(metric: Metric, runs: list[Run]) -> bool:
    return all(run.summary[metric.key]["value"] is not None for run in runs)


def _scaled(found: Difference, by: float) -> Difference:
    return Difference(
        found.value * by, found.low * by, found.high * by, found.seeds, found.pairs, found.people, float("nan")
    )
