"""What every SynthFace set is: settings, and from them who does what, under which light, into which file."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from dg.checked import Strict

from ..actions import EXPRESSIONS, Action
from ..scene import MPIE_LIGHTS, Background, Light, Scene

GAZES = {"frontal": (0.0, 0.0), "left": (20.0, 0.0), "right": (-20.0, 0.0)}

Count = Annotated[int, Field(ge=0, lt=1_000_000)]
"""Of people, pictures or clips: a set's range of people has room for as many."""
Expression = Literal[tuple(EXPRESSIONS)]
Gaze = Literal[tuple(GAZES)]
LightName = Literal[tuple(MPIE_LIGHTS)]


@dataclasses.dataclass(frozen=True)
class Shot:
    """One picture or video frame. `path` is relative to the set's folder; frames of a clip share it."""

    path: str
    clip: str
    frame: int
    split: str
    expression: str
    gaze: str
    light: str
    session: str
    action: Action
    scene: Scene


@dataclasses.dataclass(frozen=True)
class Job:
    """What one worker does at a time: the pictures of a person, or one clip.

    Attributes: name, unique in the set; subject, unique over all sets; person: (seed, index) for `sample_person`.
    """

    name: str
    subject: str
    person: tuple[int, int]
    number: int
    is_video: bool


class SynthSet(Strict, ABC):
    """A set; its fields are its settings, and every one of them has a default.

    Attributes:
        name, letter: of the set; the letter begins its subjects' names.
        first_person: number of its first person. The ranges never meet, so no two sets share a person, whatever the
            seeds.
    """

    name: ClassVar[str]
    letter: ClassVar[str]
    first_person: ClassVar[int]

    size: int = Field(default=128, ge=16, description="side of the pictures in pixels")
    seed: int = Field(default=0, ge=0, description="other people for every seed")

    @property
    @abstractmethod
    def count(self) -> int:
        """How many people there are."""

    def jobs(self) -> list[Job]:
        """All jobs, in the order of the index."""
        return [job for k in range(self.count) for job in self._jobs_of(k, f"{self.letter}{k:03d}", self._person(k))]

    def _person(self, k: int) -> tuple[int, int]:
        return self.seed, self.first_person + k

    def _jobs_of(self, k: int, subject: str, person: tuple[int, int]) -> list[Job]:
        return [Job(subject, subject, person, k, False)]

    def shots(self, job: Job) -> list[Shot]:
        """The shots of a job; random choices come from the set's seed and the job's number alone."""
        return list(self._shots(job, np.random.default_rng([self.seed, self.first_person + job.number, 0x53])))

    @abstractmethod
    def _shots(self, job: Job, rng: np.random.Generator) -> Iterator[Shot]: ...


class PictureSet(SynthSet):
    """A set of pictures."""

    format: Literal["png", "jpeg"] = "png"

    def _picture(
        self,
        job: Job,
        stem: str,
        action: Action,
        scene: Scene,
        *,
        expression: str,
        light: str,
        gaze: str = "frontal",
        split: str = "train",
    ) -> Shot:
        """The shot that the file `stem` shows; the words about it are the index's."""
        path = f"pictures/{job.subject}/{stem}.{'jpg' if self.format == 'jpeg' else 'png'}"
        return Shot(path, job.subject, 0, split, expression, gaze, light, "1", action, scene)


def own_way(rng: np.random.Generator, units: dict[str, float]) -> dict[str, float]:
    """A named expression as this person makes it: nobody is equally strong on every muscle, or on both sides."""
    strength = rng.uniform(0.85, 1.1)
    return {k: float(np.clip(v * strength * np.exp(rng.normal(0, 0.12)), 0, 1.1)) for k, v in units.items()}


def steady(
    rng: np.random.Generator,
    light: Light,
    wall: tuple[float, float, float],
    cloth: tuple[float, float, float] | None = None,
    jitter: float = 0.006,
) -> Scene:
    """A studio: a plain wall, a camera on a tripod, framed `jitter` picture sizes off."""
    return Scene(
        light,
        Background("plain", wall, wall),
        tuple(rng.normal(0, jitter, 2)),
        float(np.exp(rng.normal(0, jitter))),
        1.0,
        cloth,
        1.0,
        int(rng.integers(1 << 30)),
    )
