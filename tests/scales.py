"""params.yaml at every scale: its own, and those in files that are laid over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from snakemake.utils import update_config

from dg.params import read_values

ROOT = Path(__file__).resolve().parent.parent
LAID_OVER = {"tiny": "tests/tiny.yaml", "hour": "docs/hour.yaml"}
SCALES = ("sample", "paper", *LAID_OVER)


def values_at(scale: str) -> dict[str, Any]:
    """The raw values of params.yaml at `scale`, merged as `snakemake --configfile` merges them."""
    values = read_values(ROOT / "params.yaml") | {"scale": scale}
    if scale in LAID_OVER:
        update_config(values, read_values(ROOT / LAID_OVER[scale]))
    return values
