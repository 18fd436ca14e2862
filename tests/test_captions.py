"""The captions of Snakemake's own report, as it renders them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import Template

from dg import params
from dg.study.captions import captions
from dg.study.data import datasets_of
from dg.study.figures import FIGURES
from dg.tests import COMPARED
from tests.scales import values_at

ROOT = Path(__file__).resolve().parent.parent


def rendered(name: str, values: dict, **wildcards: str) -> str:
    """With the captions that workflow/rules/common.smk adds to the configuration."""
    config = {**values, "captions": captions(params.validate(values, "params.yaml"))}
    text = (ROOT / f"workflow/captions/{name}.rst").read_text(encoding="utf-8")
    return Template(text).render(snakemake=SimpleNamespace(wildcards=SimpleNamespace(**wildcards), config=config))


@pytest.mark.parametrize(
    ("caption", "wildcards", "test"),
    [("figure", {"figure": name}, figure.test) for name, figure in FIGURES.items()]
    + [("range", {"test": test}, test) for test in COMPARED],
)
def test_captions_of_pictures_name_the_stand_ins(caption, wildcards, test):
    values = values_at()
    text = rendered(caption, values, **wildcards)
    sets = datasets_of(params.validate(values, "params.yaml"), test)
    assert [f"SynthFace ({name})" in text for name in sets] == [True] * len(sets)
    values["benchmarks"] = {"VoxCeleb1": "voxceleb1", "VoxCeleb2": "voxceleb2", "RaFD": "rafd", "MPIE": "mpie"}
    text = rendered(caption, values, **wildcards)
    assert "SynthFace" not in text and "synthetic" in text
