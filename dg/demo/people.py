"""The examples on the page: people of SynthFace, rendered as it starts."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from dg.synthface import Action, Head, Scene, load_head, render, sample_person
from dg.synthface.head_builder import build_head

SHOWN = (14, 6, 8, 10, 2)
"""Which of the people of seed 0: hair, beard, age and skin as different as possible."""
_SIDE = 208  # pixels, enough for a crop of 128
_SCENE = Scene(scale=0.88)  # smaller than usual, so that no crop reaches over the edge


def make_head() -> Head:
    """SynthFace's head model, in 5 s. Its file is gone when this returns: what is mapped lives on without a name."""
    with tempfile.TemporaryDirectory(prefix="dg-demo-") as folder:
        build_head(Path(folder) / "head.safetensors")
        return load_head(Path(folder) / "head.safetensors")


def people(head: Head) -> list[np.ndarray]:
    """Their pictures, frontal and neutral, (208, 208, 3) uint8, about a second each."""
    return [render(head, sample_person(0, index), Action(), _SCENE, _SIDE).image for index in SHOWN]
