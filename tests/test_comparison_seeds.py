"""Which jobs further training seeds of Tables 3 and 4 bring, by Snakemake's dry run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
import yaml

from tests.scales import values_at

ROOT = Path(__file__).resolve().parent.parent


def planned(folder: Path, seeds: dict[str, int], *targets: str) -> str:
    """What Snakemake would run in an empty folder."""
    values = values_at()
    values["scales"][values["scale"]]["tables"] |= seeds
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    words = ["snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder), "--cores", "1"]
    words += ["--configfile", str(folder / "params.yaml"), "--dry-run", "--", *targets]
    done = subprocess.run(words, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def outputs(text: str) -> set[str]:
    return {name for line in re.findall(r"output: (.*)", text) for name in line.split(", ")}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """What is made at scale sample, and with a second seed behind Tables 3 and 4, and behind Figure 6."""
    targets = ("results/table4.csv", "results/report.html", "rfg_cross_models", "evaluations")
    seeds = {"one": {}, "comparison": {"comparison_seeds": 2}, "figure 6": {"figure6_seeds": 2}}
    return {name: outputs(planned(tmp_path_factory.mktemp("seeds"), two, *targets)) for name, two in seeds.items()}


def new(jobs, name):
    return {made for made in jobs[name] - jobs["one"] if made.endswith(("safetensors", "arrow", "json", "parquet"))}


def test_one_seed_brings_no_further_job(jobs):
    assert not [name for name in jobs["one"] if "seed-" in name]
    assert jobs["one"] < jobs["comparison"] and jobs["one"] < jobs["figure 6"]


def test_a_second_seed_trains_and_tests_what_uses_networks_and_nothing_else(jobs):
    tests = ("VoxCeleb1", "VoxCeleb2", "RaFD", "MPIE", "MPIE_LP")
    tested = [(test, method) for test in tests for method in ("dg", "fom")] + [("MPIE_LP", "rfg_alone")]
    trained = {
        f"results/{rule}_{phase}/seed-1/joint.safetensors" for rule in ("idsg", "rfg") for phase in ("self", "cross")
    }
    evaluated = {f"results/evaluate/seed-1/{t}/{m}.{e}" for t, m in tested for e in ("arrow", "json", "parquet")}
    landmarks = {f"results/ace/seed-1/{test}.{end}" for test in tests[2:] for end in ("json", "parquet")}
    assert new(jobs, "comparison") == trained | evaluated | landmarks


def test_a_second_seed_of_figure_6_trains_and_tests_its_models_alone(jobs):
    evaluated = {
        f"results/ablations/evaluate/figure6-{row}_large_pose-1/Extreme/{method}.{end}"
        for row, method, end in product(("with", "without"), ("dg", "fom"), ("arrow", "json", "parquet"))
    }
    trained = {name for name in new(jobs, "figure 6") if name.endswith("safetensors")}
    assert new(jobs, "figure 6") == trained | evaluated and len(trained) == 8
    assert all(re.match(r"results/ablations/(idsg|rfg)_(self|cross)/", name) for name in trained)
    assert {Path(name).stem for name in trained} == {"synth_mpie+synth_vox", "synth_vox"}
