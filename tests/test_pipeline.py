"""The whole pipeline at scale `tiny`, through Snakemake and DVC both, in a repository of its own."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dg.files import file_digest
from dg.timings import read_timings
from dg.why import why
from tests.repository import ROOT, run, tiny_copy

CROSS = ["VoxCeleb2", "RaFD", "MPIE", "MPIE_LP"]
MEASURED = {
    ("MPIE_LP", "rfg_alone"),
    ("RaFD", "fom"),  # in no other test at this scale
    *((b, m) for b in CROSS for m in ("dg", "source_unchanged", "reference_unchanged")),
    *((b, "ground_truth") for b in CROSS if b != "VoxCeleb2"),  # which has none
}


def state(folder: Path, *patterns: str) -> dict[str, tuple[str, int]]:
    """Digest and date of every file that matches."""
    files = [path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file()]
    assert files, patterns
    return {str(path.relative_to(folder)): (file_digest(path), path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """This repository at scale tiny, with everything made by Snakemake."""
    folder = tiny_copy(tmp_path_factory.mktemp("pipeline") / "repository")
    planned = run(folder, sys.executable, "-m", "dg", "plan")
    assert re.search(r"rfg_cross, ablation +4", planned), planned
    assert re.search(r"\d+ jobs; no estimate for scale 'tiny'", planned), planned
    run(folder, "snakemake", "--cores", "2", warm=True)
    return folder


def test_every_job_left_its_time(project, monkeypatch):
    monkeypatch.chdir(project)
    timings = read_timings()
    made = [*Path("data/sets").glob("**/*.arrow"), *Path("data/sets").glob("**/*.parquet")]
    networks = list(Path("results").glob("**/*.safetensors"))
    # A method's model is a folder.
    made += [path.parent if path.name == "fom.safetensors" else path for path in networks]
    assert any(path.is_dir() for path in made)
    made += [*Path("results").glob("**/*.arrow"), *Path("results").glob("*.csv")]
    assert len(made) > 40 and {str(path) for path in made} <= set(timings)
    assert all(timing.seconds > 0 for timing in timings.values())


def test_the_tables_have_a_labelled_row_for_each_test_and_method(project):
    tables = {number: pd.read_csv(project / f"results/table{number}.csv") for number in (3, 4)}
    for table in tables.values():
        measured = table[table["source"] == "measured"]
        assert (measured["pairs"] > 0).all()
        assert measured[["fid", "csim", "kid", "landmark_error_fl", "pose_error_fl"]].notna().all(axis=None)
        assert measured["stand_in"].str.contains("SynthFace").all()
    measured = tables[4][tables[4]["source"] == "measured"]
    assert set(zip(measured["test"], measured["method"])) == MEASURED
    assert set(tables[3]["method"]) > {"dg", "source_unchanged", "FOM"}
    for end in ("md", "tex"):
        assert "SynthFace" in (project / f"results/table4.{end}").read_text(encoding="utf-8")


def test_the_figures_say_that_they_are_synthetic(project):
    names = [f"figure{number}" for number in range(2, 7)] + [f"dg_{test}" for test in ["VoxCeleb1", *CROSS]]
    for name in names:
        with Image.open(project / f"results/figures/{name}.png") as figure:
            assert figure.width <= 1200
            assert any("synthetic" in str(text) for text in figure.text.values())


def test_the_floors_score_what_they_must(project):
    """A picture given back as it is: CSIM 1 for the source, no error of landmarks and pose for the reference."""
    table = pd.read_csv(project / "results/table4.csv").set_index(["test", "method"])
    for test in CROSS:
        assert table.loc[(test, "source_unchanged"), "csim"] == pytest.approx(1)
        floor = table.loc[(test, "reference_unchanged")]
        assert floor["landmark_error_fl"] == pytest.approx(0, abs=1e-4) and floor["pose_error_fl"] == pytest.approx(
            0, abs=1e-4
        )


def test_the_page_holds_what_was_made(project):
    page = (project / "results/report.html").read_text(encoding="utf-8")
    table = pd.read_csv(project / "results/table4.csv")
    value = table.set_index(["test", "method"]).loc[("RaFD", "dg"), "csim"]
    assert f"{value:.3f}" in page and "SynthFace" in page


def test_every_number_says_where_it_comes_from(project, monkeypatch):
    monkeypatch.chdir(project)
    said = run(project, sys.executable, "-m", "dg", "why", "results/table4.csv", "RaFD", "DG", "csim")
    table = pd.read_csv("results/table4.csv").set_index(["test", "method"])
    assert f"  {table.loc[('RaFD', 'dg'), 'csim']:.3f}, 95 % interval" in said and "judged by sface" in said
    assert set(re.findall(r"(?m)^  (\w+), \d{4}-", said)) == {
        "comparison", "evaluate", "originals", "generate", "pairs", "rfg_cross", "rfg_self", "idsg_cross", "idsg_self",
        "landmarks", "identity", "frames", "manifest", "synthface", "head",
    }  # fmt: skip
    read = re.findall(r"(?m)^  read +(\S+)  (\w+)$", said)
    assert len(read) > 40 and all(digest == file_digest(Path(path)) for path, digest in read)
    assert said.count("that of the code that lies here") > 20 and "the code here has" not in said
    commit = run(project, "git", "rev-parse", "HEAD").strip()
    assert f"\ncommit     {commit}\n" in said and re.search(r"\nversions .*torch \d", said)
    again = re.search(r"(?m)^again +snakemake (.+)$", said)[1].split()
    assert re.search(r"rfg_cross +1", run(project, "snakemake", "--dry-run", "--quiet", "rules", *again))


def test_every_command_on_the_page_answers(project, monkeypatch):
    monkeypatch.chdir(project)
    page = Path("results/report.html").read_text(encoding="utf-8")
    asked = re.findall(r"python -m dg why (results/[\w./]+)</td>", page)
    assert len(asked) == 10 and page.count("<td>snakemake --cores all --forceall -- results/") == 10
    pictures = [str(path) for path in Path("results/evaluate/dg").glob("*/*.arrow")]
    assert len(pictures) > 10
    for path in (*asked, *pictures):
        assert re.search(r"\nagain +snakemake", why(Path(path), ["0"] if path in pictures else [])), path


def test_snakemakes_own_report_has_the_captions(project):
    run(project, "snakemake", "--report", "report.zip")
    with zipfile.ZipFile(project / "report.zip") as archive:
        text = "\n".join(archive.read(name).decode() for name in archive.namelist() if name.endswith(".html"))
    assert "self-reenactment on VoxCeleb1" in text and "without the IDSG" in text
    (project / "report.zip").unlink()


def test_neither_tool_does_finished_work_again(project):
    before = state(project, "data/sets/**/*", "results/**/*")
    assert "Nothing to be done" in run(project, "snakemake", "--cores", "2")
    out = run(project, "dvc", "repro")
    assert state(project, "data/sets/**/*", "results/**/*") == before
    assert re.findall("Running stage '(.*)'", out) == ["plan", "provenance"], out
    assert "Nothing to be done: everything is there." in out


def test_dvc_plots_show_every_model_and_every_table(project):
    out = run(project, "dvc", "plots", "show")
    assert "failed" not in out.lower(), out
    page = (project / "dvc_plots/index.html").read_text(encoding="utf-8")
    for network, term in (("idsg", "localisation"), ("rfg", "attributes")):
        for phase in ("self", "cross"):
            assert (project / f"results/{network}_{phase}/dg/joint.safetensors").exists()
            for kind in ("loss", term):
                assert f"results/training_plots/{network}_{kind}/{phase}_dg_joint.csv" in page
            assert f"results/training_plots/samples/{network}_{phase}_dg_joint.png" in page
    assert "Tables 3 and 4, FID" in page and "Table 2, SSIM" in page
    run(project, sys.executable, "-m", "dg", "vega", "--out", "build/plots.html")
    run(project, "dvc", "plots", "show", "--html-template", "build/plots.html")
    offline = (project / "dvc_plots/index.html").read_text(encoding="utf-8")
    assert "https://cdn" in page and "https://cdn" not in offline and "Tables 3 and 4, FID" in offline


def test_a_changed_lambda_vls_retrains_the_cross_phases_alone(project, monkeypatch):
    run(project, "git", "add", "dvc.lock", "results", "results.dvc")
    run(project, "git", "commit", "--quiet", "--message", "Baseline")
    kept = state(project, "data/sets/**/*", "results/rfg_self/**/*", "results/idsg_self/**/*")
    changing = [f"results/{step}/dg/joint.safetensors" for step in ("idsg_cross", "rfg_cross")]
    before = state(project, *changing)
    run(project, "dvc", "exp", "run", "--set-param", "lambda_vls=5", "--name", "vls5")
    # Nor the self phase of the IDSG: it has no pair that eq. (3) counts.
    assert state(project, "data/sets/**/*", "results/rfg_self/**/*", "results/idsg_self/**/*") == kept
    after = state(project, *changing)
    for name in changing:
        assert after[name][0] != before[name][0]
    shown = run(project, "dvc", "exp", "show", "--csv")
    assert "vls5" in shown
    monkeypatch.setenv("COLUMNS", "120")
    (told,) = re.findall(r"(?m)^    (dvc exp show .*)$", (ROOT / "README.md").read_text(encoding="utf-8"))
    lines = run(project, *shlex.split(told), "--no-pager").splitlines()
    head = next(line.split() for line in lines if "Experiment" in line)
    assert head[-1] == "lambda_vls" and {"RaFD.csim", "RaFD.fid", "MPIE_LP.csim"} <= set(head) <= {
        "Experiment", "table1.ace", "table2.csim", "table3.csim", "RaFD.csim", "RaFD.fid", "MPIE_LP.csim", "lambda_vls",
    }  # fmt: skip
    assert max(map(len, lines)) <= 120 and "…" not in "".join(lines)
    diff = json.loads(run(project, "dvc", "metrics", "diff", "--json"))
    assert any(value.get("diff") for metrics in diff.values() for value in metrics.values()), diff


def test_tables_1_and_2_hold_their_rows_and_an_ablation_is_one_line(project):
    tables = ("results/table1.csv", "results/table2.csv")
    for path, metric in zip(tables, ("ace", "csim")):
        table = pd.read_csv(project / path).set_index("row")
        assert list(table.index) == ["bl", "dg"]
        assert np.isfinite(table[[metric, f"{metric}_low", f"{metric}_high", f"paper_{metric}"]].to_numpy(float)).all()
        assert table["stand_in"].str.contains("SynthFace").all()
    before = state(project, "results/ablations/**/*")
    params = project / "params.yaml"
    text = params.read_text(encoding="utf-8")
    params.write_text(text.replace("  table1:\n", "  table1:\n    zabs: { idsg.vls_form: abs }\n", 1), encoding="utf-8")
    run(project, "snakemake", "--cores", "2", "results/table1.csv")
    assert list(pd.read_csv(project / tables[0])["row"]) == ["zabs", "bl", "dg"]
    after = state(project, "results/ablations/**/*")
    assert {name: after[name] for name in before} == before
    made = {tuple(name.split("/")[2:4]) for name in set(after) - set(before)}
    # Eq. (3) has no part in the self phase (vls_pairs: cross).
    assert {step for step, _ in made} == {"idsg_cross", "ace"} and len(made) == 2
    assert ("ace", "table1-zabs-0") in made


def test_results_without_their_records_are_refused(project):
    records, aside = project / ".snakemake/metadata", project / ".snakemake/aside"
    records.rename(aside)
    try:
        out = run(project, "snakemake", "--cores", "2", "results/table4.csv", check=False)
        assert "the records of how they were made, is missing" in out and "dvc checkout" in out
    finally:
        aside.rename(records)


def test_an_environment_that_is_not_switched_on_is_named(project):
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run"]
    environment = {**os.environ, "PATH": os.defpath}
    done = subprocess.run(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode and ". .venv/bin/activate" in done.stdout


@pytest.mark.parametrize(
    ("key", "value", "answer"),
    [
        ("scale", "tyni", "scale: 'tyni' is not among scales"),
        ("lambda_vsl", "5", "did you mean 'lambda_vls'"),
        ("lambda_vls", "-1", "lambda_vls"),
    ],
)
def test_a_typo_in_params_names_the_key(project, key, value, answer):
    params = project / "params.yaml"
    good = params.read_text(encoding="utf-8")
    lines = [line for line in good.splitlines() if not line.startswith(f"{key}:")]
    params.write_text("\n".join([*lines, f"{key}: {value}"]) + "\n", encoding="utf-8")
    try:
        assert answer in run(project, "snakemake", "--cores", "1", "--dry-run", check=False)
    finally:
        params.write_text(good, encoding="utf-8")
