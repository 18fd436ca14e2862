"""Does the main training improve on its start? Both judged on the same pairs by networks that no loss has seen.

    python -m measurements.faces            after make table4; MPIE, MPIE_LP and RaFD

Prints a row per test and stage: the bundled IDSG and RFG that the main training starts from, the trained IDSG with the
RFG still bundled, both trained; beside them doing nothing (source, reference unchanged) and doing it perfectly (the
ground truth). Then the whole training's difference, both trained less the start, with its 95 % interval over people.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from dg import params
from dg.metrics.evaluate import evaluate
from dg.metrics.metric import METRICS, Metric
from dg.protocols.generate import generate
from dg.reports.differences import of_runs
from dg.reports.markdown import grid
from dg.reports.runs import Run, read_runs, read_summaries
from dg.steps.evaluate import evaluate_settings
from dg.study.data import dataset_of
from dg.weights import bundled

WORK = Path(".cache/faces")
FLOORS = ("source_unchanged", "reference_unchanged", "ground_truth")
KEYS = ("ssim", "lpips", "fid", "csim", "rank1", "id_retrieval", "identity_kept")
SHOWN = [one for one in METRICS if one.key in KEYS]
START, END = "start", "both trained"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tests", nargs="+", default=["MPIE", "MPIE_LP", "RaFD"])
    parser.add_argument("--start-idsg", type=Path, default=bundled("idsg-synthface"), help="checkpoint")
    parser.add_argument("--start-rfg", type=Path, default=bundled("rfg-synthface"), help="checkpoint")
    parser.add_argument("--model", default="joint", help="of the main training")
    arguments = parser.parse_args()
    chosen = params.load()
    stages, differences = [], []
    for test in arguments.tests:
        runs = _runs(test, chosen, arguments)
        stages += [[test, stage, *(one.text(_value(run, one.key)) for one in SHOWN)] for stage, run in runs.items()]
        differences.append([test, *(_difference(one, runs, chosen) for one in SHOWN)])
    headings = [one.heading for one in SHOWN]
    print(
        grid(["test", "stage", *headings], stages), grid([f"test: {END} - {START}", *headings], differences), sep="\n\n"
    )


def _runs(test: str, chosen: params.Params, arguments: argparse.Namespace) -> dict[str, Run]:
    """Of each stage, floor and ceiling; the first two are made and scored now."""
    data = dataset_of(chosen, test)
    folder, pairs = Path("data/sets") / data, Path("data/sets") / data / "pairs" / f"{test}.parquet"
    trained = Path(f"results/idsg_cross/dg/{arguments.model}.safetensors")
    summaries = {}
    for stage, idsg in {START: arguments.start_idsg, "IDSG trained": trained}.items():
        summaries[stage] = WORK / f"{test}_{stage.split()[0]}.json"
        made = summaries[stage].with_suffix(".arrow")
        generate([folder], pairs, made, idsg, arguments.start_rfg)
        evaluate(evaluate_settings(chosen, test, "dg"), [folder], pairs, made, summaries[stage])
    here = Path("results/evaluate/dg") / test
    summaries |= {END: here / "dg.json"} | {name: here / f"{name}.json" for name in FLOORS}
    return dict(zip(summaries, read_runs(read_summaries(list(summaries.values()))), strict=True))


def _value(run: Run, key: str) -> float:
    value = run.summary[key]["value"]
    return float("nan") if value is None else value


def _difference(metric: Metric, runs: dict[str, Run], chosen: params.Params) -> str:
    found = of_runs(metric, [runs[END]], [runs[START]], chosen.metrics.bootstrap, chosen.seed)
    value, low, high = (metric.text(end, "+") for end in (found.value, found.low, found.high))
    return f"{value} [{low}, {high}]"


if __name__ == "__main__":
    main()
