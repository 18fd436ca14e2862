"""Claim 5: what the large-pose set in training does in extreme poses (Figure 6)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dg.metrics.metric import metric
from dg.reports.claims.finding import Finding
from dg.reports.claims.judges import judge_of
from dg.reports.differences import Paired
from dg.reports.runs import read_runs, read_summaries
from dg.steps.claims import ClaimsSettings
from dg.study.figures import FIGURES

# By a network that no loss has seen and that reads every pose; by F_l, which L_lm has seen, as details. The face mesh
# reads none of these poses.
_DECIDES = {"landmark_error_yunet": True, "pose_error_fl": False, "landmark_error_fl": False}


def with_large_poses(settings: ClaimsSettings, results: Path) -> Iterator[Finding]:
    """A finding and two details per method; none where params.yaml's ablations.figure6 lacks one of the two models.

    Raises:
        DgError: as read_runs.
    """
    test = FIGURES["figure6"].test
    for what, method, ours, theirs in settings.pose_variants:
        paths = [results / f"ablations/evaluate/{name}/{test}/{method}.json" for name in (*ours, *theirs)]
        runs = read_runs(read_summaries(paths))
        frames = [run.pairs for run in runs]
        for key, decides in _DECIDES.items():
            record = metric(key)
            paired = Paired.of(frames[: len(ours)], frames[len(ours) :], key, key)
            yield Finding(
                claim=5, what=what, test=test, measure=record.title_with_unit, metric=key,
                judge=judge_of(record, runs[0].summary["backends"]), wanted=record.sign,
                difference=paired.mean(settings.bootstrap, settings.seed), decides=decides,
            )  # fmt: skip
