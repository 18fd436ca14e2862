"""What a step of the RFG's training sees: pictures, landmarks, codes, one crop for all of a pair."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from dg.mapped import MappedRows
from dg.rfg.objectives import Pairs
from dg.steps.rfg import RfgLearning
from dg.training.crops import crop_images, crop_points, draw_crops, shifted_onto
from dg.training.pairs import Batch, FrameSampler, PairSampler
from dg.training.team import Team, share_of

IN_MEMORY = 2 << 30
"""Bytes of pictures that are kept decoded."""


class Faces(Protocol):
    """What is needed of a `dg.shards.FaceSet`."""

    points: MappedRows | np.ndarray
    visible: MappedRows | np.ndarray
    codes: MappedRows | np.ndarray

    def __len__(self) -> int: ...

    def image(self, row: int) -> np.ndarray:
        """(size, size, 3) uint8."""


class Driver(Protocol):
    """What is needed of a `dg.idsg.networks.Idsg`; not imported, so that an edit of it retrains no self phase."""

    def generate(self, l_r: torch.Tensor, r_s: torch.Tensor) -> torch.Tensor:
        """(B, 68, 3) landmarks of the reference and (B, D) codes of the source -> (B, 68, 3) lhat_t."""

    def to(self, device: torch.device) -> Driver:
        """Itself, on the device."""


@dataclass(frozen=True)
class Part:
    """Part of a joint batch as the background threads make it, in NumPy.

    Attributes:
        rows: row numbers.
        source, truth: (b, H, W, 3) uint8; the truth is the reference where none exists.
        boxes: (b, 4) crops, or None where no pair is ever cropped.
        known_share: see `dg.training.team.share_of`.
    """

    rows: Batch
    source: np.ndarray
    truth: np.ndarray
    boxes: np.ndarray | None
    known_share: float


class Data:
    """The training pictures, their landmarks and codes, and the landmarks that drive each pair.

    Attributes:
        shown: the pairs that sample pictures show.
        threads: how many may make batches.
    """

    def __init__(
        self,
        settings: RfgLearning,
        faces: Faces,
        sampler: PairSampler | FrameSampler,
        idsg: Driver | None,
        team: Team,
    ) -> None:
        """Decode the pictures if they are few.

        Args:
            idsg: in the cross phase, where half of a batch are pairs of different subjects.

        Raises:
            DgError: the batch can't be divided over the processes and parts.
        """
        self.s, self.faces, self.sampler, self.team = settings, faces, sampler, team
        self.idsg = idsg.to(team.device) if idsg else None
        small = len(faces) * settings.size**2 * 3 < IN_MEMORY
        self._images = np.stack([faces.image(row) for row in range(len(faces))]) if small else None
        self.threads = 1 if small else min(8, os.cpu_count() or 1)
        shown = self.batch(2**31 - 1)
        team.slices(len(shown.source), settings.accumulate, "rfg")  # refuse before the first step
        self.shown = self.pairs(Part(shown, *self._pictures(shown), None, 1.0))

    def batch(self, step: int) -> Batch:
        """The pairs of a step."""
        own = self.sampler.self_batch(step)
        if self.idsg is None:
            return own
        other, half = self.sampler.cross_batch(step), self.sampler.batch // 2
        return Batch(
            *(
                np.concatenate([getattr(own, f)[:half], getattr(other, f)[half:]])
                for f in ("source", "reference", "target")
            )
        )

    def draw(self, step: int) -> list[Part]:
        """This process's parts of the joint batch of a step; safe in several threads."""
        batch, accumulate, chance = self.batch(step), self.s.accumulate, self.s.crop
        boxes = draw_crops(self.s.seed, step, len(batch.source), chance) if chance else None
        share = share_of(int((batch.target >= 0).sum()), self.team.world * accumulate)
        parts = [(batch.rows(part), part) for part in self.team.slices(len(batch.source), accumulate, "rfg")]
        return [
            Part(rows, *self._pictures(rows), None if boxes is None else boxes[part], share) for rows, part in parts
        ]

    def _pictures(self, rows: Batch) -> tuple[np.ndarray, np.ndarray]:
        return self._stack(rows.source), self._stack(_truths(rows))

    def _stack(self, rows: np.ndarray) -> np.ndarray:
        if self._images is not None:
            return self._images[rows]
        return np.stack([self.faces.image(row) for row in rows])

    def _on_device(self, pixels: np.ndarray) -> torch.Tensor:
        """(b, 3, H, W) float32 in [0, 1]; the bytes travel, not the floats."""
        images = self.team.put(pixels).permute(0, 3, 1, 2)
        return images.float().div_(255).contiguous(memory_format=torch.channels_last)

    def pairs(self, part: Part, regularise: bool = False) -> Pairs:
        """The tensors of a part, cropped; `regularise`: whether R1 is due."""
        source, truth = self._on_device(part.source), self._on_device(part.truth)
        true = _truths(part.rows)
        l_t = self._driving(part.rows)
        truth_points, source_points = (self.team.put(self.faces.points[rows]) for rows in (true, part.rows.source))
        if part.boxes is not None:
            boxes = shifted_onto(self.team.put(part.boxes), l_t)
            source, truth = crop_images(source, boxes), crop_images(truth, boxes)
            l_t, truth_points, source_points = (crop_points(p, boxes) for p in (l_t, truth_points, source_points))
        return Pairs(
            source=source,
            truth=truth,
            known=self.team.put(part.rows.target) >= 0,
            known_share=part.known_share,
            l_t=l_t,
            visible=self.team.put(self.faces.visible[part.rows.reference]),
            truth_points=truth_points,
            truth_visible=self.team.put(self.faces.visible[true]),
            source_points=source_points,
            # The code of the picture as it is given to E_s; stored ones are of whole pictures.
            codes=self.team.put(self.faces.codes[part.rows.source]) if part.boxes is None else None,
            regularise=regularise,
        )

    def _driving(self, rows: Batch) -> torch.Tensor:
        """(b, 68, 3): the true landmarks in pairs of one subject, else lhat_t of the IDSG."""
        l_r = self.team.put(self.faces.points[rows.reference])
        if self.idsg is None:
            return l_r
        lhat_t = self.idsg.generate(l_r, self.team.put(self.faces.codes[rows.source]))
        same = self.sampler.subject[rows.source] == self.sampler.subject[rows.reference]
        return torch.where(self.team.put(same)[:, None, None], l_r, lhat_t)


def _truths(rows: Batch) -> np.ndarray:
    """Rows of I_t; the reference's where no truth exists."""
    return np.where(rows.target >= 0, rows.target, rows.reference)
