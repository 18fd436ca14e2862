"""Landmarks or paint: what keeps a result from being the source person?

    python -m measurements.way_to_truth [--rfg CHECKPOINT]      after make table4; MPIE and RaFD

The bundled RFG paints all pairs of a test from landmarks that go in a straight line from the reference's to the
truth's, both found by F_l. A row per test and share of the way: how far these landmarks are from the truth's, identity
kept, rank-1, ID retrieval; at the end the true pictures. What is missing at the whole way is the RFG's, the rest the
landmarks'.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch

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
SHARES = (0, 0.5, 0.75, 1)
SHOWN = [one for one in METRICS if one.key in ("identity_kept", "rank1", "id_retrieval")]


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
        for share in SHARES:
            summaries.append(WORK / f"{test}_{share}.json")
            made = summaries[-1].with_suffix(".arrow")
            make.start(share)
            write_results(make, pairs, made)
            away.append(f"{100 * np.mean(make.away):.2f}")
            evaluate(settings, [folder], pairs, made, summaries[-1])
        truth = Path("results/evaluate/dg") / test / "ground_truth.json"
        names, away = [*map(str, SHARES), "the true pictures"], [*away, ""]
        for name, far, run in zip(names, away, read_runs(read_summaries([*summaries, truth])), strict=True):
            rows.append([test, name, far, *(one.text(run.summary[one.key]["value"]) for one in SHOWN)])
    print(grid(["test", "way to the truth", "distance, % of the picture", *(one.heading for one in SHOWN)], rows))


class OnTheWay(PairReenactor):
    """Paints landmarks between the reference's and the truth's in place of the IDSG's.

    Attributes:
        share: of the way to the truth.
        away: per pair the landmarks' mean distance in x and y to the truth's.
    """

    share = 0.0

    def start(self, share: float) -> None:
        """Go this far from now on."""
        self.share, self.away = share, []

    def landmarks(self, pairs: pd.DataFrame) -> torch.Tensor:
        """(n, 68, 3)."""
        l_r, l_t = (self._put(self.faces.points[self.rows(pairs, role)]) for role in ("reference", "target"))
        points = torch.lerp(l_r, l_t, self.share)
        self.away += (points - l_t)[..., :2].norm(dim=2).mean(1).tolist()
        return points


if __name__ == "__main__":
    main()
