"""Snakemake and DVC in one folder: no state that a run can leave is lost to an experiment, whoever made it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml

from dg.errors import DgError
from dg.records import record
from tests.prepared import disk_is_full
from tests.repository import ROOT, copy_of_this_repository, repository, run, tiny_copy

# The pipeline in small: the same data file, stages, links and hooks, but a training is a line of text. Each job that
# runs says so in a file outside, which no tool puts back.
SNAKEFILE = """
configfile: "params.yaml"


include: "workflow/rules/records.smk"


onstart:
    begin_run()


onsuccess:
    end_run()
    require_same_values()


onerror:
    end_run()


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
        self.folder, self.ran, self.broken, self.go_on = (
            root / "it's a test",
            root / "ran",
            root / "broken",
            root / "go_on",
        )
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

    @contextmanager
    def in_its_cross_phase(self, command: str):
        """The running command, once that job has begun; it waits for `go_on`."""
        text = self.read("Snakefile")
        slow = f'"while [ ! -e {self.go_on} ]; do sleep 0.2; done; echo cross'
        (self.folder / "Snakefile").write_text(text.replace('"echo cross', slow))
        tool, *words = command.split()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        running = subprocess.Popen(
            [str(Path(sys.executable).parent / tool), *words], cwd=self.folder, env={**os.environ, "PATH": path},
            start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while not any((self.folder / ".snakemake/incomplete").glob("*")):
                assert running.poll() is None
                time.sleep(0.2)
            yield running
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            self.go_on.unlink(missing_ok=True)
            (self.folder / "Snakefile").write_text(text)

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


def test_what_a_run_laid_over_the_values_stands_in_the_command_that_makes_it_again(small):
    """Killed while it noted its own words, a run before leaves half a line."""
    (small.folder / "logs").mkdir()
    (small.folder / "logs/runs.jsonl").write_text('{"start": 1\n')
    (small.folder / "five.yaml").write_text("lambda_vls: 5\n")
    small("snakemake --cores 1 --configfile five.yaml --config seed=3 -- tables")
    assert small.jobs() == ["sets", "self 3", "cross 5", "tables"]
    again = re.search(r"(?m)^again +(.+)$", small("python -m dg why results/table4.csv"))[1]
    assert again == ("snakemake --cores all --configfile five.yaml --config seed=3 --forceall -- results/table4.csv")
    small(again)
    assert small.jobs() == ["sets", "self 3", "cross 5", "tables"]
    small("snakemake --cores 1 -- tables")
    assert small.jobs() == ["self 0", "cross 10", "tables"]
    said = small("python -m dg why results/table4.csv")
    assert "\nagain      snakemake --cores all --forceall -- results/table4.csv\n" in said and "\noptions " not in said


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
    with small.in_its_cross_phase("snakemake --cores 1") as snakemake:
        # Meanwhile nobody puts other files into its folder, saves what is half made, or works there too.
        for command in ("dvc exp run", "dvc exp run --temp"):
            assert f"(PID {snakemake.pid}): snakemake" in small(command, check=False)
        said = small("snakemake --cores 1", check=False)
        assert f"Snakemake works in this folder: process {snakemake.pid} on" in said and "Error" in said
        said = small("snakemake --cores 1 --nolock", check=False)
        assert f"works in this folder already: process {snakemake.pid} on" in said
        os.killpg(snakemake.pid, signal.SIGKILL)
    assert "unsaved files" in small("dvc checkout", check=False)
    said = small("dvc exp run --set-param lambda_vls=5")
    assert "The last run here was killed" in said
    assert small.jobs() == ["sets", "self 0", "cross 5", "tables", "report"]


def test_dvc_records_no_value_for_what_was_made_with_another(small):
    def recorded():
        stage = yaml.safe_load(small.read("dvc.lock"))["stages"]["idsg_cross"]
        return stage["params"]["params.yaml"]["lambda_vls"], stage["outs"][0]["md5"]

    small("snakemake --cores 1")
    of_10 = recorded()
    small("snakemake --cores 1 --config lambda_vls=5")
    assert small.read("results/report.html") == "cross 5\n" and recorded() == of_10
    assert re.search(r"changed outs:\n\s+modified: +made/results/idsg_cross", small("dvc status"))
    small("dvc repro --single-item idsg_cross")
    assert small.read(CROSS) == "cross 10\n" and recorded() == of_10
    # Or with that of params.yaml as it was when the run began.
    (small.folder / "params.yaml").write_text("lambda_vls: 20\nseed: 0\n")
    with small.in_its_cross_phase("dvc repro --single-item idsg_cross") as repro:
        (small.folder / "params.yaml").write_text("lambda_vls: 30\nseed: 0\n")
        small.go_on.touch()
        assert repro.wait() and recorded() == of_10
    small("dvc repro --single-item idsg_cross")
    assert small.read(CROSS) == "cross 30\n" and recorded()[0] == 30 and recorded()[1] != of_10[1]


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


def test_what_dvc_was_killed_over_is_written_again(small, monkeypatch):
    small("snakemake --cores 1")
    good = {name: small.read(name) for name in ("results.dvc", "dvc.lock")}
    monkeypatch.chdir(small.folder)
    with monkeypatch.context() as patch:
        patch.setattr("dvc.utils.serialize.dump_yaml", disk_is_full)
        with pytest.raises(DgError, match="disk"):
            record(patience=0)
    assert {name: small.read(name) for name in good} == good
    (small.folder / "dvc.lock").write_text(good["dvc.lock"][:300])
    for name in (".dvc/tmp/rwlock", ".dvc/tmp/exps/rwlock"):
        (small.folder / name).write_text("")
    assert "validation failed" in small("dvc status", check=False)
    (small.folder / "params.yaml").write_text("lambda_vls: 5\nseed: 0\n")
    small("snakemake --cores 1")
    assert "always changed" in small("dvc status") and small.read(CROSS) == "cross 5\n"
    assert small.read("dvc.lock").count("cmd:") == good["dvc.lock"].count("cmd:")
    (small.folder / "results.dvc").write_text("")
    with pytest.raises(DgError, match=r"git checkout results\.dvc"):
        record(patience=0)


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
