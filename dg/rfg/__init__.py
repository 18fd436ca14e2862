"""The Reenacted Face Generator (Sec. 3.2)."""

from __future__ import annotations

from pathlib import Path

from dg.checkpoints import load_tested
from dg.rfg.model import Rfg
from dg.sizes.rfg import RfgSizes


def load_rfg(path: Path) -> Rfg:
    """The tested RFG (moving averages) of a checkpoint, frozen.

    Raises:
        DgError: the checkpoint or its card is missing or damaged, or holds another network.
    """
    return load_tested(path, "rfg", RfgSizes, Rfg)
