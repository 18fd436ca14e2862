"""The README's Python runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image

from dg.synthface import Action, Scene, render, sample_person

README = Path(__file__).resolve().parent.parent / "README.md"


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
