"""For tests of several files: SynthFace's head model, params.yaml as shipped, a browser, a machine without internet."""

import os
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from dg.synthface import load_head
from dg.synthface.head_builder import build_head
from tests.scales import ROOT, SHIPPED

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
# Minutes each: begun last, one core would wait.
LONG = ["test_pipeline.py", "test_raw_data.py", "test_owners_trees.py", "test_records.py"]


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.fixture(scope="module", autouse=True)
def folders_go_with_their_file(request, tmp_path_factory):
    """What a file's tests shared, pytest would keep to the end of the run. Kept where one of them failed."""
    there = tmp_path_factory.getbasetemp()
    before, failed = set(there.iterdir()), request.session.testsfailed
    yield
    if request.session.testsfailed == failed:
        for made in set(there.iterdir()) - before:
            if made.is_dir() and not made.is_symlink():
                shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def head_file(tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "synthface-head.safetensors"
    build_head(path)
    return path


@pytest.fixture(scope="session")
def head(head_file):
    return load_head(head_file)


@pytest.fixture(scope="session")
def shipped_file(tmp_path_factory):
    """params.yaml as shipped, whatever a user has set in his."""
    return Path(shutil.copy(ROOT / SHIPPED, tmp_path_factory.getbasetemp() / "params.yaml"))


@pytest.fixture(scope="module")
def any_machine():
    """Snakemake in this process: its tools are this interpreter's, and no file of weights needs to be there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        patch.setattr("dg.ready.require_weights", lambda values: None)
        yield


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH (Debian: apt install chromium)")
    playwright = pytest.importorskip("playwright.sync_api")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield started
        started.close()


@pytest.fixture
def offline(monkeypatch):
    def refuse(*_, **__):
        raise urllib.error.URLError("no internet here")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
