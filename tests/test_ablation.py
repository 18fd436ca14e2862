"""Tables 1 and 2 from made-up measurements whose steps are known, and ACE of an IDSG against a plain computation."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from dg.checkpoints import save_checkpoint, with_prefix
from dg.errors import DgError
from dg.files import read_json, write_parquet
from dg.idsg.networks import Idsg
from dg.metrics.evaluate_idsg import evaluate_idsg
from dg.metrics.metric import shown_in
from dg.metrics.motion import head_angles
from dg.params import validate
from dg.protocols.pairs import make_pairs
from dg.reports.ablation import make_ablation
from dg.shards import FaceSet
from dg.steps.evaluate import AceSettings
from dg.steps.registry import step_settings
from dg.steps.tables import AblationSettings
from tests.prepared import face_table, prepare
from tests.scales import params_at, values_at
from tests.told import pairs_settings

PEOPLE = np.repeat([f"p{k}" for k in range(6)], 5)
PAIRS = pd.DataFrame({"subject": PEOPLE, "source": PEOPLE, "reference": [f"r{k}" for k in range(30)]})


def settings(table, rows, seeds=2, bootstrap=500):
    values = {
        "table": table,
        "rows": [[row, overrides] for row, overrides in rows.items()],
        "seeds": seeds,
        "data_set": "synth_rafd",
        "kind": "synthface",
        "scale": "sample",
        "landmarks": "fan-synthface",
        "identity": "synthface-id",
        "bootstrap": bootstrap,
        "seed": 3,
        "bundled": {row: ["idsg", "rfg"] for row in rows},
        "kept": [],
    }
    return AblationSettings(**values)


def measured_ace(folder, name, values):
    """Summary and pair values as the ace step writes them."""
    path = folder / f"{name}.json"
    write_parquet(path.with_suffix(".parquet"), PAIRS.assign(ace=values))
    ace = {"value": float(values.mean()), "std": float(values.std())}
    path.write_text(json.dumps({"pairs": len(values), "subjects": 6, "ace": ace}))
    return path


def measured_pictures(folder, name, ssim, csim, fid_draws):
    path = folder / f"{name}.json"
    unmeasured = {one.key: np.nan for one in shown_in("table2")}
    write_parquet(path.with_suffix(".parquet"), PAIRS.assign(**unmeasured | {"ssim": ssim, "csim": csim}))
    report = {"pairs": 30, "subjects": 6, "backends": {"csim": "dlib", "fid": "efficientnet-lite0"}}
    report |= {key: {"value": None} for key in unmeasured}
    report |= {
        "ssim": {"value": float(np.nanmean(ssim)) if np.isfinite(ssim).any() else None},
        "csim": {"value": float(csim.mean())},
    }
    report |= {"fid": {"value": float(np.mean(fid_draws)), "draws": list(fid_draws)}}
    path.write_text(json.dumps(report))
    return path


@pytest.fixture
def table1(tmp_path):
    """bl, then l 1 pixel better for everyone, then dg no different on average, and a row of one's own."""
    rng = np.random.default_rng(0)
    rows = {"bl": {"lambda_l": 0}, "l": {"lambda_a": 0}, "vls5": {"lambda_vls": 5}, "dg": {}}
    paths, base = [], {seed: 8 + rng.normal(size=30) for seed in (0, 1)}
    noise = rng.normal(size=30)
    for row, change in (("bl", 0), ("l", -1), ("vls5", -3), ("dg", -1 + noise - noise.mean())):
        paths += [measured_ace(tmp_path, f"{row}{seed}", base[seed] + change) for seed in (0, 1)]
    printed = make_ablation(settings("table1", rows), paths, tmp_path / "table1.csv")
    return pd.read_csv(tmp_path / "table1.csv").set_index("row"), (tmp_path / "table1.md").read_text(), printed


def test_steps_are_paired_differences(table1):
    table, text, printed = table1
    assert table.loc["l", "ace_step"] == pytest.approx(-1)
    # Everyone gains exactly one pixel, so the paired interval has no width, though the rows' own intervals do.
    assert table.loc["l", ["ace_step_low", "ace_step_high"]].tolist() == pytest.approx([-1, -1])
    assert table.loc["l", "ace_high"] - table.loc["l", "ace_low"] > 0.1
    assert table.loc["l", ["ace_step_sign", "ace_step_excludes_zero"]].tolist() == ["paper's", "yes"]
    assert table.loc["dg", "compared_with"] == "l"
    assert table.loc["dg", "ace_step"] == pytest.approx(0, abs=1e-6)
    assert table.loc["dg", "ace_step_excludes_zero"] == "no"
    assert "l - bl ACE ↓ (pixels at 256) -1.00 [-1.00, -1.00] -1.14 paper's yes" in printed
    assert "SynthFace (synth_rafd) instead of RaFD" in text and "not comparable" in text


def test_a_tables_headline_is_dgs_own_row(table1, tmp_path):
    table, _, _ = table1
    told = json.loads((tmp_path / "headlines/table1.json").read_text())
    assert told == {"table1": {"ace": pytest.approx(table.loc["dg", "ace"], abs=1e-6)}}


def test_a_row_of_ones_own_is_compared_with_dg_and_has_no_number_of_the_papers(table1):
    table, text, _ = table1
    assert table.loc["vls5", "losses"] == "lambda_vls=5"
    assert table.loc["vls5", "compared_with"] == "dg"
    assert table.loc["vls5", "ace_step"] == pytest.approx(-2)
    assert np.isnan(table.loc["vls5", "paper_ace"]) and np.isnan(table.loc["vls5", "paper_ace_step"])
    assert pd.isna(table.loc["vls5", "ace_step_sign"])
    assert table["paper_ace"].dropna().tolist() == [8.07, 6.93, 4.13]
    assert "lambda_vls=5 (`vls5`)" in text


def test_intervals_equal_a_plain_bootstrap_over_people_and_seeds(tmp_path):
    rng = np.random.default_rng(1)
    values = {(row, seed): rng.normal(size=30) + seed for row in ("bl", "dg") for seed in (0, 1)}
    paths = [measured_ace(tmp_path, f"{row}{seed}", v) for (row, seed), v in values.items()]
    many = settings("table1", {"bl": {}, "dg": {}}, bootstrap=8000)
    make_ablation(many, paths, tmp_path / "table1.csv")
    table = pd.read_csv(tmp_path / "table1.csv").set_index("row")
    groups = {key: [v[name == PEOPLE] for name in np.unique(PEOPLE)] for key, v in values.items()}
    steps = []
    for _ in range(8000):
        people, seeds = rng.integers(0, 6, 6), rng.integers(0, 2, 2)
        mean = {
            row: np.mean([np.concatenate([groups[row, s][i] for i in people]).mean() for s in seeds])
            for row in ("bl", "dg")
        }
        steps.append(mean["dg"] - mean["bl"])
    found = table.loc["dg", ["ace_step_low", "ace_step_high"]].to_numpy(float)
    # sqrt(6 / 5) times the t quantile 2.571 of 5 degrees of freedom is 2.816 standard deviations: 0.24 %.
    assert found == pytest.approx(np.percentile(steps, [0.243, 99.757]), abs=0.05)


def test_table2_has_three_metrics_and_fid_pairs_its_draws(tmp_path):
    rng = np.random.default_rng(2)
    ssim, csim, draws = rng.random(30), rng.random(30), 50 + 10 * rng.random(100)
    paths = [measured_pictures(tmp_path, f"bl{s}", ssim, csim, draws) for s in (0, 1)]
    paths += [measured_pictures(tmp_path, f"dg{s}", ssim + 0.1, csim - 0.1, draws - 5) for s in (0, 1)]
    make_ablation(settings("table2", {"bl": {"lambda_id": 0}, "dg": {}}), paths, tmp_path / "table2.csv")
    row = pd.read_csv(tmp_path / "table2.csv").set_index("row").loc["dg"]
    assert row[["fid_step", "fid_step_low", "fid_step_high"]].tolist() == pytest.approx([-5, -5, -5])
    assert row[["ssim_step_sign", "csim_step_sign", "fid_step_sign"]].tolist() == ["paper's", "opposite", "paper's"]
    assert row["paper_csim_step"] == pytest.approx(0.862 - 0.211)
    assert "dlib" in row["stand_in"] and "bundled weights" in row["stand_in"]


def table2_of(tmp_path, ssim):
    rng = np.random.default_rng(2)
    csim, draws = rng.random(30), 50 + 10 * rng.random(100)
    paths = [measured_pictures(tmp_path, f"bl{s}", ssim, csim, draws) for s in (0, 1)]
    paths += [measured_pictures(tmp_path, f"dg{s}", ssim + 0.1, csim, draws) for s in (0, 1)]
    make_ablation(settings("table2", {"bl": {"lambda_id": 0}, "dg": {}}), paths, tmp_path / "table2.csv")
    table = pd.read_csv(tmp_path / "table2.csv").set_index("row")
    return table, (tmp_path / "table2.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("without", [slice(7, 8), slice(0, 5)])
def test_pairs_without_a_ground_truth_leave_the_intervals_of_the_others(tmp_path, without):
    ssim = np.linspace(0.2, 0.9, 30)
    ssim[without] = np.nan
    table, text = table2_of(tmp_path, ssim)
    row = table.loc["dg"]
    assert row[["ssim_step", "ssim_step_low", "ssim_step_high"]].tolist() == pytest.approx([0.1] * 3)
    low, high = table.loc["bl", ["ssim_low", "ssim_high"]]
    assert 0.2 < low < np.nanmean(ssim) < high < 0.9
    # The people drawn don't depend on which pairs have a value: rows and metrics stay paired.
    whole, _ = table2_of(tmp_path, np.linspace(0.2, 0.9, 30))
    assert table.loc["bl", ["csim_low", "csim_high"]].tolist() == whole.loc["bl", ["csim_low", "csim_high"]].tolist()
    assert "nan" not in text


@pytest.mark.parametrize("with_value", [slice(0, 0), slice(0, 5)])
def test_a_bound_that_does_not_exist_is_a_dash(tmp_path, with_value):
    """Nobody has a ground truth, or one person alone."""
    ssim = np.full(30, np.nan)
    ssim[with_value] = np.linspace(0.2, 0.9, 30)[with_value]
    table, text = table2_of(tmp_path, ssim)
    assert table[["ssim_low", "ssim_high"]].isna().all(axis=None)
    assert "[–, –]" in text and "nan" not in text


def test_rows_measured_on_different_pairs_are_refused(tmp_path):
    values = np.arange(30.0)
    paths = [measured_ace(tmp_path, row, values) for row in ("bl", "dg")]
    rows = settings("table1", {"bl": {}, "dg": {}}, seeds=1)
    make_ablation(rows, paths, tmp_path / "table1.csv")
    # As many pairs of as many people, but one is another.
    other = PAIRS.assign(ace=values, reference=["new", *PAIRS["reference"][1:]])
    write_parquet(paths[1].with_suffix(".parquet"), other)
    with pytest.raises(DgError, match=r"dg\.parquet: was measured on other pairs than .*bl\.parquet"):
        make_ablation(rows, paths, tmp_path / "other.csv")
    write_parquet(paths[1].with_suffix(".parquet"), other.drop(columns="source"))
    with pytest.raises(DgError, match=r"dg\.parquet: lacks source"):
        make_ablation(rows, paths, tmp_path / "other.csv")
    assert not (tmp_path / "other.csv").exists()


@pytest.mark.parametrize(("table", "order"), [("table1", "bl l a dg"), ("table2", "bl id st lm dg")])
def test_rows_keep_the_papers_order_on_their_way_through_the_command_line(table, order):
    values = params_at()
    received = AblationSettings.read(step_settings(values, "ablation", table=table).job())
    assert [row for row, _ in received.rows] == order.split()


def test_what_a_row_of_ones_own_changes_about_its_start_is_said_of_that_row(tmp_path):
    values = values_at()
    rows = {"nokeep": {"sizes.idsg.lambda_keep": 0}, "fresh": {"sizes.idsg.init": "scratch"}}
    values["ablations"]["table2"] |= rows
    asked = step_settings(validate(values, "params.yaml"), "ablation", table="table2").job()
    received = AblationSettings.read(asked)
    rng, paths = np.random.default_rng(2), []
    for row, _ in received.rows:
        paths += [
            measured_pictures(tmp_path, f"{row}{s}", rng.random(30), rng.random(30), rng.random(100)) for s in (0, 1)
        ]
    make_ablation(received, paths, tmp_path / "table2.csv")
    said = pd.read_csv(tmp_path / "table2.csv").set_index("row")["stand_in"]
    kept = {row for row, text in said.items() if "lambda_keep" in text}
    started = {row for row, text in said.items() if "IDSG started from bundled weights" in text}
    assert kept == set(said.index) - {"nokeep", "fresh"} and started == set(said.index) - {"fresh"}
    assert all("RFG started from bundled weights" in text for text in said)
    text = (tmp_path / "table2.md").read_text(encoding="utf-8")
    assert "(lambda_keep), a term that the paper doesn't have (of bl, id, st, lm, dg alone)" in text
    assert "trained with L_at, LPIPS, L_id and D_f;" in text and "of scale 'sample' (of" not in text


def test_missing_summaries_are_counted(tmp_path):
    with pytest.raises(DgError, match="2 rows of 2 seeds need 4 summaries, got 1"):
        make_ablation(settings("table1", {"bl": {}, "dg": {}}), [tmp_path / "x.json"], tmp_path / "table1.csv")


@pytest.mark.parametrize("dims", [2, 3])
def test_ace_of_an_idsg_against_a_plain_computation(tmp_path, dims):
    folder = prepare(tmp_path / "toy", face_table(people=3))
    make_pairs(pairs_settings(references=4), [folder], tmp_path / "p.parquet")
    torch.manual_seed(0)
    net = Idsg(dims, 8, "raw")
    save_checkpoint(
        tmp_path / "idsg.safetensors",
        with_prefix("ema_idsg", net.state_dict()),
        {"sizes": {"landmark_dims": dims, "face_code": 8, "coordinates": "raw"}},
    )
    evaluate_idsg(
        AceSettings(test="RaFD", seed=0, bootstrap=100), folder, tmp_path / "p.parquet",
        tmp_path / "idsg.safetensors", tmp_path / "ace.json",
    )  # fmt: skip
    table, faces = pd.read_parquet(tmp_path / "ace.parquet"), FaceSet([folder])
    assert (table["target"] != "").all()
    for row in table.itertuples():
        l_r = torch.from_numpy(faces.points[faces.row(row.reference)][:, :dims]).reshape(1, -1)
        code = torch.from_numpy(faces.codes[faces.row(row.source)])[None]
        with torch.no_grad():
            made = net.landmark_decoder(torch.cat([net.landmark_encoder(l_r), code], 1)).numpy().reshape(68, dims)
        truth = faces.points[faces.row(row.target)][:, :dims]
        assert row.ace == pytest.approx(256 * np.abs(made - truth).mean(), rel=1e-4)
        assert row.ace_xy == pytest.approx(256 * np.abs(made - truth)[:, :2].mean(), rel=1e-4)
        assert row.ace_unchanged == pytest.approx(256 * np.abs(l_r.reshape(68, dims).numpy() - truth).mean(), rel=1e-4)
        assert row.yaw == pytest.approx(abs(head_angles(faces.points[[faces.row(row.reference)]])[0, 0]))
    report = read_json(tmp_path / "ace.json")
    assert report["ace"]["value"] == pytest.approx(table["ace"].mean())
    assert report["pairs"] == len(table) > 0
