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


def planned(folder: Path, seeds: int, *targets: str) -> str:
    """What Snakemake would run in an empty folder."""
    values = values_at()
    values["scales"][values["scale"]]["tables"]["comparison_seeds"] = seeds
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
    targets = ("results/table4.csv", "results/report.html", "rfg_cross_models", "evaluations")
    return {seeds: outputs(planned(tmp_path_factory.mktemp(f"seeds{seeds}"), seeds, *targets)) for seeds in (1, 2)}


def test_one_seed_brings_no_further_job(jobs):
    assert not [name for name in jobs[1] if "seed-" in name]
    assert jobs[1] < jobs[2]


def test_a_second_seed_trains_and_tests_what_uses_networks_and_nothing_else(jobs):
    tests = ("VoxCeleb1", "VoxCeleb2", "RaFD", "MPIE", "MPIE_LP")
    tested = [(test, method) for test in tests for method in ("dg", "fom")] + [("MPIE_LP", "rfg_alone")]
    trained = {
        f"results/{rule}_{phase}/seed-1/joint.safetensors" for rule in ("idsg", "rfg") for phase in ("self", "cross")
    }
    evaluated = {f"results/evaluate/seed-1/{t}/{m}.{e}" for t, m in tested for e in ("arrow", "json", "parquet")}
    landmarks = {f"results/ace/seed-1/{test}.{end}" for test in tests[2:] for end in ("json", "parquet")}
    extreme = {
        f"results/ablations/evaluate/figure6-{row}_large_pose-1/Extreme/{method}.{end}"
        for row, method, end in product(("with", "without"), ("dg", "fom"), ("arrow", "json", "parquet"))
    }
    new = {name for name in jobs[2] - jobs[1] if name.endswith(("safetensors", "arrow", "json", "parquet"))}
    of_figure_6 = {name for name in new if re.match(r"results/ablations/(idsg|rfg)_(self|cross)/", name)}
    assert new == trained | evaluated | landmarks | extreme | of_figure_6
    assert {Path(name).stem for name in of_figure_6} == {"synth_mpie+synth_vox", "synth_vox"} and len(of_figure_6) == 8
