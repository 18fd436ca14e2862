"""params.yaml as shipped, whatever a user has set in his, at every scale: its own, and those that are laid over it.

tests/shipped.yaml is a copy of it, which `.ci/run` holds to be the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from snakemake.utils import update_config

from dg.params import Params, read_values, validate

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = "tests/shipped.yaml"
LAID_OVER = {"tiny": "tests/tiny.yaml", "hour": "docs/hour.yaml"}
SCALES = ("sample", "paper", *LAID_OVER)


def values_at(scale: str = "sample") -> dict[str, Any]:
    """The raw values of params.yaml as shipped at `scale`, merged as `snakemake --configfile` merges them."""
    values = read_values(ROOT / SHIPPED)
    if scale in LAID_OVER:
        update_config(values, read_values(ROOT / LAID_OVER[scale]))
    return values | {"scale": scale}


def params_at(scale: str = "sample") -> Params:
    """`values_at` as typed, checked objects."""
    return validate(values_at(scale), "params.yaml")
