"""What one clone pushes, another pulls and has nothing left to do, neither by Snakemake nor by DVC."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress

import pytest

from tests.repository import run
from tests.test_records import CROSS, Small
from tests.waiting import free_port, wait_for

needs_server = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("dvc_s3", "moto"))),
    reason="needs an S3 server: pip install -e '.[s3]' 'moto[server]'",
)


@pytest.fixture
def s3(monkeypatch):
    """The address of an S3 server on this machine with the bucket `faces`."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    for name, value in (("ACCESS_KEY_ID", "me"), ("SECRET_ACCESS_KEY", "secret"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)])

    def has_bucket() -> bool:
        with suppress(urllib.error.URLError):
            return urllib.request.urlopen(urllib.request.Request(f"{address}/faces", method="PUT")).status == 200
        return False

    try:
        wait_for(has_bucket, 60, "the S3 server answers")
        yield address
    finally:
        server.terminate()
        server.wait()


def second_clone_has_nothing_to_do(first: Small) -> None:
    """`first` has a remote: run everything, push it, and look what is left to do in a clone that pulled."""
    first("snakemake --cores 1")
    first("git add --all")
    first("git commit --quiet --message Made")
    first("dvc push")
    first.jobs()
    second = first.folder.parent / "second"
    run(first.folder.parent, "git", "clone", "--quiet", str(first.folder), str(second))
    run(second, "dvc", "pull")
    assert (second / CROSS).read_text() == "cross 10\n"
    assert "Nothing to be done" in run(second, "snakemake", "--dry-run")
    assert re.findall(r"(\w+):\n\t(.*)", run(second, "dvc", "status")) == [
        ("plan", "always changed"),
        ("provenance", "always changed"),
    ]
    assert "in sync" in run(second, "dvc", "status", "--cloud")
    assert first.jobs() == []


def test_through_a_folder(tmp_path):
    first = Small(tmp_path)
    first(f"dvc remote add --default store {tmp_path}/store")
    second_clone_has_nothing_to_do(first)


@needs_server
def test_through_an_s3_server(tmp_path, s3):
    first = Small(tmp_path)
    first("dvc remote add --default store s3://faces/dg")
    first(f"dvc remote modify store endpointurl {s3}")
    second_clone_has_nothing_to_do(first)
