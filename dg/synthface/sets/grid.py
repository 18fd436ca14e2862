"""Every combination that one asks for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Annotated

import numpy as np
from pydantic import Field

from ..actions import EXPRESSIONS, Action
from ..scene import MPIE_LIGHTS
from .plan import GAZES, Count, Expression, Gaze, Job, LightName, PictureSet, Shot, own_way, steady


class SynthGrid(PictureSet):
    """`people` x `expressions` x `gazes` x `yaws` x `pitches` x `lights`, all split "train". Angles: degrees."""

    name, letter, first_person = "synth_grid", "g", 5_000_000

    people: Count = 10
    yaws: tuple[Annotated[float, Field(ge=-90, le=90)], ...] = (-60.0, -30.0, 0.0, 30.0, 60.0)
    pitches: tuple[Annotated[float, Field(ge=-45, le=45)], ...] = (0.0,)
    expressions: tuple[Expression, ...] = ("neutral", "happiness")
    gazes: tuple[Gaze, ...] = ("frontal",)
    lights: tuple[LightName, ...] = ("frontal",)

    @property
    def count(self) -> int:
        """As many as asked for."""
        return self.people

    def _shots(self, job: Job, rng: np.random.Generator) -> Iterator[Shot]:
        for expression in self.expressions:
            mine = own_way(rng, EXPRESSIONS[expression])
            for gaze, yaw, pitch, light in product(self.gazes, self.yaws, self.pitches, self.lights):
                yield self._picture(
                    job,
                    f"{expression}_{gaze}_{yaw:+g}_{pitch:+g}_{light}",
                    Action(mine, yaw, pitch, gaze=GAZES[gaze]),
                    steady(rng, MPIE_LIGHTS[light], (0.7, 0.71, 0.72)),
                    expression=expression,
                    gaze=gaze,
                    light=light,
                )
