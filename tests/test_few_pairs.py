"""The smallest tests and the dullest methods: their scores are numbers or nothing, in every file."""

from __future__ import annotations

import json
import math
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from dg.metrics.evaluate import evaluate
from dg.metrics.measures import PER_PAIR, PER_SET, PER_SHARE
from dg.pictures import encode
from dg.protocols.pairs import make_pairs
from dg.protocols.results import Result, writing_results
from dg.reports.comparison import make_comparison
from dg.reports.curves import make_curves
from dg.shards import FaceSet
from dg.steps.registry import step_settings
from tests.prepared import face_table, prepare
from tests.scales import params_at
from tests.told import evaluate_settings, pairs_settings

NOISE = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 3), np.uint8)
BLACK = np.zeros_like(NOISE[0])


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A prepared set of three people with six pairs, and the list of the pairs."""
    folder = prepare(tmp_path_factory.mktemp("toy") / "synth_rafd", face_table(3, yaws=(0.0, 90.0)))
    make_pairs(pairs_settings(references=2), [folder], folder / "pairs/RaFD.parquet")
    return folder, pd.read_parquet(folder / "pairs/RaFD.parquet")


def strict(path):
    """A JSON file, which has neither NaN nor infinity."""
    return json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("pairs", "pictures"),
    [([0, 1], NOISE), ([0, 5], NOISE), ([0, 5], [BLACK]), (range(6), [NOISE[0]]), (range(6), [BLACK])],
    ids=["two pairs of one person", "two pairs", "two pairs, all black", "one picture for all", "all black"],
)
def test_scores_are_numbers_or_nothing(toy, tmp_path, pairs, pictures):
    folder, table = toy
    table = table.iloc[list(pairs)].reset_index(drop=True)
    table.to_parquet(tmp_path / "pairs.parquet")
    faces = FaceSet([folder])
    with writing_results(tmp_path / "made.arrow") as writer:
        for number, pair in enumerate(table.itertuples()):
            picture = encode(pictures[number % len(pictures)], "png")
            points = faces.points[faces.row(pair.reference)]
            writer.write([Result(pair.source, pair.reference, pair.target, picture, points)])
    chosen = evaluate_settings(method="dg", csim="sface", training_seed=0)
    evaluate(chosen, [folder], tmp_path / "pairs.parquet", tmp_path / "made.arrow", tmp_path / "dg.json")
    summary = strict(tmp_path / "dg.json")
    for name in (*PER_PAIR, *PER_SHARE, *PER_SET):
        found = [summary[name][part] for part in ("value", "low", "high")]
        assert all(number is None or math.isfinite(number) for number in found), name
    for name in ("ssim", "fid", "csim", "landmark_error_fl", "pose_error_fl"):
        assert summary[name]["value"] is not None, name
    # Alone, and beside a second training that made the same.
    shutil.copy(tmp_path / "dg.parquet", tmp_path / "again.parquet")
    (tmp_path / "again.json").write_text(json.dumps(summary | {"settings": summary["settings"] | {"training_seed": 1}}))
    for names in (["dg"], ["dg", "again"]):
        runs, out = [tmp_path / f"{name}.json" for name in names], tmp_path / "_".join(names)
        make_comparison(step_settings(params_at(), "comparison", table="table4"), runs, out / "table4.csv")
        assert strict(out / "table4.json")["RaFD"]["dg"]["fid"] == pytest.approx(summary["fid"]["value"])
        make_curves(runs, {"dg": "DG"}, out / "plots")
        for path in out.rglob("*.csv"):
            words = re.split("[,\n]", path.read_text(encoding="utf-8").lower())
            assert not {"nan", "inf", "-inf"} & set(words), path
