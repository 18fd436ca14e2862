"""The pictures of the SynthFace set `synth_people` in memory, split by person."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from dg.files import read_parquet
from dg.shards import decode_image


@dataclass(frozen=True)
class People:
    """Pictures with their truth, row for row.

    Attributes:
        images: (N, 3, S, S) uint8 RGB.
        masks: (N, 1, S, S) uint8, 255 where the person is; all 255 if the set stores none.
        points: (N, 68, 3) float32 crop coordinates.
        visible: (N, 68) bool.
        subject: (N,) int64, numbers of people, the same in both parts.
        pose: (N, 3) float32 yaw, pitch, roll in degrees.
    """

    images: Tensor
    masks: Tensor
    points: Tensor
    visible: Tensor
    subject: Tensor
    pose: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def rows(self, keep: np.ndarray | Tensor) -> People:
        """The rows `keep` (numbers or a mask)."""
        keep = torch.as_tensor(keep)
        return People(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))


def load_people(folder: Path, held_out: float) -> tuple[People, People]:
    """Read `folder`/index.parquet and its pictures.

    Args:
        held_out: share of the people (the last ones by name) that make the second part, in (0, 1).

    Returns:
        pictures to learn from, pictures of other people to measure on.

    Raises:
        DgError: the index is missing or unreadable.
    """
    table = read_parquet(Path(folder) / "index.parquet")
    codes, names = pd.factorize(table["subject"], sort=True)
    stored = "mask" in table.columns

    def picture(path: str) -> Tensor:
        return torch.from_numpy(decode_image((Path(folder) / path).read_bytes()).copy()).permute(2, 0, 1)

    images = torch.stack([picture(path) for path in tqdm(table["path"], desc="pictures", disable=None)])
    masks = (
        torch.stack([picture(path)[:1] for path in table["mask"]])
        if stored
        else torch.tensor(255, dtype=torch.uint8).expand(len(images), 1, *images.shape[2:])
    )
    everyone = People(
        images=images,
        masks=masks,
        points=torch.from_numpy(np.stack(table["landmarks"]).astype(np.float32).reshape(-1, 68, 3)),
        visible=torch.from_numpy(np.stack(table["visible"]).astype(bool)),
        subject=torch.from_numpy(codes.astype(np.int64)),
        pose=torch.from_numpy(table[["yaw", "pitch", "roll"]].to_numpy(np.float32, copy=True)),
    )
    first_held_out = len(names) - max(1, round(held_out * len(names)))
    return everyone.rows(codes < first_held_out), everyone.rows(codes >= first_held_out)
