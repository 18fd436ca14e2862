"""Landmarks or paint: what keeps a result from being the source person?

    python -m measurements.way_to_truth [--rfg CHECKPOINT]      after make table4; MPIE and RaFD

The bundled RFG paints all pairs of a test from landmarks that go in a straight line from the reference's to the
truth's, both found by F_l. A row per test and share of the way: how far these landmarks are from the truth's, identity
kept and rank-1; at the end the true pictures. What is missing at the whole way is the RFG's, the rest the landmarks'.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from dg import params
from dg.files import read_parquet
from dg.metrics.evaluate import evaluate
from dg.metrics.metric import METRICS
from dg.protocols.generate import BATCH
from dg.protocols.results import Result, writing_results
from dg.provenance import png_bytes
from dg.reports.markdown import grid
from dg.reports.runs import read_runs, read_summaries
from dg.rfg import load_rfg
from dg.rfg.model import Rfg
from dg.shards import FaceSet
from dg.steps.evaluate import evaluate_settings
from dg.study.data import dataset_of
from dg.weights import bundled

WORK = Path(".cache/way_to_truth")
SHARES = (0, 0.5, 0.75, 1)
SHOWN = [one for one in METRICS if one.key in ("identity_kept", "rank1")]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tests", nargs="+", default=["MPIE", "RaFD"])
    parser.add_argument("--rfg", type=Path, default=bundled("rfg-synthface"), help="checkpoint")
    arguments = parser.parse_args()
    chosen, rows, rfg = params.load(), [], load_rfg(arguments.rfg)
    for test in arguments.tests:
        folder = Path("data/sets") / dataset_of(chosen, test)
        pairs, faces = folder / "pairs" / f"{test}.parquet", FaceSet([folder])
        settings, summaries, away = evaluate_settings(chosen, test, "dg"), [], []
        for share in SHARES:
            summaries.append(WORK / f"{test}_{share}.json")
            made = summaries[-1].with_suffix(".arrow")
            away.append(f"{paint(faces, pairs, made, rfg, share):.2f}")
            evaluate(settings, [folder], pairs, made, summaries[-1])
        truth = Path("results/evaluate/dg") / test / "ground_truth.json"
        names, away = [*map(str, SHARES), "the true pictures"], [*away, ""]
        for name, far, run in zip(names, away, read_runs(read_summaries([*summaries, truth])), strict=True):
            rows.append([test, name, far, *(one.text(run.summary[one.key]["value"]) for one in SHOWN)])
    print(grid(["test", "way to the truth", "distance, % of the picture", *(one.heading for one in SHOWN)], rows))


@torch.inference_mode()
def paint(faces: FaceSet, pairs: Path, out: Path, rfg: Rfg, share: float) -> float:
    """Write the results file `out`; returns the landmarks' mean distance in x and y to the truth's, in percent."""
    table, away = read_parquet(pairs), []
    with writing_results(out) as writer:
        for start in range(0, len(table), BATCH):
            some = table.iloc[start : start + BATCH]
            sources, references, targets = (
                [faces.row(key) for key in some[role]] for role in ("source", "reference", "target")
            )
            truth = torch.from_numpy(faces.points[targets])
            points = torch.lerp(torch.from_numpy(faces.points[references]), truth, share)
            away.append((points - truth)[..., :2].norm(dim=2).mean(1))
            images = torch.from_numpy(np.stack([faces.image(row) for row in sources])).permute(0, 3, 1, 2) / 255
            painted = rfg.paint(points, images, torch.from_numpy(faces.visible[references]))
            pixels = (painted.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
            writer.write(
                [
                    Result(pair.source, pair.reference, pair.target, png_bytes(image), marks)
                    for pair, image, marks in zip(some.itertuples(), pixels, points.numpy(), strict=True)
                ]
            )
    return 100 * float(torch.cat(away).mean())


if __name__ == "__main__":
    main()
