import json
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dg.errors import DgError
from dg.metrics.bootstrap import levels
from dg.protocols.methods import run_method
from dg.protocols.pairs import make_pairs
from dg.reports import figures
from dg.reports.comparison import columns, make_comparison
from dg.reports.curves import make_curves
from dg.reports.figures import make_grid
from dg.reports.latex import latex_table
from dg.reports.paper import TABLE1, TABLE2, TABLE3, TABLE4
from dg.reports.summaries import COMPARED
from dg.steps.figures import FigureSettings
from dg.steps.registry import step_settings
from dg.steps.tables import ComparisonSettings
from tests.prepared import disk_is_full, face_table, left_in, prepare
from tests.scales import params_at
from tests.told import changed, pairs_settings

STAND_IN = {"csim": "dlib", "fid": "efficientnet-lite0"}
TRUTH = "ground truth"
PAPER = {"csim": "arcface", "fid": "inception"}


TITLES = {"dg": "DG", "source_unchanged": "source unchanged", "mine": "Mine & yours"}


def settings(**changes):
    base = {
        "table": "table4",
        "titles": list(map(list, TITLES.items())),
        "benchmarks": {"VoxCeleb2": "synth_vox", "RaFD": "synth_rafd", "MPIE": "synth_mpie"},
        "kinds": {"VoxCeleb2": "synthface", "RaFD": "synthface", "MPIE": "synthface"},
        "networks": {"dg": ["idsg", "rfg"], "source_unchanged": [], "mine": []},
        "scale": "sample",
        "landmarks": "fan-synthface",
        "identity": "synthface-id",
        "bundled": ["idsg", "rfg"],
        "kept": True,
        "pictures": {"dg": [300_000, 640], "rival": [2000, 640]},
    }
    return ComparisonSettings(**base | changes)


def summary(
    tmp_path, test="RaFD", method="dg", data_set="synth_rafd", seed=0, ssim=0.75, backends=STAND_IN, against=None
):
    """A summary of the evaluate step, of training seed `seed`."""
    path = tmp_path / f"{test}_{method}_{seed}.json"
    low, high = (None, None) if ssim is None else (ssim - 0.1, ssim + 0.1)
    report = {
        "test": test,
        "data_set": data_set,
        "method": method,
        "seed": 0,
        "pairs": 160,
        "subjects": 8,
        "ssim": {"value": ssim, "low": low, "high": high, "against": against or ("none" if ssim is None else TRUTH)},
        "fid": {"value": 12.5, "low": 10.0, "high": 15.0},
        "kid": {"value": 0.25, "low": None, "high": None},
        "csim": {"value": 0.9, "low": None, "high": None},
        "rank1": {"value": 0.5, "low": 0.4, "high": 0.6},
        "identity_kept": {"value": 0.25, "low": None, "high": None},
        "landmark_error": {"value": 4.0, "low": 3.0, "high": 5.0},
        "pose_error": {"value": 2.5, "low": None, "high": None},
        "landmark_error_fl": {"value": 3.5, "low": None, "high": None},
        "pose_error_fl": {"value": 1.5, "low": None, "high": None},
        "backends": backends,
        "settings": {"bootstrap": 400} | ({} if method == "source_unchanged" else {"training_seed": seed}),
    }
    for metric in COMPARED:
        report.setdefault(metric.key, {"value": None, "low": None, "high": None})
    path.write_text(json.dumps(report))
    return path


def test_the_papers_numbers_are_as_printed():
    assert TABLE1["DG (+ L_vls)"] == (4.13, 1.12)
    assert TABLE2["DG (+ L_adv(D_s))"].fid == 3.99
    assert TABLE3["MGOS"].fid is None
    assert tuple(TABLE4["MPIE_LP"]["DG"]) == (0.61, 25.66, 0.711)
    assert [len(rows) for rows in TABLE4.values()] == [2, 3, 2, 2]


def test_the_table_puts_the_papers_numbers_beside_the_measured(tmp_path):
    paths = [
        summary(tmp_path, "MPIE_LP", "dg", "synth_mpie"),
        summary(tmp_path, "RaFD", "source_unchanged"),
        summary(tmp_path),
        summary(tmp_path, "VoxCeleb2", "dg", "synth_vox", ssim=None),
    ]
    make_comparison(settings(), paths, tmp_path / "table4.csv")
    table = pd.read_csv(tmp_path / "table4.csv")
    assert table.columns.tolist() == columns("table4")
    assert list(zip(table["test"], table["method"], table["source"])) == [
        ("VoxCeleb2", "dg", "measured"), ("VoxCeleb2", "FOM", "quoted"), ("RaFD", "dg", "measured"),
        ("RaFD", "source_unchanged", "measured"), ("RaFD", "FReeNet", "quoted"), ("RaFD", "FOM", "quoted"),
        ("MPIE", "FOM", "quoted"), ("MPIE_LP", "dg", "measured"), ("MPIE_LP", "FOM", "quoted"),
    ]  # fmt: skip
    rafd = table.iloc[2]
    assert rafd[["kid", "landmark_error", "pose_error"]].tolist() == [0.25, 4.0, 2.5] and np.isnan(rafd["lpips"])
    quoted = table[table["source"] == "quoted"]
    assert quoted[["ssim", "fid", "csim", "kid", "pairs"]].isna().all(axis=None)
    assert quoted.iloc[-1][["paper_ssim", "paper_fid", "paper_csim"]].tolist() == [0.38, 62.88, 0.382]
    assert rafd[["ssim", "ssim_low", "ssim_high", "fid", "csim"]].tolist() == [0.75, 0.65, 0.85, 12.5, 0.9]
    assert rafd[["paper_ssim", "paper_fid", "paper_csim"]].tolist() == [0.726, 4.79, 0.862]
    assert table.iloc[3][["paper_ssim", "paper_fid", "paper_csim"]].isna().all()
    assert np.isnan(table.iloc[0]["ssim"])
    for phrase in ("SynthFace (synth_rafd)", "dlib", "Inception", "3DFAN", "VGGFace2", "sample", "bundled"):
        assert phrase in rafd["stand_in"]
    text = (tmp_path / "table4.md").read_text()
    assert text.startswith("# Table 4, cross-reenactment, on SynthFace and offline networks: not comparable")
    row = "| RaFD | DG [2] | 0.750 [0.650, 0.850] | 12.5 [10.0, 15.0] | 0.250 | 0.900 | 0.50 [0.40, 0.60] | 0.25 |"
    row += " 4.00 [3.00, 5.00] | 2.50 | 3.50 | 1.50 | 160 |"
    assert row in text and "LPIPS" not in text
    assert "| VoxCeleb2 | DG [1] | – |" in text
    assert "| RaFD | FReeNet | 0.717 | 12.17 | n.a. |" in text


def test_nothing_is_said_of_stand_ins_where_there_are_none(tmp_path):
    path = summary(tmp_path, data_set="rafd", backends=PAPER)
    real = settings(
        benchmarks={"RaFD": "rafd"}, kinds={"RaFD": "rafd"}, scale="paper", bundled=[], kept=False, pictures={}
    )
    make_comparison(changed(real, landmarks="fan", identity="vggface2"), [path], tmp_path / "table4.csv")
    assert pd.read_csv(tmp_path / "table4.csv")["stand_in"].isna().all()
    assert (tmp_path / "table4.md").read_text().startswith("# Table 4, cross-reenactment\n")


PEOPLE = np.repeat([f"p{k}" for k in range(6)], 4)
WHOLES = np.linspace(0.5, 0.9, 24)
NUMBERS = ("ssim", "csim", "rank1", "landmark_error", "pose_error")


def seeds_of(tmp_path, values, **changes):
    """Summaries of training seeds 0, 1, ..., values: (seeds, pairs), the same for all metrics."""
    paths, draws = [], np.random.default_rng(0).normal(size=150)
    for seed, of_pairs in enumerate(values):
        path = summary(tmp_path, seed=seed, **changes)
        report = json.loads(path.read_text())
        for name in NUMBERS:
            report[name]["value"] = float(of_pairs.mean())
        report["fid"] |= {"value": 20.0 + seed, "draws": (20 + seed + draws).tolist()}
        report["kid"]["value"] = 0.1 + seed
        report["identity_kept"]["value"] = float(of_pairs.sum() / WHOLES.sum())
        path.write_text(json.dumps(report))
        table = pd.DataFrame({"subject": PEOPLE, "source": PEOPLE, "reference": np.arange(24).astype(str)})
        unmeasured = {metric.key: np.nan for metric in COMPARED if metric.key not in NUMBERS}
        table = table.assign(**dict.fromkeys(NUMBERS, of_pairs), **unmeasured)
        table = table.assign(identity_kept_part=of_pairs, identity_kept_whole=WHOLES)
        table.to_parquet(path.with_suffix(".parquet"))
        paths.append(path)
    return paths


def test_training_seeds_are_joined_and_people_and_seeds_drawn(tmp_path):
    rng = np.random.default_rng(1)
    values = 0.5 + 0.1 * rng.normal(size=(3, 24)) + np.array([[0.0], [0.05], [0.2]])
    paths = [*seeds_of(tmp_path, values), summary(tmp_path, method="source_unchanged")]
    make_comparison(settings(), paths, tmp_path / "table4.csv")
    table = pd.read_csv(tmp_path / "table4.csv").query("source == 'measured'").set_index("method")
    row = table.loc["dg"]
    means = values.mean(axis=1)
    assert row[["ssim", "ssim_seeds_std", "seeds"]].tolist() == pytest.approx([means.mean(), means.std(ddof=1), 3])
    assert row[["kid", "kid_seeds_std", "fid", "fid_seeds_std"]].tolist() == pytest.approx([1.1, 1, 21, 1])
    groups = [[of_pairs[name == PEOPLE].mean() for name in np.unique(PEOPLE)] for of_pairs in values]
    drawn = [np.array(groups)[rng.integers(0, 3, 3)][:, rng.integers(0, 6, 6)].mean() for _ in range(4000)]
    found = row[["ssim_low", "ssim_high"]].to_numpy(float)
    assert found == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.03)
    kept = row[["identity_kept", "identity_kept_low", "identity_kept_high"]].to_numpy(float)
    shares = []
    for _ in range(4000):
        seeds, people = rng.integers(0, 3, 3), rng.integers(0, 6, 6)
        some = np.concatenate([np.flatnonzero(np.unique(PEOPLE)[person] == PEOPLE) for person in people])
        shares.append(values[seeds][:, some].sum() / 3 / WHOLES[some].sum())
    assert kept[0] == pytest.approx(values.sum() / 3 / WHOLES.sum())
    assert kept[1:] == pytest.approx(np.percentile(shares, levels(6)), abs=0.1)
    # Seeds alone spread over 0.2: an interval over people of the mean alone would be narrower by far.
    assert found[1] - found[0] > 0.12
    assert table.loc["source_unchanged", "seeds"] == 1 and np.isnan(table.loc["source_unchanged", "ssim_seeds_std"])
    text = (tmp_path / "table4.md").read_text(encoding="utf-8")
    assert f"| {means.mean():.3f} ± {means.std(ddof=1):.3f} [" in text
    assert "means over 3 training seeds" in text
    assert "$\\pm$" in (tmp_path / "table4.tex").read_text(encoding="utf-8")


def test_one_training_seed_keeps_the_summarys_interval_and_says_nothing_of_seeds(tmp_path):
    make_comparison(settings(), [summary(tmp_path)], tmp_path / "table4.csv")
    row = pd.read_csv(tmp_path / "table4.csv").query("method == 'dg'").iloc[0]
    assert row[["ssim", "ssim_low", "ssim_high", "seeds"]].tolist() == [0.75, 0.65, 0.85, 1]
    assert np.isnan(row["ssim_seeds_std"])
    text = (tmp_path / "table4.md").read_text(encoding="utf-8")
    assert "±" not in text and "training seeds" not in text


def test_runs_that_do_not_belong_together_are_not_joined(tmp_path):
    out = tmp_path / "out/table4.csv"
    paths = seeds_of(tmp_path, np.ones((2, 24)))
    with pytest.raises(DgError, match="with training seed 1 was given twice"):
        make_comparison(settings(), [*paths, paths[1]], out)
    floor = summary(tmp_path, method="source_unchanged")
    with pytest.raises(DgError, match="RaFD / source_unchanged was given twice"):
        make_comparison(settings(), [floor, floor], out)
    table = pd.read_parquet(paths[1].with_suffix(".parquet"))
    table.iloc[::-1].to_parquet(paths[1].with_suffix(".parquet"))
    with pytest.raises(DgError, match=r"RaFD_dg_1\.parquet: was measured on other pairs"):
        make_comparison(settings(), paths, out)
    with pytest.raises(DgError, match="differ in more than their training seed"):
        make_comparison(settings(), [paths[0], summary(tmp_path, seed=1, backends=PAPER)], out)
    assert not out.parent.exists()


def test_rows_say_of_networks_only_what_their_method_uses(tmp_path):
    methods = {"dg": ["idsg", "rfg"], "source_unchanged": [], "mine": ["idsg"], "rival": []}
    paths = [summary(tmp_path, method=method) for method in methods]
    titles = [*map(list, TITLES.items()), ["rival", "Rival"]]
    make_comparison(settings(networks=methods, titles=titles), paths, tmp_path / "table4.csv")
    table = pd.read_csv(tmp_path / "table4.csv").query("source == 'measured'").set_index("method")
    said = table["stand_in"]
    assert [("E_f was trained" in words, "bundled" in words) for words in said[list(methods)]] == [
        (True, True), (False, False), (True, True), (False, True),
    ]  # fmt: skip
    assert "IDSG and RFG started from bundled weights" in said["dg"] and "; IDSG started from bundled" in said["mine"]
    assert "sizes and iterations of scale 'sample'" in said["dg"] and "iterations" not in said["source_unchanged"]
    assert "sizes of data and pair lists of scale 'sample'" in said["source_unchanged"]
    assert table.loc["source_unchanged", ["identity_backend", "init"]].isna().all()
    assert {method for method in methods if "lambda_keep" in said[method]} == {"dg", "mine"}
    assert "RFG started from bundled weights, whose training made 300,000 pictures, 640 more here" in said["dg"]
    assert "; started from bundled weights, whose training made 2,000 pictures" in said["rival"]
    made = table[["init", "pictures_start", "pictures_trained"]].astype(object).fillna("")
    assert made.loc["rival"].tolist() == ["bundled", 2000, 640] and made.loc["source_unchanged"].tolist() == [""] * 3
    assert table.loc["mine", "identity_backend"] == "synthface-id" and table.loc["mine", "init"] == "IDSG bundled"


def test_ssim_against_the_reference_is_marked_wherever_it_is_printed(tmp_path):
    vox = {"test": "VoxCeleb2", "data_set": "synth_vox"}
    paths = [summary(tmp_path, **vox, ssim=0.4, against="reference"), summary(tmp_path)]
    make_comparison(settings(), paths, tmp_path / "table4.csv")
    table = pd.read_csv(tmp_path / "table4.csv").query("method == 'dg'").set_index("test")
    assert table["ssim_against"].to_dict() == {"VoxCeleb2": "reference", "RaFD": "ground truth"}
    for end in ("md", "tex"):
        text = (tmp_path / f"table4.{end}").read_text(encoding="utf-8")
        assert "0.400 (r)" in text and "0.750 (r)" not in text
        assert "(r): SSIM, and LPIPS with it, compare with the reference's picture" in text
    make_comparison(settings(), paths[1:], tmp_path / "table4.csv")
    assert "(r)" not in (tmp_path / "table4.md").read_text(encoding="utf-8")


def test_a_fid_of_zero_by_construction_is_explained(tmp_path):
    floor = summary(tmp_path, "VoxCeleb2", "source_unchanged", "synth_vox", ssim=None)
    for paths, explained in (([floor, summary(tmp_path)], True), ([summary(tmp_path)], False)):
        make_comparison(settings(), paths, tmp_path / "table4.csv")
        text = (tmp_path / "table4.md").read_text(encoding="utf-8")
        assert ("'source unchanged' has FID 0 there by construction" in text) == explained


def test_summaries_that_do_not_fit_are_refused(tmp_path):
    out = tmp_path / "out/table4.csv"
    with pytest.raises(DgError, match=r"measured on 'rafd', but benchmarks\.RaFD says 'synth_rafd'"):
        make_comparison(settings(), [summary(tmp_path, data_set="rafd")], out)
    with pytest.raises(DgError, match="has no place in a table"):
        make_comparison(settings(), [summary(tmp_path, method="fom")], out)
    with pytest.raises(DgError, match="VoxCeleb1 has no place in Table 4"):
        make_comparison(settings(), [summary(tmp_path, "VoxCeleb1", data_set="synth_vox")], out)
    with pytest.raises(DgError, match="no summaries"):
        make_comparison(settings(), [], out)
    (tmp_path / "junk.json").write_text("{}")
    with pytest.raises(DgError, match="is no summary of evaluate"):
        make_comparison(settings(), [tmp_path / "junk.json"], out)
    assert not out.parent.exists()


def test_metrics_are_nested_for_dvc(tmp_path):
    paths = [summary(tmp_path), summary(tmp_path, "VoxCeleb2", "dg", "synth_vox", ssim=None)]
    make_comparison(settings(), paths, tmp_path / "table4.csv")
    same = {metric.key: None for metric in COMPARED}
    same |= {"fid": 12.5, "csim": 0.9, "kid": 0.25, "landmark_error": 4.0, "pose_error": 2.5}
    same |= {"rank1": 0.5, "identity_kept": 0.25, "landmark_error_fl": 3.5, "pose_error_fl": 1.5}
    assert json.loads((tmp_path / "table4.json").read_text()) == {
        "VoxCeleb2": {"dg": same | {"ssim": None}},
        "RaFD": {"dg": same | {"ssim": 0.75}},
    }
    # No test that wasn't measured.
    assert json.loads((tmp_path / "headlines/table4.json").read_text()) == {"RaFD": {"csim": 0.9, "fid": 12.5}}


def test_the_settings_of_the_shipped_file_make_the_table(tmp_path):
    chosen = step_settings(params_at(), "comparison", table="table4")
    make_comparison(chosen, [summary(tmp_path)], tmp_path / "table4.csv")
    assert (pd.read_csv(tmp_path / "table4.csv")["source"] == "measured").sum() == 1


def test_table_3_is_self_reenactment(tmp_path):
    paths = [summary(tmp_path, "VoxCeleb1", method, "synth_vox") for method in ("mine", "dg")]
    vox = {"benchmarks": {"VoxCeleb1": "synth_vox"}, "kinds": {"VoxCeleb1": "synthface"}}
    make_comparison(settings(table="table3", **vox), paths, tmp_path / "table3.csv")
    table = pd.read_csv(tmp_path / "table3.csv")
    assert table["method"].tolist() == ["dg", "mine", "X2Face", "FSTH", "FOM", "PuppeteerGAN", "MGOS"]
    assert table.iloc[0][["paper_ssim", "paper_fid", "paper_csim"]].tolist() == [0.761, 22.1, 0.831]
    assert np.isnan(table.iloc[6]["paper_fid"])


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex (Debian: texlive-latex-base)")
def test_the_latex_table_compiles_and_says_what_stands_in(tmp_path):
    paths = [summary(tmp_path), summary(tmp_path, method="mine"), summary(tmp_path, "MPIE_LP", "dg", "synth_mpie")]
    make_comparison(settings(), paths, tmp_path / "table4.csv")
    text = (tmp_path / "table4.tex").read_text()
    assert "Mine \\& yours & 0.750 & 12.5 & 0.900 &  &  &  \\\\" in text
    assert "FReeNet (quoted) &  &  &  & 0.717 & 12.17 &  \\\\" in text
    assert "SynthFace (synth\\_rafd) instead of RaFD" in text
    compiles(tmp_path, "table4")


def compiles(folder, name):
    page = f"\\documentclass{{article}}\\begin{{document}}\\input{{{name}}}\\end{{document}}"
    (folder / "page.tex").write_text(page)
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "page.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "page.pdf").stat().st_size > 1000


def test_special_characters_of_captions_and_cells_are_escaped(tmp_path):
    text = latex_table(pd.DataFrame({"a": ["x_{1} ± 2"]}), r"50 % of {a} \ b, ~ and ^ of # & $ c_d", "tab:x")
    escaped = r"50 \% of \{a\} \textbackslash{} b, \textasciitilde{} and \textasciicircum{} of \# \& \$ c\_d"
    assert f"\\caption{{{escaped}}}" in text and r"x\_\{1\}" in text
    if shutil.which("pdflatex"):
        (tmp_path / "special.tex").write_text(text)
        compiles(tmp_path, "special")


def test_curves_for_dvc_hold_the_bins_and_the_rows(tmp_path):
    paths = seeds_of(tmp_path, np.full((2, 24), 0.75), test="MPIE_LP", data_set="synth_mpie")
    for seed, path in enumerate(paths):
        report = json.loads(path.read_text())
        values = {
            name: {"value": seed + k / 8} for k, name in enumerate(("csim", "pose_error", "landmark_error", "rank1"))
        }
        # Nobody in this bin has a ground truth.
        report["yaw_bins"] = [{"from": 75, "to": 90, "pairs": 7} | values]
        empty = ("ssim", "id_retrieval", "identity_kept", "landmark_error_yunet", "landmark_error_fl", "pose_error_fl")
        report["yaw_bins"][0] |= {key: {"value": None} for key in empty}
        path.write_text(json.dumps(report))
    mine = summary(tmp_path, "MPIE_LP", "mine", "synth_mpie")
    make_curves([*paths, mine], TITLES, tmp_path / "plots")
    assert (tmp_path / "plots/yaw_MPIE_LP.csv").read_text().splitlines() == [
        "yaw,pairs,ssim,csim,rank1,id_retrieval,identity_kept,landmark_error,pose_error,landmark_error_yunet,landmark_error_fl,pose_error_fl",
        "82.5,7,,0.5,0.875,,,0.75,0.625,,,",
    ]  # fmt: skip
    table = pd.read_csv(tmp_path / "plots/tables.csv")
    assert table["row"].tolist() == ["MPIE LP: DG", "MPIE LP: Mine & yours"]
    assert table[["ssim", "fid", "csim"]].iloc[0].tolist() == [0.75, 20.5, 0.75]
    assert left_in(tmp_path / "plots") == ["tables.csv", "yaw_MPIE_LP.csv"]
    with pytest.raises(DgError, match="lacks 'yaw_bins'"):
        make_curves([summary(tmp_path)], TITLES, tmp_path / "plots")


def test_a_full_disk_leaves_no_table(tmp_path, monkeypatch):
    path = summary(tmp_path)
    monkeypatch.setattr(pd.DataFrame, "to_csv", disk_is_full)
    with pytest.raises(DgError, match="disk is full"):
        make_comparison(settings(), [path], tmp_path / "out/table4.csv")
    assert left_in(tmp_path / "out") == []


GRID = FigureSettings(test="RaFD", note="SynthFace stands in for RaFD.")


def grid_inputs(tmp_path, size=32, targets=True):
    folder = prepare(tmp_path / "toy", face_table(4), size=size)
    pairs = tmp_path / "pairs.parquet"
    make_pairs(pairs_settings(), [folder], pairs)
    table = pd.read_parquet(pairs)
    if not targets:
        table["target"] = ""
        table.to_parquet(pairs)
    command = "python -m dg unchanged --show source --pairs {pairs} --out {out}"
    run_method("source_unchanged", command, [folder], pairs, tmp_path / "made.arrow", tmp_path / "work", {})
    values = table.assign(ssim=np.linspace(0, 1, len(table)) if targets else np.nan, csim=0.5, ace=1.0)
    values.to_parquet(tmp_path / "values.parquet")
    return folder, pairs, tmp_path / "made.arrow", tmp_path / "values.parquet"


@pytest.mark.parametrize("size", [32, 64, 128, 256])
@pytest.mark.parametrize("targets", [True, False])
def test_grids_fit_the_report_and_say_that_they_are_synthetic(tmp_path, size, targets):
    inputs = grid_inputs(tmp_path, size, targets)
    make_grid(GRID, *inputs, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as image:
        assert 500 < image.width <= 1200
        assert "synthetic" in image.text["provenance"] and GRID.note in image.text["provenance"]
        assert np.asarray(image).std() > 10


def test_grids_say_what_stands_in(tmp_path):
    values = params_at()
    assert step_settings(values, "figure", test="MPIE_LP").note == "SynthFace stands in for MPIE."
    real = values.model_copy(update={"benchmarks": values.benchmarks.model_copy(update={"RaFD": "rafd"})})
    assert step_settings(real, "figure", test="RaFD").note == ""
    inputs = grid_inputs(tmp_path, 64)
    for name, note in (("short", ""), ("long", "word " * 60)):
        make_grid(changed(GRID, note=note), *inputs, tmp_path / f"{name}.png")
    with Image.open(tmp_path / "short.png") as short, Image.open(tmp_path / "long.png") as long:
        # Broken into lines instead of cut off.
        assert long.height > short.height and (np.asarray(long)[:, -4:] == 255).all()


def test_grids_show_the_whole_range(tmp_path, monkeypatch):
    inputs = grid_inputs(tmp_path)
    shown = []
    monkeypatch.setattr(
        figures, "_example", lambda faces, results, values, number: shown.append(values["ssim"].iloc[number])
    )
    monkeypatch.setattr(figures, "_draw", lambda *_: Image.new("RGB", (9, 9)))
    make_grid(GRID, *inputs, tmp_path / "grid.png")
    assert shown == sorted(shown, reverse=True)
    assert (shown[0], shown[-1], len(shown)) == (1, 0, figures.EXAMPLES)
    assert np.ptp(np.diff(shown)) < 0.06


def test_grids_refuse_files_that_do_not_belong_together(tmp_path):
    folder, pairs, made, values = grid_inputs(tmp_path)
    pd.read_parquet(values).iloc[1:].to_parquet(values)
    with pytest.raises(DgError, match=r"values\.parquet: was made from other pairs"):
        make_grid(GRID, folder, pairs, made, values, tmp_path / "out/grid.png")
    assert not (tmp_path / "out").exists()
