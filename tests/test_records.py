"""Snakemake and DVC in one folder: no state that a run can leave is lost to an experiment, whoever made it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.repository import ROOT, copy_of_this_repository, repository, run, tiny_copy

# The pipeline in small: the same data file, stages, links and hooks, but a training is a line of text. Each job that
# runs says so in a file outside, which no tool puts back.
SNAKEFILE = """
configfile: "params.yaml"


include: "workflow/rules/records.smk"


onstart:
    close_to_experiments()


onsuccess:
    record_in_dvc()


onerror:
    record_in_dvc()


rule all:
    input:
        "results/table4.csv",
        "results/report.html",


rule sets:
    output:
        "data/sets/a/manifest.parquet",
    shell:
        "echo sets | tee -a {ran} > {{output}}"


rule idsg_self:
    input:
        rules.sets.output,
    output:
        "results/idsg_self/dg/joint.safetensors",
    params:
        config["seed"],
    shell:
        "echo self {{params}} | tee -a {ran} > {{output}}"


rule idsg_cross:
    input:
        rules.idsg_self.output,
    output:
        "results/idsg_cross/dg/joint.safetensors",
    params:
        config["lambda_vls"],
    shell:
        "echo cross {{params}} | tee -a {ran} > {{output}}"


rule tables:
    input:
        rules.idsg_cross.output,
    output:
        "results/table4.csv",
        "results/table4.json",
    shell:
        "echo tables >> {ran}; cp {{input}} {{output[0]}}; echo '{{{{\\"csim\\": 1}}}}' > {{output[1]}}"


rule report:
    input:
        rules.tables.output,
    output:
        "results/report.html",
    shell:
        "test ! -e {broken}; echo report >> {ran}; cp {{input[0]}} {{output}}"
"""
STAGES = """
stages:
  plan: { cmd: "true", always_changed: true }
  landmarks:
    cmd: snakemake --cores 1 -- sets
    outs:
      - made/data/sets: { persist: true, cache: false }
  idsg_self:
    cmd: snakemake --cores 1 -- idsg_self
    params: [seed]
    deps: [made/data/sets]
    outs:
      - made/results/idsg_self: { persist: true, cache: false }
  idsg_cross:
    cmd: snakemake --cores 1 -- idsg_cross
    params: [lambda_vls]
    deps: [made/results/idsg_self]
    outs:
      - made/results/idsg_cross: { persist: true, cache: false }
  tables:
    cmd: snakemake --cores 1 -- tables
    deps: [made/results/idsg_cross]
    outs:
      - results/table4.csv: { persist: true, cache: false }
    metrics:
      - results/table4.json: { persist: true, cache: false }
  report:
    cmd: snakemake --cores 1 -- all
    deps: [results/table4.csv]
    outs:
      - made/results/report.html: { persist: true, cache: false }
  provenance:
    cmd: [sh workflow/nothing-left.sh, python -m dg record]
    always_changed: true
    deps: [made/results/report.html]
"""
SELF, CROSS = (f"results/idsg_{phase}/dg/joint.safetensors" for phase in ("self", "cross"))


no_networks = shutil.ignore_patterns("*.safetensors", "__pycache__")


class Small:
    """The small pipeline in a repository of its own."""

    def __init__(self, root: Path):
        self.folder, self.ran, self.broken = root / "it is a test", root / "ran", root / "broken"
        shared = [".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "made", "dg"]
        shared += ["workflow/nothing-left.sh", "workflow/rules/records.smk", "profiles/default/profile.yaml"]
        for name in shared:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.folder / name, symlinks=True, ignore=no_networks)
            else:
                shutil.copy(ROOT / name, self.folder / name)
        (self.folder / "Snakefile").write_text(SNAKEFILE.format(ran=self.ran, broken=self.broken))
        (self.folder / "dvc.yaml").write_text(STAGES)
        data = [out["path"] for out in yaml.safe_load((ROOT / "results.dvc").read_text(encoding="utf-8"))["outs"]]
        made = [{"path": path, "hash": "md5"} for path in data if path in SNAKEFILE or path.startswith(".snakemake")]
        (self.folder / "results.dvc").write_text(yaml.safe_dump({"outs": made}))
        (self.folder / "params.yaml").write_text("lambda_vls: 10\nseed: 0\n")
        repository(self.folder)

    def __call__(self, command: str, check: bool = True) -> str:
        return run(self.folder, *command.split(), check=check)

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def jobs(self) -> list[str]:
        """The jobs that ran since the last call."""
        lines = self.ran.read_text().splitlines() if self.ran.exists() else []
        self.ran.unlink(missing_ok=True)
        return lines


@contextmanager
def held_lock(folder: Path):
    """Another process holds DVC's lock, as an editor does that asks `dvc` something."""
    (folder / ".dvc/tmp").mkdir(exist_ok=True)
    hold = "import zc.lockfile, time; lock = zc.lockfile.LockFile('.dvc/tmp/lock'); print(flush=True); time.sleep(600)"
    other = subprocess.Popen([sys.executable, "-c", hold], cwd=folder, stdout=subprocess.PIPE)
    try:
        other.stdout.readline()
        yield
    finally:
        other.kill()
        other.wait()


@pytest.fixture
def small(tmp_path):
    return Small(tmp_path)


def test_an_experiment_after_half_the_pipeline_runs_what_depends_on_its_value(small):
    small("snakemake --cores 1 results/table4.csv")
    assert small.jobs() == ["sets", "self 0", "cross 10", "tables"]
    # README's order.
    small("git add dvc.lock results results.dvc")
    small("git commit --quiet --message Baseline")
    small("dvc exp run --set-param lambda_vls=5 --name five")
    assert small.jobs() == ["cross 5", "tables", "report"]
    assert small.read("results/table4.csv") == "cross 5\n"
    assert small("git ls-files made").split() == ["made/data", "made/results"]
    # In a folder of its own, from what lies here.
    small("dvc exp run --temp --set-param lambda_vls=7 --name seven")
    assert small.jobs() == ["cross 7", "tables", "report"]
    small("dvc exp apply seven")
    assert small.read(CROSS) == small.read("results/report.html") == "cross 7\n"
    small("snakemake --cores 1")
    assert small.jobs() == []
    small("git checkout --force --quiet HEAD")
    small("dvc checkout --force", check=False)
    small("snakemake --cores 1 results/table4.csv")
    assert small.jobs() == [] and small.read(CROSS) == "cross 10\n"
    assert not (small.folder / "results/report.html").exists()


def test_a_whole_run_by_hand_leaves_dvc_nothing_to_do(small):
    small("snakemake --cores 1")
    small.jobs()
    said = small("dvc repro")
    assert "'plan'" in said and "Running stage 'report'" not in said and small.jobs() == []


def test_the_stages_of_dvc_record_each_run_of_snakemake(small):
    small("dvc repro idsg_self")
    small("dvc exp run --set-param lambda_vls=5")
    assert small.jobs() == ["sets", "self 0", "cross 5", "tables", "report"]
    assert "up to date" in small("dvc status results.dvc")


def test_what_no_run_recorded_is_kept_and_dvc_checkout_refuses(small):
    small.broken.touch()
    small("dvc repro", check=False)
    small("dvc checkout", check=False)
    small("snakemake --cores 1 --config lambda_vls=6", check=False)
    assert small.jobs() == ["sets", "self 0", "cross 10", "tables", "cross 6", "tables"]
    small("git checkout --quiet -- results.dvc")
    small("dvc exp run --set-param lambda_vls=6", check=False)
    assert small.jobs() == [] and small.read(CROSS) == "cross 6\n"


def test_a_killed_run_is_kept(small):
    text = small.read("Snakefile")
    (small.folder / "Snakefile").write_text(text.replace('"echo cross', '"sleep 600; echo cross'))
    words = [str(Path(sys.executable).parent / "snakemake"), "--cores", "1"]
    snakemake = subprocess.Popen(words, cwd=small.folder, start_new_session=True, stderr=subprocess.DEVNULL)
    while not (small.folder / SELF).exists() or not list((small.folder / ".snakemake/incomplete").iterdir()):
        time.sleep(0.2)
    # Meanwhile nobody puts other files into its folder.
    said = small("dvc exp run", check=False)
    assert f"(PID {snakemake.pid}): snakemake" in said
    os.killpg(snakemake.pid, signal.SIGKILL)
    snakemake.wait()
    (small.folder / "Snakefile").write_text(text)
    assert "unsaved files" in small("dvc checkout", check=False)
    small("snakemake --unlock")
    small("dvc exp run --set-param lambda_vls=5")
    assert small.jobs() == ["sets", "self 0", "cross 5", "tables", "report"]


def test_a_run_that_dvc_cannot_record_says_so_and_is_kept(small):
    small("snakemake --cores 1")
    (small.folder / "params.yaml").write_text("lambda_vls: 5\nseed: 0\n")
    with held_lock(small.folder):
        said = small("snakemake --cores 1")
    assert "not recorded in DVC, because another process has held DVC's lock" in said
    small.jobs()
    assert "unsaved files" in small("dvc checkout", check=False)
    small("dvc exp run")
    assert small.jobs() == [] and small.read("results/report.html") == "cross 5\n"


def test_the_tests_depend_on_nothing_that_was_made_or_set_here(tmp_path):
    """As after README's first command, with other values, and while an editor holds DVC's lock."""
    used = copy_of_this_repository(tmp_path / "used")
    for name in ("results/table4.csv", "results/table4.json", "results/idsg_self/dg/joint.json"):
        (used / name).parent.mkdir(parents=True, exist_ok=True)
        (used / name).write_text("{}")
    # Nor on what is no value at all.
    (used / "params.yaml").write_text("scale: what a user has set\n")
    (used / "dvc.lock").write_text("schema: '2.0'\nstages:\n  plan:\n    cmd: python -m dg plan\n")
    data = (used / "results.dvc").read_text()
    (used / "results.dvc").write_text(data.replace("  hash: md5\n", f"  hash: md5\n  md5: {'0' * 32}\n", 1))
    run(used, "git", "add", "--all")
    run(used, "git", "commit", "--quiet", "--message", "Baseline")
    with held_lock(used):
        run(used, sys.executable, "-m", "pytest", "--collect-only", "--quiet")
        tiny = tiny_copy(tmp_path / "tiny", used)
    assert (tiny / "results.dvc").read_text() == data
    assert (tiny / "params.yaml").read_text() == (tiny_copy(tmp_path / "clean") / "params.yaml").read_text()
    assert not (tiny / "dvc.lock").exists()
    assert [path.name for path in (tiny / "results").iterdir()] == ["README.md"]
    planned = run(tiny, "snakemake", "--cores", "1", "--dry-run", "--quiet", "rules", "--", "results/table4.csv")
    assert "synthface" in planned and "rfg_cross" in planned


def test_files_without_any_record_are_kept_by_an_experiment(tmp_path):
    folder = copy_of_this_repository(tmp_path / "repository")
    names = ["data/sets/a/x", "results/idsg_cross/dg/m", "results/table4.csv", ".snakemake/metadata/z"]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    said = run(folder, "dvc", "exp", "run", "--set-param", "scale=none", check=False)
    assert "Running stage 'plan'" in said and "scale: 'none'" in said
    assert all((folder / name).read_text() == name for name in names)
