"""The stand-in for RaFD."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from ..actions import RAFD, Action
from ..scene import Light
from .plan import GAZES, Count, Gaze, Job, PictureSet, Shot, own_way, steady

YAWS = (-90, -45, 0, 45, 90)


class SynthRafd(PictureSet):
    """`people` x 8 expressions x `gazes` x 5 yaws, all split "train"."""

    name, letter, first_person = "synth_rafd", "r", 1_000_000

    people: Count = 10
    gazes: tuple[Gaze, ...] = ("frontal",)

    @property
    def count(self) -> int:
        """As many as asked for."""
        return self.people

    def _shots(self, job: Job, rng: np.random.Generator) -> Iterator[Shot]:
        light = Light(0, 30, 0.55, ambient=(0.60, 0.60, 0.61), softness=22, room=True)
        for expression, units in RAFD.items():
            mine = own_way(rng, units)
            for gaze, yaw in product(self.gazes, YAWS):
                yield self._picture(
                    job,
                    f"{expression}_{gaze}_{yaw:+03d}",
                    Action(mine, float(yaw), gaze=GAZES[gaze]),
                    steady(rng, light, (0.86, 0.86, 0.86), cloth=(0.09, 0.09, 0.10)),
                    expression=expression,
                    gaze=gaze,
                    light="studio",
                )
