"""One run of Snakemake at a time: what a killed one leaves is cleared up, and its jobs don't outlive it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dg.clean import clean
from dg.errors import DgError
from dg.resume import input_digests
from dg.runs import IN_USE, SNAKEMAKES_LOCKS, STARTED_BY, clear_up_after_a_killed_run, hold_folder
from dg.shards import FaceSet
from tests.prepared import face_table, left_in, prepare
from tests.repository import ROOT
from tests.scales import params_at

WRITER = """
import os, sys
from pathlib import Path
from dg.files import replacing
with replacing(Path(sys.argv[1])) as part:
    part.write_bytes(b"half")
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def killed(tmp_path, monkeypatch):
    """What a run leaves that was killed while a job wrote."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(STARTED_BY, raising=False)  # tests that load the Snakefile in this process leave it
    SNAKEMAKES_LOCKS.mkdir(parents=True)
    (SNAKEMAKES_LOCKS / "0.input.lock").write_text("data/sets/a/manifest.parquet\n")
    hold_folder().close()
    for name in ("data/sets/a/frames/.0.17.tmp.arrow", "results/methods/.m.17.tmp/part", "results/table4.csv"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    return tmp_path


def test_the_lock_and_the_half_written_files_of_a_killed_run_go(killed):
    assert "was killed" in clear_up_after_a_killed_run()
    assert left_in(killed) == [str(IN_USE), "results/table4.csv"]
    assert not clear_up_after_a_killed_run()


@pytest.mark.parametrize("whose", ["of a run that goes on", "of a run that has not started a job yet", "of elsewhere"])
def test_the_lock_stays_that_may_be_of_a_run_that_goes_on(killed, whose):
    before = left_in(killed)
    if whose == "of a run that goes on":
        held = hold_folder()
        with pytest.raises(DgError, match=f"works in this folder already: process {os.getpid()} on"):
            hold_folder()
    elif whose == "of elsewhere":
        IN_USE.write_text("process 1 on another-machine, since 01 Jan 00:00")
    else:
        later = time.time() + 10
        os.utime(SNAKEMAKES_LOCKS / "0.input.lock", (later, later))
    told = clear_up_after_a_killed_run()
    assert bool(told) == (whose == "of a run that goes on") and left_in(killed) == before
    with pytest.raises(DgError, match="Snakemake works in this folder"):
        clean(params_at(), lambda told: True)
    if whose == "of a run that goes on":
        held.close()


def test_a_job_and_what_it_started_end_with_the_snakemake_that_was_killed(tmp_path):
    job = (
        "import subprocess, sys, time; from dg.runs import end_with_snakemake; end_with_snakemake();"
        " print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True);"
        " time.sleep(600)"
    )
    snakemake = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    environment = {**os.environ, STARTED_BY: str(snakemake.pid)}
    with subprocess.Popen([sys.executable, "-c", job], cwd=ROOT, env=environment, stdout=subprocess.PIPE) as started:
        of_job = psutil.Process(int(started.stdout.readline()))
        assert started.poll() is None and of_job.is_running()
        snakemake.kill()
        snakemake.wait()
        assert started.wait(timeout=30) == 1
        of_job.wait(timeout=30)


def test_what_a_killed_writer_left_is_no_shard(tmp_path):
    folder = prepare(tmp_path / "set", face_table(2))
    before = input_digests([folder], [])
    for kind in ("frames", "landmarks"):
        done = subprocess.run([sys.executable, "-c", WRITER, folder / kind / "0.arrow"], cwd=ROOT)
        assert done.returncode == -signal.SIGKILL and len(list((folder / kind).iterdir())) == 2
    assert len(FaceSet([folder])) == len(face_table(2))
    assert input_digests([folder], []) == before
