"""SLURM for real, on this machine: jobs ask for what profiles/slurm says, and go on after what ends them early."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from dvc.utils.serialize import load_yaml, modify_yaml

from dg.training.state import FILE
from tests.prepared import lay_toy_sets
from tests.repository import run, tiny_copy
from tests.slurm_cluster import Cluster, cluster, why_not
from tests.waiting import wait_for

ROOT = Path(__file__).parent.parent
PROFILE = "profiles/slurm/profile.yaml"
PLUGIN = "snakemake_executor_plugin_slurm"
# A cluster without accounting; and jobs that take seconds are asked for more often.
HERE = "--slurm-status-command squeue --slurm-init-seconds-before-status-checks 5"
NET = "results/idsg_self/dg/joint.safetensors"
pytestmark = [
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
    pytest.mark.skipif(importlib.util.find_spec(PLUGIN) is None, reason="needs the plugin: pip install -e '.[slurm]'"),
    pytest.mark.skipif("DG_SLOW" not in os.environ, reason="takes minutes: DG_SLOW=1 runs it"),
]


@pytest.fixture(scope="module")
def slurm():
    """The cluster. Not under pytest's folder, whose name is too long for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    try:
        with cluster(folder) as made:
            yield made
    finally:
        shutil.rmtree(folder)


def documented() -> list[str]:
    """The command at the top of the profile, without its target."""
    (told,) = re.findall(
        r"(?m)(snakemake --workflow-profile .*) results/", (ROOT / PROFILE).read_text(encoding="utf-8")
    )
    return [*shlex.split(told), *HERE.split()]


def start(slurm: Cluster, folder: Path, *words: str) -> subprocess.Popen:
    """The documented command with more words, in the repository `folder`."""
    path = os.pathsep.join([f"{slurm.folder}/bin", str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = slurm.environment | {"PATH": path, "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*documented(), *words], cwd=folder, env=environment, stdout=pipe, stderr=subprocess.STDOUT, text=True
    )


def said(process: subprocess.Popen, code: int) -> str:
    """What it says until it ends, with the exit status `code`."""
    out = process.communicate()[0]
    assert process.returncode == code, out[-8000:]
    return out


def asked(job: dict[str, str]) -> tuple[int, int, float, str]:
    """What a job asked SLURM for: GPUs, cores, megabytes, time."""
    gpus = int(job.get("TresPerJob", "gres:gpu:0").removeprefix("gres:gpu:"))
    return gpus, int(job["CPUs/Task"]), _megabytes(job["MinMemoryNode"]), job["TimeLimit"]


@pytest.fixture
def trains(tmp_path):
    """A repository in which the IDSG can be trained at once."""
    folder = tiny_copy(tmp_path / "repository")
    lay_toy_sets(folder)
    return folder


def test_two_gpus_a_training_are_one_job_of_two_processes_and_a_failed_job_says_why(slurm, trains):
    before = len(slurm.jobs())
    with modify_yaml(trains / "params.yaml") as values:
        values["training"]["gpus"] = 2
    with modify_yaml(trains / PROFILE) as values:
        for rule in ("idsg_self", "idsg_cross", "rfg_self", "rfg_cross"):
            values["set-resources"][rule]["gpu"] = 2
    shard = trains / "data/sets/synth_vox/landmarks/0.arrow"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:1000])
    words = ["--allowed-rules", "idsg_self", "--", NET]
    out = said(start(slurm, trains, *words), 1)
    assert "SLURM status is: 'FAILED'" in out and "logs/idsg_self/dg/joint.log" in out
    assert "synth_vox/landmarks/0.arrow" in (trains / "logs/idsg_self/dg/joint.log").read_text(encoding="utf-8")
    shard.write_bytes(whole)
    said(start(slurm, trains, *words), 0)
    failed, job = slurm.jobs()[before:]
    assert (failed["JobState"], job["JobState"]) == ("FAILED", "COMPLETED")
    assert asked(job) == (2, 1, 16000, "1-00:00:00")
    log = (trains / "logs/idsg_self/dg/joint.log").read_text(encoding="utf-8")
    assert "computes on 0, 1" in log and (trains / NET).exists()


def test_jobs_that_are_ended_and_a_controller_that_is_away_are_survived(slurm, trains):
    with modify_yaml(trains / "params.yaml") as values:
        values["scales"]["tiny"]["idsg"]["self_steps"] = 1_000_000
    words = ["--allowed-rules", "idsg_self", "--", NET]
    log = trains / "logs/idsg_self/dg/joint.log"

    def written() -> str:
        return log.read_text(encoding="utf-8") if log.exists() else ""

    def goes_on() -> tuple[subprocess.Popen, str]:
        """The documented command, once its training is at work again, and the number of SLURM's job."""
        log.unlink()
        snakemake = start(slurm, trains, *words)
        wait_for(lambda: "going on at step" in written(), 240, "the training goes on")
        return snakemake, slurm.jobs()[-1]["JobId"]

    # The time is up: SLURM ends it.
    snakemake = start(slurm, trains, *words)
    wait_for(lambda: list(trains.glob(f".cache/training/*/{FILE}")), 240, "the training saves a state")
    slurm.tell("scontrol", "update", f"jobid={slurm.jobs()[-1]['JobId']}", "timelimit=1")
    assert "SLURM status is: 'TIMEOUT'" in said(snakemake, 1)
    # The controller is away for longer than Snakemake goes without asking, and then the user ends the job.
    snakemake, job = goes_on()
    slurm.stop("slurmctld")
    with pytest.raises(TimeoutError):
        wait_for(lambda: snakemake.poll() is not None, 40, "Snakemake ends")
    slurm.start_controller()
    assert slurm.jobs()[-1]["JobState"] == "RUNNING"
    slurm.tell("scancel", job)
    assert "SLURM status is: 'CANCELLED'" in said(snakemake, 1)
    # Snakemake is killed and its job lives on: the next one is refused beside it, and says what to end.
    snakemake, job = goes_on()
    snakemake.kill()
    snakemake.communicate()
    run(trains, "snakemake", "--unlock")
    said(start(slurm, trains, *words), 1)
    assert f"(SLURM job {job})" in written() and "scancel" in written()
    slurm.tell("scancel", job)
    # Ctrl-C takes the job along.
    snakemake, _ = goes_on()
    snakemake.send_signal(signal.SIGINT)
    snakemake.communicate()
    wait_for(lambda: slurm.jobs()[-1]["JobState"] == "CANCELLED", 60, "the job is cancelled")


def test_the_whole_pipeline_runs_as_jobs_that_ask_for_what_the_profile_says(slurm, tmp_path):
    folder = tiny_copy(tmp_path / "repository")
    before = len(slurm.jobs())
    said(start(slurm, folder), 0)
    jobs = {job["Comment"].removeprefix("rule_").split("_wildcards_")[0]: job for job in slurm.jobs()[before:]}
    assert {job["JobState"] for job in jobs.values()} == {"COMPLETED"}
    profile = load_yaml(folder / PROFILE)
    default = dict(line.split("=") for line in profile["default-resources"])
    seen = set()
    for rule, job in jobs.items():
        wanted = default | profile["set-resources"].get(rule, {})
        hours, minutes = divmod(int(wanted["runtime"]), 60)
        days, hours = divmod(hours, 24)
        time = f"{days}-{hours:02}:{minutes:02}:00" if days else f"{hours:02}:{minutes:02}:00"
        cores = profile["set-threads"].get(rule, 1)
        assert asked(job) == (wanted.get("gpu", 0), cores, int(wanted["mem_mb"]), time), rule
        seen.add(rule)
    assert seen >= {"synthface", "landmarks", "idsg_self", "rfg_cross", "generate", "evaluate", "comparison"}
    table = pd.read_csv(folder / "results/table4.csv")
    assert table.loc[table["method"] == "dg", "csim"].notna().all()
    assert "Nothing to be done" in run(folder, "snakemake", "--dry-run")
    assert re.findall(r"(\w+):\n\t(.*)", run(folder, "dvc", "status")) == [
        ("plan", "always changed"),
        ("provenance", "always changed"),
    ]


def _megabytes(told: str) -> float:
    """Of scontrol's 16000M or 62.50G."""
    return float(told[:-1]) * {"M": 1, "G": 1024}[told[-1]]
