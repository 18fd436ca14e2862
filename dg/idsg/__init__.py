"""The ID-preserving Shape Generator (Sec. 3.1)."""

from __future__ import annotations

from pathlib import Path

from dg.checkpoints import load_tested
from dg.idsg.networks import Idsg
from dg.sizes.idsg import IdsgSizes


def load_idsg(path: Path) -> Idsg:
    """The tested IDSG (moving averages) of a checkpoint, frozen.

    Raises:
        DgError: the checkpoint or its card is missing or damaged, or holds another network.
    """
    return load_tested(
        path, "idsg", IdsgSizes, lambda sizes: Idsg(sizes.landmark_dims, sizes.face_code, sizes.coordinates)
    )
