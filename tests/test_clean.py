"""`make help` and `make clean`: what there is, and away with what can be made again alone."""

from __future__ import annotations

import io
import os
import re
import subprocess

import pytest

from dg.clean import made_here
from dg.cli import main
from tests.prepared import left_in, took
from tests.repository import ROOT
from tests.scales import params_at, values_at

OWN = ["data/raw/rafd/1.jpg", "data/weights/x.pth", ".dvc/cache/files/md5/00/1", "results/README.md", "params.yaml"]
MADE = ["data/raw/synth_rafd/images/1.png", "data/sets/rafd/manifest.parquet", "data/synthface/head.safetensors"]
MADE += ["results/idsg_self/dg/joint.safetensors", ".snakemake/metadata/x", ".cache/training/0/state.safetensors"]


@pytest.fixture
def folder(tmp_path, shipped_file, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (*OWN, *MADE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(shipped_file.read_text() if name == "params.yaml" else "x")
    took("results/table4.csv", "comparison", 0, 4000)
    took("data/sets/rafd/frames/0.arrow", "frames", 0, 3500)
    return tmp_path


def test_what_was_made_goes_and_what_was_laid_stays(folder, capsys):
    assert main(["clean", "--yes"]) == 0
    said = capsys.readouterr().out
    assert "The 2 jobs that made it took 2 h 5 min" in said and "dvc checkout" in said
    assert left_in(folder) == sorted(OWN)
    assert main(["clean", "--yes"]) == 0
    assert capsys.readouterr().out == "Nothing to remove.\n"


@pytest.mark.parametrize("answer", ["\n", "n\n", None])
def test_nothing_goes_unless_it_is_agreed_to(folder, monkeypatch, capsys, answer):
    before = left_in(folder)
    keys = io.StringIO(answer or "y\n")
    keys.isatty = lambda: answer is not None
    monkeypatch.setattr("sys.stdin", keys)
    assert main(["clean"]) == (answer is None)
    assert "othing was removed" in "".join(capsys.readouterr()) and left_in(folder) == before


@pytest.mark.parametrize("trouble", ["a running Snakemake", "no raw data"])
def test_nothing_goes_that_is_in_use_or_could_not_be_made_again(folder, capsys, trouble):
    if trouble == "no raw data":
        (folder / "data/raw/rafd/1.jpg").unlink()
        (folder / "data/raw/rafd").rmdir()
    else:
        (folder / ".snakemake/locks").mkdir()
        (folder / ".snakemake/locks/0.input.lock").touch()
    before = left_in(folder)
    assert main(["clean", "--yes"]) == 1
    assert "nothing was removed" in capsys.readouterr().err and left_in(folder) == before


def test_all_that_dvc_versions_for_snakemake_is_among_it(folder):
    """And no other set than a rendered one."""
    outputs = re.findall(r"- path: (\S+)", (ROOT / "results.dvc").read_text(encoding="utf-8"))
    for name in outputs:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in values_at()["datasets"]:
        (folder / "data/raw" / name).mkdir(exist_ok=True)
    there = set(map(str, made_here(params_at())))
    assert there >= set(outputs)
    assert {name for name in there if name.startswith("data/raw")} == {
        f"data/raw/synth_{kind}" for kind in ("rafd", "mpie", "vox")
    }


def test_make_alone_lists_every_target():
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = set(re.findall(r"^  make (\S+)", shown, re.MULTILINE))
    stated = re.search(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert targets == set(stated[1].split()) >= {"table4", "report", "clean", "test"}


@pytest.mark.parametrize(("home", "said"), [(".", ""), ("/proc/no such folder", f"{ROOT}/.cache")])
def test_caches_lie_here_where_home_can_t_be_written(home, said):
    environment = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"} | {"HOME": home}
    words = ["make", "--silent", "--eval", "show:\n\t@echo $$XDG_CACHE_HOME", "show"]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{said}\n"
