"""The captions of Snakemake's own report, as it renders them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import Template

from dg import params
from dg.settings import FIGURES, TABLE_TESTS, datasets_of

ROOT = Path(__file__).resolve().parent.parent


def rendered(name: str, config: dict, **wildcards: str) -> str:
    text = (ROOT / f"workflow/captions/{name}.rst").read_text(encoding="utf-8")
    return Template(text).render(snakemake=SimpleNamespace(wildcards=SimpleNamespace(**wildcards), config=config))


@pytest.mark.parametrize(
    ("caption", "wildcards", "test"),
    [("figure", {"figure": name}, test) for name, (test, _) in FIGURES.items()]
    + [("range", {"benchmark": test}, test) for tests in TABLE_TESTS.values() for test in tests],
)
def test_captions_of_pictures_name_the_stand_ins(caption, wildcards, test):
    values = params.read_values(ROOT / "params.yaml")
    text = rendered(caption, values, **wildcards)
    sets = datasets_of(params.validate(values, "params.yaml"), test)
    assert [f"SynthFace ({name})" in text for name in sets] == [True] * len(sets)
    values["benchmarks"] = {"VoxCeleb1": "voxceleb1", "VoxCeleb2": "voxceleb2", "RaFD": "rafd", "MPIE": "mpie"}
    text = rendered(caption, values, **wildcards)
    assert "SynthFace" not in text and "synthetic" in text
