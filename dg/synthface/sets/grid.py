"""Every combination that one asks for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from ..actions import EXPRESSIONS, Action
from ..scene import MPIE_LIGHTS
from .plan import GAZES, Job, PictureSet, Shot, own_way, steady


@dataclasses.dataclass(frozen=True)
class SynthGrid(PictureSet):
    """`people` x `yaws` x `pitches` x `expressions` x `gazes` x `lights`, all split "train". Angles: degrees."""

    name, letter, first_person = "synth_grid", "g", 5_000_000

    people: int = 10
    yaws: tuple[float, ...] = (-60.0, -30.0, 0.0, 30.0, 60.0)
    pitches: tuple[float, ...] = (0.0,)
    expressions: tuple[str, ...] = ("neutral", "happiness")
    gazes: tuple[str, ...] = ("frontal",)
    lights: tuple[str, ...] = ("frontal",)

    def _check(self) -> None:
        super()._check()
        self._number("people", self.people, 0)
        for key, limit in (("yaws", 90), ("pitches", 45)):
            for value in getattr(self, key):
                self._number(key, value, -limit, limit)
        for key, names in (("expressions", EXPRESSIONS), ("lights", MPIE_LIGHTS), ("gazes", GAZES)):
            self._known(key, getattr(self, key), names)

    @property
    def count(self) -> int:
        """As many as asked for."""
        return self.people

    def _shots(self, job: Job, rng: np.random.Generator) -> Iterator[Shot]:
        for expression in self.expressions:
            mine = own_way(rng, EXPRESSIONS[expression])
            for gaze in self.gazes:
                for yaw in self.yaws:
                    for pitch in self.pitches:
                        for light in self.lights:
                            stem = f"{expression}_{gaze}_{yaw:+g}_{pitch:+g}_{light}"
                            yield Shot(
                                self._path(job, stem),
                                job.subject,
                                0,
                                "train",
                                expression,
                                gaze,
                                light,
                                "1",
                                Action(mine, float(yaw), float(pitch), gaze=GAZES[gaze]),
                                steady(rng, MPIE_LIGHTS[light], (0.7, 0.71, 0.72)),
                            )
