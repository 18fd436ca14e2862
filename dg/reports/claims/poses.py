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

# By an independent network, which sees little beyond 60 degrees; by F_l, which L_lm has seen, as a detail.
_DECIDES = {"pose_error": True, "landmark_error": True, "pose_error_fl": False, "landmark_error_fl": False}


def with_large_poses(settings: ClaimsSettings, results: Path) -> Iterator[Finding]:
    """A finding per error; none where params.yaml's ablations.figure6 lacks one of the two models."""
    test = FIGURES["figure6"].test
    for what, method, with_them, without in settings.pose_variants:
        paths = [results / f"ablations/evaluate/{name}/{test}/{method}.json" for name in (with_them, without)]
        ours, theirs = read_runs(read_summaries(paths))
        for key, decides in _DECIDES.items():
            record = metric(key)
            differences = (ours.pairs[key] - theirs.pairs[key]).to_numpy(float)
            paired = Paired(ours.pairs["subject"].to_numpy(), ours.pairs["yaw"].to_numpy(float), differences[None])
            yield Finding(
                claim=5, what=what, test=test, measure=record.title_with_unit, metric=key,
                judge=judge_of(record, ours.summary["backends"]), wanted=record.sign,
                difference=paired.mean(settings.bootstrap, settings.seed), decides=decides,
            )  # fmt: skip
