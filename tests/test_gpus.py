"""A machine of two GPUs, as a stand-in for nvidia-smi tells it: each job computes on its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings

import pytest
import torch
from dvc.utils.serialize import modify_yaml

from dg.gpus import why_unused
from tests.prepared import lay_toy_sets
from tests.repository import ROOT, run, tiny_copy
from tests.test_profiles import rules_with

SMI = "#!/bin/sh\necho GPU-a\necho GPU-b\n"
CLAIM = """
import os, sys
from dg.gpus import claimed

with claimed({count}):
    print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
    sys.stdin.readline()
print(os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """PATH leads to the stand-in, and GPUs that other tests hold are other ones."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/nvidia-smi").write_text(SMI)
    (tmp_path / "bin/nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def start(count):
    """A process that claims GPUs, says which, keeps them until it is told a line, and lives on until a second one."""
    words = [sys.executable, "-c", CLAIM.format(count=count)]
    pipe = subprocess.PIPE
    return subprocess.Popen(words, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.usefixtures("machine")
def test_a_process_waits_for_gpus_that_others_have_until_they_end():
    first, second = start(1), start(1)
    assert {first.stdout.readline(), second.stdout.readline()} == {"GPU-a\n", "GPU-b\n"}
    third = start(2)
    said = third.stderr.readline()
    assert said.startswith("waits for 2 of 2 GPU(s)")
    assert f"process {first.pid} on" in said and f"process {second.pid} on" in said
    # One is killed, the other one through with its work on them.
    first.kill()
    second.stdin.write("\n")
    second.stdin.flush()
    assert second.stdout.readline() == "None\n"
    assert third.stdout.readline() == "GPU-a,GPU-b\n"
    for process in (first, second, third):
        process.communicate("\n\n")


@pytest.mark.usefixtures("machine")
def test_what_cuda_visible_devices_says_is_kept_to(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    one = start(1)
    assert one.stdout.readline() == "3\n"
    other = start(2)
    assert "2 GPUs are asked for, but this machine has 1 (3)" in other.communicate("")[1]
    assert one.communicate("\n\n")[0] == "3\n"


@pytest.mark.usefixtures("machine")
def test_slurm_jobs_whose_gpus_have_the_same_name_do_not_wait_for_one_another(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")  # where a job sees its own GPUs alone
    jobs = []
    for number in ("7", "8"):
        monkeypatch.setenv("SLURM_JOB_ID", number)
        jobs.append(start(1))
        assert jobs[-1].stdout.readline() == "0\n"
    third = start(1)
    assert f"process {jobs[1].pid} on" in (said := third.stderr.readline()) and "(SLURM job 8)" in said
    for process in (*jobs, third):
        process.communicate("\n\n")


@pytest.mark.usefixtures("machine")
def test_two_trainings_at_once_are_on_two_gpus(tmp_path):
    folder = tiny_copy(tmp_path / "repository")
    with modify_yaml(folder / "params.yaml") as values:
        values["scales"]["tiny"]["tables"]["comparison_seeds"] = 2
    lay_toy_sets(folder)
    made = [f"results/idsg_self/{variant}/joint.safetensors" for variant in ("dg", "seed-1")]
    words = ["snakemake", "--cores", "2", "--allowed-rules", "idsg_self", "--resources"]
    said = run(folder, *words, "gpu=3", "--", *made, check=False)
    assert "3 GPUs are asked for, but this machine has 2 (GPU-a, GPU-b)" in said
    said = run(folder, *words, "gpu=2", "--", *made)
    assert said.count("nvidia-smi is here, but no GPU can be used") == (not torch.cuda.is_available())
    logs = [(folder / f"logs/idsg_self/{variant}/joint.log").read_text() for variant in ("dg", "seed-1")]
    assert sorted(re.search("computes on (.*)", log)[1] for log in logs) == ["GPU-a", "GPU-b"]


@pytest.mark.parametrize(
    ("cuda", "warning", "reason"),
    [
        (None, None, "is built for the CPU alone"),
        (
            "13.2",
            "CUDA initialization: The NVIDIA driver on your system is too old (Triggered internally)",
            "is too old",
        ),
        ("13.2", None, "torch finds none"),
    ],
)
def test_a_gpu_that_torch_can_not_use_is_named_before_days_of_work(monkeypatch, cuda, warning, reason):
    def is_available():
        if warning:
            warnings.warn(warning, stacklevel=1)
        return False

    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    assert why_unused().endswith(reason)


def test_every_rule_that_takes_gpus_tells_its_step_how_many():
    takers = {name for name, text in rules_with("resources").items() if "gpu=" in text}
    told = {name for name, text in rules_with("shell").items() if "--gpus {resources.gpu}" in text}
    assert takers == told >= {"landmarks", "identity", "idsg_self", "rfg_cross", "generate", "evaluate"}
