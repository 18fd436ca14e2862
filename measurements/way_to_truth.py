"""Landmarks or paint: what keeps a result from being the source person, and from the truth?

    python -m measurements.way_to_truth [--rfg CHECKPOINT]      after make table4; MPIE and RaFD

The bundled RFG paints all pairs of a test from landmarks that go in a straight line from the reference's to the
truth's, both found by F_l, and from those of the bundled IDSG. Where in the picture the truth's face lies nobody can
know: people sit a little differently in each picture. So the last two change places: the IDSG's landmarks shifted to
the truth's middle, and the truth's to the IDSG's. A row each: how far the landmarks are from the truth's, and what
judges say that no loss has seen; at the end the true pictures. What is missing at the truth's landmarks is the RFG's.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from dg import params
from dg.metrics.evaluate import evaluate
from dg.metrics.metric import METRICS
from dg.protocols.generate import PairReenactor, write_results
from dg.reports.markdown import grid
from dg.reports.runs import read_runs, read_summaries
from dg.shards import FaceSet
from dg.steps.evaluate import evaluate_settings
from dg.study.data import dataset_of
from dg.weights import bundled

WORK = Path(".cache/way_to_truth")
SHOWN = [one for one in METRICS if one.key in ("identity_kept", "rank1", "id_retrieval", "ssim")]


def shifted(points: Tensor, onto: Tensor) -> Tensor:
    """Landmarks (n, 68, 3) moved so that their middles are those of `onto`."""
    return points + (onto - points).mean(1, keepdim=True)


# From the reference's, the truth's and the IDSG's landmarks, (n, 68, 3) each.
WAYS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "the reference's": lambda l_r, l_t, made: l_r,
    "half way to the truth's": lambda l_r, l_t, made: torch.lerp(l_r, l_t, 0.5),
    "three quarters": lambda l_r, l_t, made: torch.lerp(l_r, l_t, 0.75),
    "the truth's": lambda l_r, l_t, made: l_t,
    "the IDSG's": lambda l_r, l_t, made: made,
    "the IDSG's, shifted to the truth's middle": lambda l_r, l_t, made: shifted(made, l_t),
    "the truth's, shifted to the IDSG's middle": lambda l_r, l_t, made: shifted(l_t, made),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tests", nargs="+", default=["MPIE", "RaFD"])
    parser.add_argument("--rfg", type=Path, default=bundled("rfg-synthface"), help="checkpoint")
    arguments = parser.parse_args()
    chosen, rows = params.load(), []
    for test in arguments.tests:
        folder = Path("data/sets") / dataset_of(chosen, test)
        pairs = folder / "pairs" / f"{test}.parquet"
        make = OnTheWay(FaceSet([folder]), bundled("idsg-synthface"), arguments.rfg)
        settings, summaries, away = evaluate_settings(chosen, test, "dg"), [], []
        for number, way in enumerate(WAYS.values()):
            summaries.append(WORK / f"{test}_{number}.json")
            made = summaries[-1].with_suffix(".arrow")
            make.start(way)
            write_results(make, pairs, made)
            away.append(f"{100 * np.mean(make.away):.2f}")
            evaluate(settings, [folder], pairs, made, summaries[-1])
        truth = Path("results/evaluate/dg") / test / "ground_truth.json"
        names, away = [*WAYS, "the true pictures"], [*away, ""]
        for name, far, run in zip(names, away, read_runs(read_summaries([*summaries, truth])), strict=True):
            rows.append([test, name, far, *(one.text(run.summary[one.key]["value"]) for one in SHOWN)])
    print(grid(["test", "landmarks", "distance, % of the picture", *(one.heading for one in SHOWN)], rows))


class OnTheWay(PairReenactor):
    """Paints other landmarks in place of the IDSG's.

    Attributes:
        away: per pair the landmarks' mean distance in x and y to the truth's.
    """

    def start(self, way: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        """Take these from now on, one of `WAYS`."""
        self._way, self.away = way, []

    def landmarks(self, pairs: pd.DataFrame) -> Tensor:
        """(n, 68, 3)."""
        l_r, l_t = (self._put(self.faces.points[self.rows(pairs, role)]) for role in ("reference", "target"))
        points = self._way(l_r, l_t, super().landmarks(pairs))
        self.away += (points - l_t)[..., :2].norm(dim=2).mean(1).tolist()
        return points


if __name__ == "__main__":
    main()
