"""Claims 2 and 3: landmarks that the IDSG makes, without any picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from dg.metrics.metric import metric
from dg.metrics.yaw import EDGES
from dg.reports.claims.finding import Finding
from dg.reports.claims.yaw import by_yaw
from dg.reports.differences import Paired
from dg.reports.runs import read_runs, read_summaries
from dg.steps.claims import ClaimsSettings
from dg.study.tables import TABLES

_ACE = metric("ace")
LARGE = 45  # degrees of yaw: the test's cameras from there on hide half of the face


def nearer_than_the_references(settings: ClaimsSettings, results: Path) -> Iterator[Finding]:
    """Claim 2: ACE of the IDSG's landmarks less that of the reference's, a finding per test."""
    for test in settings.landmark_tests:
        frames = _scores([results / f"ace/{variant}/{test}.json" for variant in settings.variants])
        paired = Paired.of(frames, frames, "ace", "ace_unchanged")
        yield Finding(
            claim=2, what="the IDSG's landmarks - the reference's", test=test, measure=_ACE.title_with_unit,
            metric="ace", judge=settings.networks["landmarks"], wanted=-1,
            difference=paired.mean(settings.bootstrap, settings.seed),
        )  # fmt: skip


def held_in_large_pose(settings: ClaimsSettings, results: Path) -> Iterator[Finding]:
    """Claim 3: error in x, y of Table 1's DG less that of its variants, from LARGE on; as details each bin of yaw.

    Raises:
        DgError: as read_runs.
    """
    (test,) = TABLES["table1"].tests
    measure = f"ACE in x, y ({_ACE.unit})"
    for what, ours, theirs, decides in settings.landmark_variants:
        # Read together, so that both are of the same pairs.
        frames = _scores([results / f"ablations/ace/{variant}/{test}.json" for variant in (*ours, *theirs)])
        paired = Paired.of(frames[: len(ours)], frames[len(ours) :], "ace_xy", "ace_xy")
        shared = {"claim": 3, "what": what, "test": test, "measure": measure, "metric": "ace", "wanted": -1}
        shared |= {"judge": settings.networks["landmarks"]}
        large = paired.between(LARGE, np.inf).mean(settings.bootstrap, settings.seed)
        yield Finding(**shared, yaw=f"{LARGE} to {EDGES[-1]}", difference=large, decides=decides)
        yield from by_yaw(paired, shared, settings.bootstrap, settings.seed)


def _scores(summaries: list[Path]) -> list[pd.DataFrame]:
    return [run.pairs for run in read_runs(read_summaries(summaries))]
