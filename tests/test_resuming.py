"""One process at a time works in a folder of unfinished work, whoever started it and whoever was killed since."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest
from dvc.utils.serialize import modify_yaml

from dg.errors import DgError
from dg.resume import resuming
from dg.steps.registry import step_settings
from tests.prepared import lay_toy_sets
from tests.repository import tiny_copy
from tests.scales import params_at


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return step_settings(params_at(), "idsg", phase="self")


def test_a_folder_is_one_process_alone_and_ends_with_the_work(settings):
    with resuming(settings, {"a": "1"}) as state:
        (state / "state").touch()
        named = f"in use by process {os.getpid()} on "
        with pytest.raises(DgError, match=named), resuming(settings, {"b": "1"}):  # its path doesn't count
            pass
        with resuming(settings, {"a": "2"}) as other:
            assert other != state
    assert not state.exists() and not other.exists()


def test_unfinished_work_is_kept_and_free(settings):
    with pytest.raises(DgError, match="disk is full"), resuming(settings, {"a": "1"}) as state:
        (state / "state").touch()
        raise DgError("disk is full")
    with resuming(settings, {"a": "1"}) as again:
        assert again == state and (again / "state").exists()


def test_torchruns_processes_share_the_folder_of_the_one_that_started_them(settings, monkeypatch):
    with resuming(settings, {"a": "1"}) as state:
        monkeypatch.setenv("WORLD_SIZE", "2")
        for rank in ("1", "0"):
            monkeypatch.setenv("RANK", rank)
            with resuming(settings, {"a": "1"}) as shared:
                assert shared == state and state.exists()
    assert not state.exists()


def test_a_training_ends_with_its_snakemake_and_the_very_same_command_goes_on(tmp_path):
    folder = tiny_copy(tmp_path / "repository")
    with modify_yaml(folder / "params.yaml") as values:
        values["scales"]["tiny"]["idsg"]["self_steps"] = 100_000
    lay_toy_sets(folder)
    words = ["snakemake", "--cores", "1", "--allowed-rules", "idsg_self"]
    words += ["--", "results/idsg_self/dg/joint.safetensors"]

    def holder():
        return "".join(path.read_text() for path in folder.glob(".cache/training/*/in_use"))

    def training():
        """Snakemake, once a training has begun."""
        path, before = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", holder()
        started = subprocess.Popen(words, cwd=folder, env={**os.environ, "PATH": path}, start_new_session=True)
        ends.callback(end, started)
        while holder() in ("", before):
            assert started.poll() is None
            time.sleep(0.2)
        return started

    def end(started):
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()

    with ExitStack() as ends:
        first = training()
        (of_it,) = re.findall(r"^process (\d+) on ", holder())
        assert psutil.pid_exists(int(of_it))
        # Snakemake alone, not its jobs.
        first.kill()
        first.wait()
        with suppress(psutil.NoSuchProcess):
            psutil.Process(int(of_it)).wait(timeout=30)
        training()
