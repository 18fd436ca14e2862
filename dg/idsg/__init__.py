"""The ID-preserving Shape Generator (Sec. 3.1)."""

from __future__ import annotations

from pathlib import Path

from dg.checkpoints import card_path, load_checkpoint, under_prefix
from dg.files import read_json
from dg.idsg.networks import Idsg


def load_idsg(path: Path) -> Idsg:
    """The tested IDSG (moving averages) of a checkpoint, frozen.

    Raises:
        DgError: the checkpoint or its card is missing or damaged.
    """
    tensors, sizes = load_checkpoint(path), read_json(card_path(path))["sizes"]
    net = Idsg(sizes["landmark_dims"], sizes["face_code"])
    net.load_state_dict(under_prefix("ema_idsg", tensors))
    return net.eval().requires_grad_(False)
