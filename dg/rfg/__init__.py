"""The Reenacted Face Generator (Sec. 3.2)."""

from __future__ import annotations

from pathlib import Path

from dg.checkpoints import card_path, load_checkpoint, under_prefix
from dg.files import read_json
from dg.rfg.model import Rfg


def load_rfg(path: Path) -> Rfg:
    """The tested RFG (moving averages) of a checkpoint, frozen.

    Raises:
        DgError: the checkpoint or its card is missing or damaged.
    """
    tensors, sizes = load_checkpoint(path), read_json(card_path(path))["sizes"]
    net = Rfg(sizes)
    net.load_state_dict({name: t.float() for name, t in under_prefix("ema_rfg", tensors).items()})
    return net.eval().requires_grad_(False)
