"""The README's Python runs as it stands there, and its picture shows what Snakemake runs."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from setuptools import Distribution

from dg.synthface import Action, Scene, render, sample_person

ROOT = Path(__file__).resolve().parent.parent


def lines_of(document):
    """Its only Python."""
    (code,) = re.findall(r"(?ms)^```python\n(.*?)^```", (ROOT / document).read_text(encoding="utf-8"))
    return code


def written(path):
    with Image.open(path) as picture:
        assert "synthetic" in picture.text["provenance"]
        return np.asarray(picture, float)


def nearer(painted, truth, *others):
    def error(image):
        return np.abs(image.astype(float) - truth).mean()

    return error(painted) < min(error(other) for other in others)


def test_the_readme_s_lines_paint_me_in_your_pose(head, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, person, yaw in (("me.jpg", 1, 0), ("you.jpg", 2, 30), ("truth.png", 1, 30)):
        face = render(head, sample_person(0, person), Action(yaw=yaw), Scene(), 256).image
        Image.fromarray(face).save(name)
    code = lines_of("README.md")
    assert len(re.findall(r"(?m)^\w", code)) == 4
    names = {}
    exec(code, names)
    made = names["made"]
    assert (written("out.png") == made.image).all()
    truth = names["reenactor"].source("truth.png").face.crop
    assert nearer(made.painted, truth, made.source.crop, made.reference.crop)


def test_the_networks_one_by_one_paint_the_source_in_the_reference_s_pose(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(lines_of("docs/reenact.md"), names)
    truth = render(names["head"], sample_person(0, 1), Action(yaw=30), Scene(), 128).image
    assert nearer(written("painted.png"), truth, names["source"], names["reference"])


def test_the_claims_of_the_readme_are_those_of_the_run_that_is_shown():
    told = re.findall(r"(?m)^\| (\d)\. .* \| \*\*(\w+)\*\* \| (.*) \|$", (ROOT / "README.md").read_text("utf-8"))
    shown = ROOT / "docs/results"
    with open(shown / "claims.csv", encoding="utf-8", newline="") as file:
        decided = [(row["claim"], row["verdict"]) for row in csv.DictReader(file) if row["kind"] == "claim"]
    assert [(claim, verdict) for claim, verdict, _ in told] == decided
    parts = re.split(r"(?m)^## (?=\d)", (shown / "claims.md").read_text("utf-8"))[1:]
    for (_, _, words), part in zip(told, parts, strict=True):
        for difference in re.findall(r"[+-][\d.]+ \[[^]]+\]", words):
            assert difference in part


def test_an_installed_package_is_whole(monkeypatch):
    """What setuptools would lay into site-packages, weights and data too."""
    monkeypatch.chdir(ROOT)
    distribution = Distribution({"script_name": "setup.py"})
    distribution.parse_config_files(["pyproject.toml"])
    build = distribution.get_command_obj("build_py")
    build.ensure_finalized()
    taken = {Path(path).relative_to(build.build_lib) for path in build.get_outputs(include_bytecode=False)}
    files = {path.relative_to(ROOT) for path in (ROOT / "dg").rglob("*") if path.is_file()}
    left = {path for path in files - taken if path.suffix not in (".pyc", ".md")}
    assert not left and {path.parts[0] for path in taken} == {"dg"}
    assert {Path("dg/py.typed"), Path("dg/weights/rfg-synthface.safetensors")} <= taken


def test_the_picture_of_the_rules_shows_those_of_today(tmp_path, shipped_file):
    words = ["snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path), "--rulegraph"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*words, "--configfile", str(shipped_file)], env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    shown = re.findall(r"<text[^>]*>(\w+)</text>", (ROOT / "docs/dag.svg").read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(re.findall(r'label = "(\w+)"', done.stdout))
