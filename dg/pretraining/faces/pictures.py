"""The bundle's pictures, decoded, and the pairs of a step."""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from dg.errors import DgError
from dg.landmarks.regions import MIRROR

COLOUR = 0.12
"""Standard deviation of the logarithm of each colour channel's gain, in the half of the pairs that get one."""


@dataclass(frozen=True)
class Pairs:
    """b pairs of two pictures of one person.

    Attributes:
        source, truth: (b, 3, S, S) in [0, 1].
        source_points, points: (b, 68, 2) landmarks of the source and of the truth, crop coordinates.
    """

    source: Tensor
    truth: Tensor
    source_points: Tensor
    points: Tensor


class Pictures:
    """The pictures of a bundle on a device.

    Attributes:
        people: the rows of each person.
    """

    def __init__(self, bundle: Path, device: torch.device, held_out: float, measured: bool = False) -> None:
        """Decode the pictures.

        Args:
            held_out: share of the people, the last ones, who are left out; with `measured` all others are.

        Raises:
            DgError: no bundle there, or nobody in it has two pictures.
        """
        if not bundle.exists():
            raise DgError(
                f"{bundle}: no bundle of pictures. Make it first: python -m dg.pretraining.faces bundle {bundle}"
            )
        stored = load_file(bundle)
        ends = stored["start"].tolist()
        jpeg = stored["jpeg"].numpy()
        decoded = [np.asarray(Image.open(io.BytesIO(jpeg[a:b].tobytes()))) for a, b in pairwise(ends)]
        self._images = torch.from_numpy(np.stack(decoded)).permute(0, 3, 1, 2).contiguous().to(device)
        self._points = stored["points"][..., :2].float().to(device)
        _, first = np.unique(stored["person"].numpy(), return_index=True)
        people = [rows for rows in np.split(np.arange(len(decoded)), first[1:]) if len(rows) > 1]
        learnt = len(people) - max(1, round(held_out * len(people)))
        if learnt < 1:
            raise DgError(f"{bundle}: fewer than two people in it have two pictures. Make it with more --people.")
        self.people = people[learnt:] if measured else people[:learnt]

    def pairs(self, seed: int, step: int, count: int) -> Pairs:
        """The `count` pairs of a step, half of them mirrored, which makes other people, half in other colours."""
        rng = np.random.default_rng([seed, step])
        people = rng.integers(0, len(self.people), count)
        chosen = np.stack([rng.choice(self.people[k], 2, replace=False) for k in people])
        mirrored, coloured = rng.random(count) < 0.5, rng.random((count, 1)) < 0.5
        gain = np.where(coloured, np.exp(rng.normal(0, COLOUR, (count, 3))), 1.0)
        rows, flip, gain = (torch.from_numpy(a).to(self._images.device) for a in (chosen, mirrored, gain))
        flip, gain = flip[:, None, None], gain.float()[:, :, None, None] / 255
        both = self._points[rows]  # (b, 2, 68, 2)
        other = both[:, :, list(MIRROR)] * both.new_tensor([-1.0, 1.0]) + both.new_tensor([1.0, 0.0])
        both = torch.where(flip[..., None], other, both)
        source, truth = (
            (torch.where(flip[..., None], images.flip(-1), images) * gain).clamp(0, 1)
            for images in (self._images[rows[:, k]].float() for k in (0, 1))
        )
        return Pairs(source, truth, both[:, 0], both[:, 1])
