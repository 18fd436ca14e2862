import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dg import params
from dg.errors import DgError
from dg.protocols.pairs import make_pairs
from dg.protocols.reenact import reenact
from dg.reports import figures
from dg.reports.figures import make_grid
from dg.reports.paper import TABLE1, TABLE2, TABLE3, TABLE4
from dg.reports.summaries import make_metrics
from dg.reports.table4 import COLUMNS, make_table4
from dg.settings import step_settings
from tests.prepared import disk_is_full, face_table, left_in, prepare

STAND_IN = {"csim": "dlib", "fid": "efficientnet-lite0"}
PAPER = {"csim": "arcface", "fid": "inception"}


def settings(**changes):
    base = {
        "benchmarks": {"VoxCeleb2": "synth_vox", "RaFD": "synth_rafd", "MPIE": "synth_mpie"},
        "kinds": {"VoxCeleb2": "synthface", "RaFD": "synthface", "MPIE": "synthface"},
        "scale": "sample",
        "landmarks": "fan-synthface",
        "identity": "synthface-id",
        "init": "bundled",
    }
    return base | changes


def summary(tmp_path, benchmark="RaFD", method="dg", data_set="synth_rafd", seed=0, ssim=0.75, backends=STAND_IN):
    path = tmp_path / f"{benchmark}_{method}_{seed}.json"
    low, high = (None, None) if ssim is None else (ssim - 0.1, ssim + 0.1)
    report = {
        "benchmark": benchmark,
        "data_set": data_set,
        "method": method,
        "seed": seed,
        "pairs": 160,
        "subjects": 8,
        "ssim": {"value": ssim, "low": low, "high": high},
        "fid": {"value": 12.5, "low": 10.0, "high": 15.0},
        "csim": {"value": 0.9, "low": None, "high": None},
        "backends": backends,
    }
    path.write_text(json.dumps(report))
    return path


def test_the_papers_numbers_are_as_printed():
    assert TABLE1["DG (+ L_vls)"] == (4.13, 1.12)
    assert TABLE2["DG (+ L_adv(D_s))"].fid == 3.99
    assert TABLE3["MGOS"].fid is None
    assert tuple(TABLE4["MPIE_LP"]["DG"]) == (0.61, 25.66, 0.711)
    assert [len(rows) for rows in TABLE4.values()] == [2, 3, 2, 2]


def test_table4_puts_the_papers_numbers_beside_the_measured(tmp_path):
    paths = [
        summary(tmp_path, "MPIE_LP", "dg", "synth_mpie"),
        summary(tmp_path, "RaFD", "source_unchanged"),
        summary(tmp_path),
        summary(tmp_path, "VoxCeleb2", "dg", "synth_vox", ssim=None),
    ]
    make_table4(settings(), paths, tmp_path / "table4.csv")
    table = pd.read_csv(tmp_path / "table4.csv")
    assert tuple(table.columns) == COLUMNS
    assert list(zip(table["benchmark"], table["method"])) == [
        ("VoxCeleb2", "dg"), ("RaFD", "dg"), ("RaFD", "source_unchanged"), ("MPIE_LP", "dg"),
    ]  # fmt: skip
    rafd = table.iloc[1]
    assert rafd[["ssim", "ssim_low", "ssim_high", "fid", "csim"]].tolist() == [0.75, 0.65, 0.85, 12.5, 0.9]
    assert rafd[["paper_ssim", "paper_fid", "paper_csim"]].tolist() == [0.726, 4.79, 0.862]
    assert table.iloc[2][["paper_ssim", "paper_fid", "paper_csim"]].isna().all()
    assert np.isnan(table.iloc[0]["ssim"])
    for phrase in ("SynthFace (synth_rafd)", "dlib", "Inception", "3DFAN", "VGGFace2", "sample", "bundled"):
        assert phrase in rafd["stand_in"]
    text = (tmp_path / "table4.md").read_text()
    assert text.startswith("# Table 4 on SynthFace and offline networks: not comparable")
    assert "| RaFD | DG [2] | 0.750 [0.650, 0.850] | 12.5 [10.0, 15.0] | 0.900 | 160 |" in text
    assert "| VoxCeleb2 | DG [1] | – |" in text
    assert "| RaFD | FReeNet | 0.717 | 12.17 | n.a. |" in text


def test_nothing_is_said_of_stand_ins_where_there_are_none(tmp_path):
    path = summary(tmp_path, data_set="rafd", backends=PAPER)
    real = settings(benchmarks={"RaFD": "rafd"}, kinds={"RaFD": "rafd"}, scale="paper", init="scratch")
    make_table4(real | {"landmarks": "fan", "identity": "vggface2"}, [path], tmp_path / "table4.csv")
    assert pd.read_csv(tmp_path / "table4.csv")["stand_in"].isna().all()
    assert (tmp_path / "table4.md").read_text().startswith("# Table 4: cross-reenactment\n")


def test_seeds_are_joined(tmp_path):
    paths = [summary(tmp_path, seed=seed, ssim=ssim) for seed, ssim in ((0, 0.7), (1, 0.8))]
    make_table4(settings(), paths, tmp_path / "table4.csv")
    row = pd.read_csv(tmp_path / "table4.csv").iloc[0]
    assert row[["ssim", "ssim_low", "ssim_high", "seeds"]].tolist() == [0.75, 0.6, 0.9, 2]
    with pytest.raises(DgError, match="with seed 1 was given twice"):
        make_table4(settings(), [*paths, paths[1]], tmp_path / "other.csv")


def test_summaries_that_do_not_fit_are_refused(tmp_path):
    out = tmp_path / "out/table4.csv"
    with pytest.raises(DgError, match=r"measured on 'rafd', but benchmarks\.RaFD says 'synth_rafd'"):
        make_table4(settings(), [summary(tmp_path, data_set="rafd")], out)
    with pytest.raises(DgError, match="has no place in Table 4"):
        make_table4(settings(), [summary(tmp_path, method="fom")], out)
    with pytest.raises(DgError, match="differ in more than their seed"):
        make_table4(settings(), [summary(tmp_path), summary(tmp_path, seed=1, backends=PAPER)], out)
    with pytest.raises(DgError, match="no summaries"):
        make_table4(settings(), [], out)
    (tmp_path / "junk.json").write_text("{}")
    with pytest.raises(DgError, match="is no summary of evaluate"):
        make_table4(settings(), [tmp_path / "junk.json"], out)
    assert not out.parent.exists()


def test_metrics_are_nested_for_dvc(tmp_path):
    paths = [summary(tmp_path), summary(tmp_path, "VoxCeleb2", "dg", "synth_vox", ssim=None)]
    make_metrics(paths, tmp_path / "metrics.json")
    assert json.loads((tmp_path / "metrics.json").read_text()) == {
        "VoxCeleb2": {"dg": {"ssim": None, "fid": 12.5, "csim": 0.9}},
        "RaFD": {"dg": {"ssim": 0.75, "fid": 12.5, "csim": 0.9}},
    }


def test_the_settings_of_the_shipped_file_make_the_table(tmp_path):
    chosen = step_settings(params.load(), "table4")
    make_table4(chosen, [summary(tmp_path)], tmp_path / "table4.csv")
    assert len(pd.read_csv(tmp_path / "table4.csv")) == 1


def test_a_full_disk_leaves_no_table(tmp_path, monkeypatch):
    path = summary(tmp_path)
    monkeypatch.setattr(pd.DataFrame, "to_csv", disk_is_full)
    with pytest.raises(DgError, match="disk is full"):
        make_table4(settings(), [path], tmp_path / "out/table4.csv")
    assert left_in(tmp_path / "out") == []


def grid_inputs(tmp_path, size=32, targets=True):
    folder = prepare(tmp_path / "toy", face_table(4), size=size)
    pairs = tmp_path / "pairs.parquet"
    sizes = {"seed": 0, "references": 5, "vox_frames": 4, "max_pairs": None}
    make_pairs({"benchmark": "RaFD", **sizes}, folder, pairs)
    table = pd.read_parquet(pairs)
    if not targets:
        table["target"] = ""
        table.to_parquet(pairs)
    reenact({"benchmark": "RaFD", "method": "source_unchanged"}, folder, pairs, tmp_path / "made.arrow")
    values = table.assign(ssim=np.linspace(0, 1, len(table)) if targets else np.nan, csim=0.5, ace=1.0)
    values.to_parquet(tmp_path / "values.parquet")
    return folder, pairs, tmp_path / "made.arrow", tmp_path / "values.parquet"


@pytest.mark.parametrize("size", [32, 64, 128, 256])
@pytest.mark.parametrize("targets", [True, False])
def test_grids_fit_the_report_and_say_that_they_are_synthetic(tmp_path, size, targets):
    inputs = grid_inputs(tmp_path, size, targets)
    make_grid({"benchmark": "RaFD", "method": "dg"}, *inputs, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as image:
        assert 500 < image.width <= 1200
        assert "synthetic" in image.text["provenance"]
        assert np.asarray(image).std() > 10


def test_grids_show_the_whole_range(tmp_path, monkeypatch):
    inputs = grid_inputs(tmp_path)
    shown = []
    monkeypatch.setattr(
        figures, "_example", lambda faces, results, values, number: shown.append(values["ssim"].iloc[number])
    )
    monkeypatch.setattr(figures, "_draw", lambda *_: Image.new("RGB", (9, 9)))
    make_grid({"benchmark": "RaFD", "method": "dg"}, *inputs, tmp_path / "grid.png")
    assert shown == sorted(shown, reverse=True)
    assert (shown[0], shown[-1], len(shown)) == (1, 0, figures.EXAMPLES)
    assert np.ptp(np.diff(shown)) < 0.06


def test_grids_refuse_files_that_do_not_belong_together(tmp_path):
    folder, pairs, made, values = grid_inputs(tmp_path)
    pd.read_parquet(values).iloc[1:].to_parquet(values)
    with pytest.raises(DgError, match=r"values\.parquet: was made from other pairs"):
        make_grid({"benchmark": "RaFD", "method": "dg"}, folder, pairs, made, values, tmp_path / "out/grid.png")
    assert not (tmp_path / "out").exists()
