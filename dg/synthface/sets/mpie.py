"""The stand-in for Multi-PIE."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from ..actions import MPIE, RAFD, Action
from ..scene import MPIE_LIGHTS, Light
from .plan import Count, Expression, Job, LightName, PictureSet, Shot, own_way, steady

POSES = (*((float(yaw), 0.0) for yaw in range(-90, 91, 15)), (-45.0, -28.0), (45.0, -28.0))
"""(yaw, pitch) in degrees of Multi-PIE's 13 cameras at head height and two raised ones, looking down."""


class SynthMpie(PictureSet):
    """(`train_people` + `test_people`) x `expressions` x 15 poses x `lights`; split by person."""

    name, letter, first_person = "synth_mpie", "m", 2_000_000

    train_people: Count = 12
    test_people: Count = 6
    expressions: tuple[Expression, ...] = ("neutral", "smile")
    lights: tuple[LightName, ...] = ("frontal",)

    @property
    def count(self) -> int:
        """Training and test people."""
        return self.train_people + self.test_people

    def _shots(self, job: Job, rng: np.random.Generator) -> Iterator[Shot]:
        split = "train" if job.number < self.train_people else "test"
        for expression in self.expressions:
            mine = own_way(rng, {**RAFD, **MPIE}[expression])
            for yaw, pitch in POSES:
                # One framing for all lights of a pose: the lamps flash in a row, nobody moves.
                frame = steady(rng, Light(), (0.55, 0.57, 0.60), jitter=0.012)
                for light in self.lights:
                    yield self._picture(
                        job,
                        f"{expression}_{yaw:+03.0f}{'_raised' if pitch else ''}_{light}",
                        Action(mine, yaw, pitch),
                        dataclasses.replace(frame, light=MPIE_LIGHTS[light], grain_seed=int(rng.integers(1 << 30))),
                        expression=expression,
                        light=light,
                        split=split,
                    )
