"""What a step of the training sees: two pictures of one person in one clip, as the pipeline lays them into a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torchvision.transforms import functional as colours

from dg.errors import DgError
from dg.fom.objectives import Pairs
from dg.fom.settings import JITTER
from dg.fom.transform import Transform, draw_transform
from dg.pictures import read_picture
from dg.training.pairs import PairSampler
from dg.training.team import Team

_COLUMNS = ["picture", "set", "person", "session", "clip", "light", "expression"]


def read_faces(folder: Path) -> pd.DataFrame:
    """faces.csv of the folder that a method's `train` gets (docs/methods.md), as `PairSampler` reads a table.

    Raises:
        DgError: it is missing.
    """
    try:
        table = pd.read_csv(folder / "faces.csv", dtype=str, usecols=_COLUMNS, keep_default_na=False)
    except FileNotFoundError as error:
        raise DgError(
            f"{error.filename}: not found. Give the folder that a method's `train` gets as {{data}}."
        ) from None
    wanted = {"subject": table["person"], "key": table["set"] + "/" + table["picture"]}
    wanted |= {name: table[name] for name in ("picture", "session", "clip", "light", "expression")}
    # Only ground truths of pairs of different people ask for these; here both pictures are of one.
    return pd.DataFrame(wanted | {"yaw": np.nan, "pitch": np.nan, "gaze": ""})


@dataclass(frozen=True)
class Part:
    """This process's part of a joint batch as the background threads make it, on the CPU.

    Attributes:
        source, driving: (b, 3, H, W) in [0, 1].
        transform: the deformation of each driving picture.
    """

    source: Tensor
    driving: Tensor
    transform: Transform


class Data:
    """The training pictures.

    Attributes:
        size: their side in pixels.
        shown: pairs that sample pictures show.
    """

    def __init__(self, folder: Path, batch: int, seed: int, team: Team) -> None:
        """List the pictures.

        Raises:
            DgError: no table, too few pictures, or a batch that the processes can't share.
        """
        self._folder, self._batch, self._seed, self._team = Path(folder), batch, seed, team
        if batch % team.world:
            raise DgError(f"--batch {batch} can't be divided over {team.world} processes. Make it a multiple of them.")
        table = read_faces(self._folder)
        self._names = table["picture"].tolist()
        self._sampler = PairSampler(table, batch, seed)
        self.size = read_picture(self._folder / self._names[0]).shape[0]
        self.shown = self.pairs(self.draw(2**31 - 1))

    def draw(self, step: int) -> Part:
        """This process's pairs of a step, flipped and coloured alike; safe in several threads.

        Which of the two is the source is drawn with them, so that time runs both ways.
        """
        rows = self._sampler.self_batch(step)
        rng = np.random.default_rng([self._seed, 3, step])  # the sampler has 0 and 1, crops 2
        jitters = [_draw_jitter(rng) for _ in range(self._batch)]
        transform = draw_transform(rng, self._batch, torch.device("cpu"))
        each = self._batch // self._team.world
        own = slice(self._team.rank * each, (self._team.rank + 1) * each)
        pairs = [
            self._pair(source, driving, jitter)
            for source, driving, jitter in zip(rows.source[own], rows.reference[own], jitters[own])
        ]
        source, driving = torch.stack(pairs).unbind(1)
        return Part(source, driving, Transform(transform.affine[own], transform.weights[own], transform.controls))

    def _pair(self, source: int, driving: int, jitter: Jitter) -> Tensor:
        pixels = np.stack([read_picture(self._folder / self._names[row]) for row in (source, driving)])
        return jitter(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)

    def pairs(self, part: Part) -> Pairs:
        """The part on the device."""
        device = self._team.device
        source, driving = (
            images.to(device).contiguous(memory_format=torch.channels_last) for images in (part.source, part.driving)
        )
        return Pairs(source, driving, Transform(*(tensor.to(device) for tensor in part.transform)))


@dataclass(frozen=True)
class Jitter:
    """The same change of both pictures of a pair.

    Attributes:
        flip: left and right change places.
        brightness, contrast, saturation: factors. hue: share of the colour circle.
    """

    flip: bool
    brightness: float
    contrast: float
    saturation: float
    hue: float

    def __call__(self, images: Tensor) -> Tensor:
        """(2, 3, H, W) in [0, 1] -> the same."""
        images = images.flip(-1) if self.flip else images
        images = colours.adjust_brightness(images, self.brightness)
        images = colours.adjust_contrast(images, self.contrast)
        images = colours.adjust_saturation(images, self.saturation)
        return colours.adjust_hue(images, self.hue)


def _draw_jitter(rng: np.random.Generator) -> Jitter:
    factors = rng.uniform(1 - JITTER, 1 + JITTER, 3)
    return Jitter(bool(rng.random() < 0.5), *map(float, factors), float(rng.uniform(-JITTER, JITTER)))
