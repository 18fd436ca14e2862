"""The pictures that train the bundled landmark and identity networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from ..actions import Action, random_units
from ..scene import random_scene
from .plan import Job, PictureSet, Shot


@dataclasses.dataclass(frozen=True)
class SynthPeople(PictureSet):
    """`people` x `pictures` of everything at random; the share `extreme` under hard or odd light; all split "train".

    Attributes: yaw, pitch, roll: most degrees either way; jitter: of the framing, in picture sizes.
    """

    name, letter, first_person = "synth_people", "p", 4_000_000

    people: int = 200
    pictures: int = 5
    yaw: float = 90.0
    pitch: float = 30.0
    roll: float = 25.0
    extreme: float = 0.25
    jitter: float = 0.03

    def _check(self) -> None:
        super()._check()
        self._number("people", self.people, 0)
        self._number("pictures", self.pictures, 0)

    @property
    def count(self) -> int:
        """As many as asked for."""
        return self.people

    def _shots(self, job: Job, rng: np.random.Generator) -> Iterator[Shot]:
        for k in range(self.pictures):
            extreme = bool(rng.random() < self.extreme)
            action = Action(
                random_units(rng),
                float(rng.uniform(-self.yaw, self.yaw)),
                float(rng.uniform(-self.pitch, self.pitch)),
                float(rng.uniform(-self.roll, self.roll)),
                (float(np.clip(rng.normal(0, 9), -22, 22)), float(np.clip(rng.normal(0, 6), -14, 14))),
            )
            yield Shot(
                self._path(job, f"{k:03d}"),
                job.subject,
                0,
                "train",
                "random",
                "random",
                "extreme" if extreme else "random",
                "1",
                action,
                random_scene(rng, extreme=extreme, jitter=self.jitter),
            )
