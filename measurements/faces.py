"""Does the main training improve on its start? Both judged on the same pairs by networks that no loss has seen.

    python -m measurements.faces            after make table4; MPIE, MPIE_LP and RaFD

Prints a row per test and stage: the bundled IDSG and RFG that the main training starts from, the trained IDSG with the
RFG still bundled, both trained; beside them doing nothing (source, reference unchanged) and doing it perfectly (the
ground truth).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from dg import params
from dg.files import read_json
from dg.metrics.evaluate import evaluate
from dg.metrics.metric import METRICS
from dg.protocols.generate import generate
from dg.steps.evaluate import evaluate_settings
from dg.study.data import dataset_of
from dg.weights import bundled

WORK = Path(".cache/faces")
FLOORS = ("source_unchanged", "reference_unchanged", "ground_truth")
SHOWN = ("ssim", "lpips", "fid", "csim", "rank1", "identity_kept")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tests", nargs="+", default=["MPIE", "MPIE_LP", "RaFD"])
    parser.add_argument("--start-idsg", type=Path, default=bundled("idsg-synthface"), help="checkpoint")
    parser.add_argument("--start-rfg", type=Path, default=bundled("rfg-synthface"), help="checkpoint")
    parser.add_argument("--model", default="joint", help="of the main training")
    arguments = parser.parse_args()
    chosen = params.load()
    rows = []
    for test in arguments.tests:
        data = dataset_of(chosen, test)
        folder, pairs = Path("data/sets") / data, Path("data/sets") / data / "pairs" / f"{test}.parquet"
        trained = Path(f"results/idsg_cross/dg/{arguments.model}.safetensors")
        summaries = {}
        for name, idsg in {"start": arguments.start_idsg, "IDSG trained": trained}.items():
            summaries[name] = WORK / f"{test}_{name.split()[0]}.json"
            made = summaries[name].with_suffix(".arrow")
            generate([folder], pairs, made, idsg, arguments.start_rfg)
            evaluate(evaluate_settings(chosen, test, "dg"), [folder], pairs, made, summaries[name])
        summaries["both trained"] = Path(f"results/evaluate/dg/{test}/dg.json")
        summaries |= {name: Path(f"results/evaluate/dg/{test}/{name}.json") for name in FLOORS}
        for name, path in summaries.items():
            found = read_json(path)
            rows.append({"test": test, "stage": name} | {key: _mean(found.get(key)) for key in SHOWN})
    names = {metric.key: metric.heading for metric in METRICS}
    print(pd.DataFrame(rows).rename(columns=names).to_string(index=False, float_format=lambda value: f"{value:.3f}"))


def _mean(found: dict[str, float] | None) -> float | None:
    return found["value"] if found else None


if __name__ == "__main__":
    main()
