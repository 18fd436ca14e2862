"""The pair list of one test, drawn once from the seed (Sec. 4.1)."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from dg.errors import DgError
from dg.files import write_parquet
from dg.protocols.rules import extreme_pairs, mpie_pairs, rafd_pairs, subset
from dg.protocols.video_rules import voxceleb1_pairs, voxceleb2_pairs
from dg.shards import FaceSet
from dg.steps.data import PairsSettings

Rule = Callable[[pd.DataFrame, PairsSettings, np.random.Generator], pd.DataFrame]

RULES: dict[str, Rule] = {
    "VoxCeleb1": lambda faces, sizes, rng: voxceleb1_pairs(faces, sizes.videos, sizes.tuning, sizes.vox1_frames, rng),
    "RaFD": lambda faces, sizes, rng: rafd_pairs(faces, sizes.references, rng),
    "MPIE": lambda faces, sizes, rng: mpie_pairs(faces, sizes.references, rng, large_pose=False),
    "MPIE_LP": lambda faces, sizes, rng: mpie_pairs(faces, sizes.references, rng, large_pose=True),
    "VoxCeleb2": lambda faces, sizes, rng: voxceleb2_pairs(faces, sizes.videos, sizes.vox_frames, rng),
    "Extreme": lambda faces, sizes, rng: extreme_pairs(
        *(faces[faces["key"].str.startswith(f"{name}/")] for name in sizes.sets), sizes.references, rng
    ),
}


def draw_pairs(settings: PairsSettings, faces: pd.DataFrame) -> pd.DataFrame:
    """The pairs of a test (PAIR_COLUMNS); the same faces and seed give the same pairs.

    Args:
        faces: manifest rows, in any order.

    Raises:
        DgError: unknown test, or too little data for exactly that many pairs (before max_pairs).
    """
    test = settings.test
    if test not in RULES:
        raise DgError(f"no pair list for the test '{test}', only for {', '.join(RULES)}.")
    # Its own stream for each test: a changed list leaves the others as they are.
    rng = np.random.default_rng([settings.seed, zlib.crc32(test.encode())])
    pairs = RULES[test](faces.sort_values("key", ignore_index=True), settings, rng)
    return subset(pairs, settings.max_pairs, rng)


def make_pairs(settings: PairsSettings, folders: list[Path], out: Path) -> None:
    """Write the pair list `out` (Parquet, PAIR_COLUMNS; yaws in degrees) for the prepared sets in `folders`.

    Only faces with landmarks take part.

    Raises:
        DgError: as draw_pairs, and where a folder isn't prepared.
    """
    write_parquet(out, draw_pairs(settings, FaceSet(folders).table))
