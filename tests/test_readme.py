"""The README's Python runs as it stands there, and its picture shows what Snakemake runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from dg.synthface import Action, Scene, render, sample_person

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


def test_the_readme_s_lines_paint_the_source_in_the_reference_s_pose(tmp_path, monkeypatch):
    (code,) = re.findall(r"(?ms)^```python\n(.*?)^```", README.read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)
    with Image.open("painted.png") as picture:
        assert "synthetic" in str(picture.text).lower()
        painted = np.asarray(picture, float)
    truth = render(names["head"], sample_person(0, 1), Action(yaw=30), Scene(), 128).image

    def error(image):
        return np.abs(image - truth.astype(float)).mean()

    assert error(painted) < min(error(names["source"]), error(names["reference"]))


def test_the_picture_of_the_rules_shows_those_of_today(tmp_path, shipped_file):
    words = ["snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path), "--rulegraph"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*words, "--configfile", str(shipped_file)], env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    shown = re.findall(r"<text[^>]*>(\w+)</text>", (ROOT / "docs/dag.svg").read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(re.findall(r'label = "(\w+)"', done.stdout))
