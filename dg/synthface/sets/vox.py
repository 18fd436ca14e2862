"""The stand-in for VoxCeleb."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from dg.errors import DgError

from ..actions import motion, shake
from ..scene import random_scene
from .plan import Job, Shot, SynthSet


@dataclasses.dataclass(frozen=True)
class SynthVox(SynthSet):
    """(`train_people` + `test_people`) x `clips` videos of `seconds` at `fps`; split by person. crf: of H.264."""

    name, letter, first_person = "synth_vox", "v", 3_000_000

    train_people: int = 12
    test_people: int = 6
    clips: int = 2
    seconds: float = 4.0
    fps: int = 25
    yaw: float = 60.0
    crf: int = 23

    def _check(self) -> None:
        super()._check()
        for key in ("train_people", "test_people", "clips"):
            self._number(key, getattr(self, key), 0)
        if self.size % 2:
            raise DgError(f"{self.name}.size is {self.size}; videos have an even one")
        if round(self.seconds * self.fps) < 1:
            raise DgError(f"{self.name}: {self.seconds} s at {self.fps} fps is no frame at all")

    @property
    def count(self) -> int:
        """Training and test people."""
        return self.train_people + self.test_people

    def _jobs_of(self, k: int, subject: str, person: tuple[int, int]) -> list[Job]:
        return [
            Job(f"{subject}_{clip:02d}", subject, person, k * self.clips + clip, True) for clip in range(self.clips)
        ]

    def _shots(self, job: Job, rng: np.random.Generator) -> Iterator[Shot]:
        split = "train" if job.number < self.train_people * self.clips else "test"
        scene = random_scene(rng, jitter=0.02)
        actions = motion(rng, round(self.seconds * self.fps), self.fps, self.yaw)
        session = str(job.number % self.clips + 1)
        unsteady = shake(rng, len(actions), self.fps)
        for frame, action in enumerate(actions):
            shift, grain = tuple(scene.shift + unsteady[frame]), scene.grain_seed + frame
            moved = dataclasses.replace(scene, shift=shift, grain_seed=grain)
            path = f"videos/{job.subject}/{job.name}.mp4"
            yield Shot(path, job.name, frame, split, "", "", "", session, action, moved)
