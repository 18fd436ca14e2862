"""face_alignment's own 3DFAN-4 and depth network, whose weights the project may not ship."""

from __future__ import annotations

from pathlib import Path

from face_alignment.models import FAN, ResNetDepth

from dg.weights import landmarks
from dg.weights.published import PUBLISHED
from dg.weights.state import fill


def official_nets(folder: Path = PUBLISHED) -> tuple[FAN, ResNetDepth]:
    """3DFAN-4 and its depth network with the authors' weights, on the CPU.

    Args:
        folder: where the two files lie or are downloaded to.

    Raises:
        DgError: a file is missing and can't be downloaded, is damaged, or doesn't fit the network.
    """
    fan, depth = FAN(4), ResNetDepth()
    fill(fan, landmarks.FAN, folder)
    fill(depth, landmarks.DEPTH, folder)
    return fan, depth
