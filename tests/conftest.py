"""The head model of SynthFace, built once for all tests of a process; a machine without internet."""

import urllib.error
import urllib.request

import pytest

from dg.synthface import load_head
from dg.synthface.head_builder import build_head


@pytest.fixture(scope="session")
def head_file(tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "synthface-head.safetensors"
    build_head(path)
    return path


@pytest.fixture(scope="session")
def head(head_file):
    return load_head(head_file)


@pytest.fixture
def offline(monkeypatch):
    def refuse(*_, **__):
        raise urllib.error.URLError("no internet here")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
