"""What is asked before any work: values of experiments, a place for caches, a way back for what is made."""

from __future__ import annotations

import os
import re
from contextlib import nullcontext

import pytest

from dg.cli import main
from dg.errors import DgError
from dg.ready import check_grid, require_a_place_for_caches, require_a_way_back
from tests.repository import repository, run


def test_a_grid_is_checked_before_it_is_queued(shipped_file):
    before = shipped_file.read_bytes()
    assert check_grid(shipped_file, ["lambda_vls=1,5,10,20"]) == 4
    assert check_grid(shipped_file, ["params.yaml:lambda_vls=range(1,4)", "metrics.csim=sface,dlib"]) == 6
    assert shipped_file.read_bytes() == before


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("lambda_vls=5,-1", r"with seed=1 lambda_vls=-1: params\.yaml: .*\n  lambda_vls: .*greater than or equal to 0"),
        ("scales.sample.rfg.channels=24,32", r"with seed=1 scales\.sample\.rfg\.channels=32: .*has other sizes"),
        ("lambda_vsl=5", r"Could not override 'lambda_vsl'"),
        ("lambda_vls", "'lambda_vls': expected KEY=VALUE"),
    ],
)
def test_the_experiment_of_a_grid_that_would_be_refused_is_named(shipped_file, capsys, word, answer):
    assert main(["check", "-S", "seed=1", "-S", word, "--params", str(shipped_file)]) == 1
    assert re.search(answer, capsys.readouterr().err)


@pytest.mark.parametrize("name", ["HOME", "XDG_CACHE_HOME"])
def test_where_snakemake_could_not_write_its_cache_another_place_is_asked_for(tmp_path, monkeypatch, name):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv(name, str(tmp_path / "not made yet"))
    require_a_place_for_caches()
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(DgError, match=r"export XDG_CACHE_HOME=\$PWD/\.cache"):
        require_a_place_for_caches()


@pytest.mark.parametrize(("kind", "options"), [("whole", []), ("shallow", ["--depth", "1"])])
def test_an_experiment_that_git_would_not_bring_back_is_refused(tmp_path, monkeypatch, kind, options):
    (tmp_path / "first").mkdir()
    for name in "ab":
        (tmp_path / "first" / name).touch()
        repository(tmp_path / "first")
    run(tmp_path, "git", "clone", "--quiet", *options, f"file://{tmp_path}/first", kind)
    folder = tmp_path / kind / ".dvc/tmp/exps/standalone/tmp1"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path / kind)
    require_a_way_back()
    monkeypatch.chdir(folder)
    with nullcontext() if kind == "whole" else pytest.raises(DgError, match="git fetch --unshallow"):
        require_a_way_back()
