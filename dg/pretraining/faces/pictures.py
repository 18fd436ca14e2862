"""The bundle's pictures, decoded, and what a step takes of them: pairs for the RFG, a crowd for E_f."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
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
LOOK_AGAIN = 5
"""Seconds between two looks at a folder that is still being rendered into."""


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

    def split(self, count: int) -> list[Pairs]:
        """In parts of `count` pairs."""
        parts = zip(*(getattr(self, field.name).split(count) for field in fields(self)))
        return [Pairs(*part) for part in parts]


@dataclass(frozen=True)
class Crowd:
    """Two pictures each of c different people.

    Attributes:
        images: (c, 2, 3, S, S) in [0, 1]. points: (c, 2, 68, 2).
        people: (c,) places in `Pictures.people`. mirrored: (c,), whether the pictures are: they show others then.
    """

    images: Tensor
    points: Tensor
    people: Tensor
    mirrored: Tensor


@dataclass(frozen=True)
class _Held:
    """What is decoded so far: (n, 3, S, S) uint8, (n, 68, 2), the rows of each person, and the people's numbers."""

    images: Tensor
    points: Tensor
    people: list[np.ndarray]
    numbers: list[int]


class Pictures:
    """The pictures of a bundle on a device, without those of the people who are kept for measuring.

    A folder `….parts`, of a bundle that is still being rendered, is a bundle too: whoever is finished takes part, and
    new people join while they are learnt from. Which pictures a step sees then depends on when it sees them.
    """

    def __init__(self, bundle: Path, device: torch.device, held_out: float, measured: bool = False) -> None:
        """Decode the pictures.

        Args:
            held_out: share of the people who are kept for measuring, every 1 / held_out-th; with `measured` all others
                are left out.

        Raises:
            DgError: no bundle there, or nobody in it has two pictures.
        """
        if not bundle.exists():
            raise DgError(
                f"{bundle}: no bundle of pictures. Make it first: python -m dg.pretraining.faces bundle {bundle}"
            )
        self._device, self._every, self._measured = device, round(1 / held_out), measured
        self._read: set[Path] = set()
        self._held: _Held | None = None
        self._join([bundle] if bundle.is_file() else self._new(bundle))
        if self._held is None:
            raise DgError(f"{bundle}: none of its people has two pictures. Make it with more --people.")
        if bundle.is_dir():
            threading.Thread(target=self._watch, args=(bundle,), daemon=True).start()

    @property
    def people(self) -> list[np.ndarray]:
        """The rows of each person."""
        return self._held.people

    @property
    def numbers(self) -> list[int]:
        """Each person's number in the bundle."""
        return self._held.numbers

    def images_of(self, person: int) -> tuple[Tensor, Tensor]:
        """(n, 3, S, S) in [0, 1] and (n, 68, 2) of the person in this place of `people`."""
        rows = self._held.people[person]
        return self._held.images[rows].float() / 255, self._held.points[rows]

    def pairs(self, seed: int, steps: Sequence[int], count: int) -> Pairs:
        """`count` pairs for each of the `steps`, half of them mirrored, which makes other people, half recoloured."""
        held = self._held
        rngs = [np.random.default_rng([seed, step]) for step in steps]
        people = np.concatenate([rng.integers(0, len(held.people), count) for rng in rngs])
        chosen = np.stack([rngs[k // count].choice(held.people[p], 2, replace=False) for k, p in enumerate(people)])
        mirrored = np.concatenate([rng.random(count) < 0.5 for rng in rngs])
        coloured = np.concatenate([rng.random((count, 1)) < 0.5 for rng in rngs])
        gain = np.exp(np.concatenate([rng.normal(0, COLOUR, (count, 3)) for rng in rngs]))
        gain = torch.from_numpy(np.where(coloured, gain, 1.0)).to(self._device).float()[:, :, None, None]
        images, points = self._shown(held, chosen, mirrored)
        source, truth = ((images[:, k] * gain).clamp(0, 1) for k in (0, 1))
        return Pairs(source, truth, points[:, 0], points[:, 1])

    def crowd(self, seed: int, step: int, count: int) -> tuple[Tensor, Tensor]:
        """Two pictures of each of `count` different people: (count, 2, 3, S, S) in [0, 1], (count, 2, 68, 2)."""
        held = self._held
        rng = np.random.default_rng([seed, step])
        people = rng.choice(len(held.people), count, replace=len(held.people) < count)
        chosen = np.stack([rng.choice(held.people[p], 2, replace=False) for p in people])
        mirrored = rng.random(count) < 0.5
        shown = self._shown(held, chosen, mirrored)
        return Crowd(*shown, *(torch.from_numpy(some).to(self._device) for some in (people, mirrored)))

    def _shown(self, held: _Held, rows: np.ndarray, mirrored: np.ndarray) -> tuple[Tensor, Tensor]:
        rows, flip = (torch.from_numpy(a).to(self._device) for a in (rows, mirrored))
        flip = flip[:, None, None, None]
        points = held.points[rows]  # (b, 2, 68, 2)
        other = points[:, :, list(MIRROR)] * points.new_tensor([-1.0, 1.0]) + points.new_tensor([1.0, 0.0])
        images = held.images[rows]
        images = torch.where(flip[..., None], images.flip(-1), images).float() / 255
        return images, torch.where(flip, other, points)

    def _new(self, folder: Path) -> list[Path]:
        return [path for path in sorted(folder.glob("[0-9]*.safetensors")) if path not in self._read]

    def _watch(self, folder: Path) -> None:
        while True:
            time.sleep(LOOK_AGAIN)
            self._join(self._new(folder))

    def _join(self, files: list[Path]) -> None:
        """Decode the `files` and add them to what is held, all at once."""
        self._read |= set(files)
        images, points, people, numbers = [], [], [], []
        total = 0 if self._held is None else len(self._held.images)
        for file in files:
            stored = load_file(file)
            person, jpeg = stored["person"].numpy(), stored["jpeg"].numpy()
            bounds = list(pairwise(stored["start"].tolist()))
            for number in np.unique(person):
                rows = np.flatnonzero(person == number)
                kept_for_measuring = number % self._every == self._every - 1
                if len(rows) < 2 or kept_for_measuring != self._measured:
                    continue
                people.append(total + np.arange(len(rows)))
                numbers.append(int(number))
                total += len(rows)
                images += [
                    np.asarray(Image.open(io.BytesIO(jpeg[a:b].tobytes()))) for a, b in (bounds[k] for k in rows)
                ]
                points.append(stored["points"][rows, :, :2].float())
        if not people:
            return
        new = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous().to(self._device)
        held = _Held(new, torch.cat(points).to(self._device), people, numbers)
        if self._held is not None:
            held = _Held(
                torch.cat([self._held.images, held.images]),
                torch.cat([self._held.points, held.points]),
                self._held.people + people,
                self._held.numbers + numbers,
            )
        self._held = held
