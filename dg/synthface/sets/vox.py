"""The stand-in for VoxCeleb."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from ..actions import motion, shake
from ..scene import random_scene
from .plan import Count, Job, Shot, SynthSet


class SynthVox(SynthSet):
    """(`train_people` + `test_people`) x `clips` videos of `seconds` at `fps`; split by person."""

    name, letter, first_person = "synth_vox", "v", 3_000_000

    size: int = Field(
        default=128, ge=16, multiple_of=2, description="side of the pictures in pixels, as H.264 has them"
    )
    train_people: Count = 12
    test_people: Count = 6
    clips: Count = Field(default=2, description="of each person")
    seconds: float = 4.0
    fps: int = 25
    yaw: float = Field(default=60.0, description="most degrees either way")
    crf: int = Field(default=23, description="of H.264")

    @model_validator(mode="after")
    def _has_frames(self) -> Self:
        if round(self.seconds * self.fps) < 1:
            raise ValueError(f"{self.seconds} s at {self.fps} fps is no frame at all")
        return self

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
