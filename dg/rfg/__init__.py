"""The Reenacted Face Generator (Sec. 3.2)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dg.rfg.model import Rfg


def load_rfg(path: Path) -> Rfg:
    """The tested RFG (moving averages) of a checkpoint, frozen.

    Raises:
        DgError: the checkpoint or its card is missing or damaged, or holds another network.
    """
    # Here: the networks alone are also trained where cards and settings have no libraries (dg/pretraining/faces).
    from dg.checkpoints import load_tested
    from dg.rfg.model import Rfg
    from dg.sizes.rfg import RfgSizes

    return load_tested(path, "rfg", RfgSizes, Rfg)
