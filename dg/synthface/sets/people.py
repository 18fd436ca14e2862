"""The pictures that train the bundled landmark and identity networks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydantic import Field

from ..actions import Action, random_units
from ..scene import random_scene
from .plan import Count, Job, PictureSet, Shot


class SynthPeople(PictureSet):
    """`people` x `pictures` of everything at random; all split "train"."""

    name, letter, first_person = "synth_people", "p", 4_000_000

    people: Count = 200
    pictures: Count = Field(default=5, description="of each person")
    yaw: float = Field(default=90.0, description="most degrees either way; pitch and roll too")
    pitch: float = 30.0
    roll: float = 25.0
    extreme: float = Field(default=0.25, ge=0, le=1, description="share under hard or odd light")
    jitter: float = Field(default=0.03, description="of the framing, in picture sizes")

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
            yield self._picture(
                job,
                f"{k:03d}",
                action,
                random_scene(rng, extreme=extreme, jitter=self.jitter),
                expression="random",
                gaze="random",
                light="extreme" if extreme else "random",
            )
