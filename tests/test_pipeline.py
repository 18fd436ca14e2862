"""The whole pipeline at scale `tiny`, through Snakemake and DVC both, in a repository of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dg.files import file_digest

ROOT = Path(__file__).resolve().parent.parent
METHODS = {"dg", "source_unchanged", "reference_unchanged"}
BENCHMARKS = {"VoxCeleb2", "RaFD", "MPIE", "MPIE_LP"}


def run(folder: Path, *command: str, check: bool = True) -> str:
    """Output of `command`, with the tools of this interpreter's environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
    for name in ("DVC_STAGE", "PYTEST_CURRENT_TEST", "PYTHONPATH"):
        environment.pop(name, None)
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert not check or done.returncode == 0, done.stdout[-8000:]
    return done.stdout


def state(folder: Path, *patterns: str) -> dict[str, tuple[str, int]]:
    """Digest and date of every file that matches."""
    files = [path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file()]
    assert files, patterns
    return {str(path.relative_to(folder)): (file_digest(path), path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """This working tree as a repository of its own, set to scale tiny, with table4.csv made by Snakemake."""
    folder = tmp_path_factory.mktemp("pipeline") / "repository"
    listed = run(ROOT, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    params = folder / "params.yaml"
    text = params.read_text(encoding="utf-8")
    for key, value in (("scale", "tiny"), ("  init", "scratch")):
        text, count = re.subn(rf"(?m)^{key}: \w+", f"{key}: {value}", text)
        assert count == 1
    text = re.sub(r"shards: 2,", "shards: 1,", text)
    # One seed and one row beside "dg": the tables' jobs are many.
    text = re.sub(r"(?m)^    (l|a|id|st|lm): .*\n", "", text)
    params.write_text(re.sub(r"seeds: \d", "seeds: 1", text), encoding="utf-8")
    run(folder, "git", "init", "--quiet")
    for key, value in (("user.name", "test"), ("user.email", "test@example.org"), ("commit.gpgsign", "false")):
        run(folder, "git", "config", key, value)
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "Copy")
    run(folder, "snakemake", "--cores", "2", "results/table4.csv")
    return folder


def test_the_table_has_a_labelled_row_for_each_benchmark_and_method(project):
    table = pd.read_csv(project / "results/table4.csv")
    measured = table[table["method"].isin(METHODS)]
    assert set(zip(measured["benchmark"], measured["method"])) == {(b, m) for b in BENCHMARKS for m in METHODS}
    assert (measured["pairs"] > 0).all()
    assert measured["stand_in"].str.contains("SynthFace").all()
    for benchmark in BENCHMARKS:
        with Image.open(project / f"results/figures/table4_{benchmark}.png") as figure:
            assert any("synthetic" in str(text) for text in figure.text.values())
    assert "SynthFace" in (project / "results/table4.md").read_text(encoding="utf-8")


def test_neither_tool_does_finished_work_again(project):
    before = state(project, "data/sets/**/*", "results/**/*")
    assert "Nothing to be done" in run(project, "snakemake", "--cores", "2", "results/table4.csv")
    out = run(project, "dvc", "repro")
    assert state(project, "data/sets/**/*", "results/**/*") == before
    assert "Running stage" not in out, out


def test_a_changed_lambda_vls_retrains_the_idsg_and_the_cross_phase_alone(project):
    run(project, "git", "add", "dvc.lock", "results")
    run(project, "git", "commit", "--quiet", "--message", "Baseline")
    kept = state(project, "data/sets/**/*", "results/rfg_self/**/*")
    changing = [f"results/{step}/dg/joint.safetensors" for step in ("idsg_self", "idsg_cross", "rfg_cross")]
    before = state(project, *changing)
    run(project, "dvc", "exp", "run", "--set-param", "lambda_vls=5", "--name", "vls5")
    assert state(project, "data/sets/**/*", "results/rfg_self/**/*") == kept
    after = state(project, *changing)
    # In the self phase eq. (3) counts no pair (vls_pairs: cross), so its weights may come out the same.
    assert after["results/idsg_self/dg/joint.safetensors"][1] != before["results/idsg_self/dg/joint.safetensors"][1]
    for name in changing[1:]:
        assert after[name][0] != before[name][0]
    shown = run(project, "dvc", "exp", "show", "--csv")
    assert "vls5" in shown
    diff = json.loads(run(project, "dvc", "metrics", "diff", "--json"))
    assert any(value.get("diff") for metrics in diff.values() for value in metrics.values()), diff


def test_tables_1_and_2_hold_their_rows_and_an_ablation_is_one_line(project):
    tables = ("results/table1.csv", "results/table2.csv")
    run(project, "snakemake", "--cores", "2", *tables)
    for path, metric in zip(tables, ("ace", "csim")):
        table = pd.read_csv(project / path).set_index("row")
        assert list(table.index) == ["bl", "dg"]
        assert np.isfinite(table[[metric, f"{metric}_low", f"{metric}_high", f"paper_{metric}"]].to_numpy(float)).all()
        assert table["stand_in"].str.contains("SynthFace").all()
    assert "didn't change" in run(project, "dvc", "repro", "ablations/dvc.yaml")
    before = state(project, "results/ablations/**/*")
    params = project / "params.yaml"
    text = params.read_text(encoding="utf-8")
    params.write_text(text.replace("  table1:\n", "  table1:\n    zabs: { idsg.vls_form: abs }\n", 1), encoding="utf-8")
    run(project, "snakemake", "--cores", "2", "results/table1.csv")
    assert list(pd.read_csv(project / tables[0])["row"]) == ["zabs", "bl", "dg"]
    after = state(project, "results/ablations/**/*")
    assert {name: after[name] for name in before} == before
    assert {name.split("/")[3] for name in set(after) - set(before)} == {"table1-zabs-0"}


def test_results_without_their_records_are_refused(project):
    records, aside = project / ".snakemake/metadata", project / ".snakemake/aside"
    records.rename(aside)
    try:
        out = run(project, "snakemake", "--cores", "2", "results/table4.csv", check=False)
        assert "the records of how they were made, is missing" in out and "dvc checkout" in out
    finally:
        aside.rename(records)


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
