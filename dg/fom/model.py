"""A trained First Order Motion Model on disk."""

from __future__ import annotations

from pathlib import Path

from dg.checkpoints import load_tested
from dg.fom.networks import Fom
from dg.sizes.fom import FomSizes

FILE = "fom.safetensors"
"""What it is called in the folder of a method's model."""


def load_fom(path: Path) -> Fom:
    """The tested model (moving averages) of a checkpoint, frozen.

    Raises:
        DgError: the checkpoint or its card is missing or damaged, or holds another network.
    """
    return load_tested(path, "fom", FomSizes, Fom)
