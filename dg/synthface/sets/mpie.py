"""The stand-in for Multi-PIE."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from dg.errors import DgError

from ..actions import EXPRESSIONS, MPIE, RAFD, Action
from ..scene import MPIE_LIGHTS, Light
from .plan import Job, PictureSet, Shot, own_way, steady

POSES = (*((float(yaw), 0.0) for yaw in range(-90, 91, 15)), (-45.0, -28.0), (45.0, -28.0))
"""(yaw, pitch) in degrees of Multi-PIE's 13 cameras at head height and two raised ones, looking down."""


@dataclasses.dataclass(frozen=True)
class SynthMpie(PictureSet):
    """(`train_people` + `test_people`) x 15 poses x `expressions` x `lights`; split by person."""

    name, letter, first_person = "synth_mpie", "m", 2_000_000

    train_people: int = 12
    test_people: int = 6
    expressions: tuple[str, ...] = ("neutral", "smile")
    lights: tuple[str, ...] = ("frontal",)

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Self:
        """As every set's; expressions, lights: names, or how many (the first ones of `MPIE` and `MPIE_LIGHTS`)."""
        settings = dict(settings)
        for key, names in (("expressions", tuple(MPIE)), ("lights", tuple(MPIE_LIGHTS))):
            count = settings.get(key)
            if isinstance(count, int):
                if not 1 <= count <= len(names):
                    raise DgError(f"{cls.name}.{key} is {count}; there are {len(names)}: {', '.join(names)}")
                settings[key] = names[:count]
        return super().of(settings)

    def _check(self) -> None:
        super()._check()
        self._number("train_people", self.train_people, 0)
        self._number("test_people", self.test_people, 0)
        self._known("expressions", self.expressions, EXPRESSIONS)
        self._known("lights", self.lights, MPIE_LIGHTS)

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
                for name in self.lights:
                    stem = f"{expression}_{yaw:+03.0f}{'_raised' if pitch else ''}_{name}"
                    yield Shot(
                        self._path(job, stem),
                        job.subject,
                        0,
                        split,
                        expression,
                        "frontal",
                        name,
                        "1",
                        Action(mine, yaw, pitch),
                        dataclasses.replace(frame, light=MPIE_LIGHTS[name], grain_seed=int(rng.integers(1 << 30))),
                    )
