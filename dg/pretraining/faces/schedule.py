"""How far a training is, by its steps or by the clock where a machine is lent for so many minutes; its steps."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import torch

WARM_UP = 200  # steps
SAVE_EVERY = 120  # seconds
SPEED_EVERY = 100  # steps


class Schedule:
    """Share of a run that is done; learning rates follow it."""

    def __init__(self, steps: float) -> None:
        """`steps`: of the whole run."""
        self._steps, self._began, self._seconds = steps, time.monotonic(), math.inf

    def end_after(self, minutes: float) -> None:
        """End after so many `minutes` from now at the latest; a run that is ended by it isn't repeatable."""
        self._began, self._seconds = time.monotonic(), 60 * minutes

    def done(self, step: int) -> float:
        """Share of the run, 1 at its end."""
        return max(step / self._steps, (time.monotonic() - self._began) / self._seconds)

    def rate(self, step: int, first: float, last: float) -> float:
        """Learning rate: up in 200 steps, then half a cosine from `first` to `last`."""
        wave = (1 + math.cos(math.pi * min(1.0, self.done(step)))) / 2
        return (last + (first - last) * wave) * min(1.0, (step + 1) / WARM_UP)


class Training(Protocol):
    """What `advanced` takes: each step is done by `advance`, which counts it in `step`; `save` writes it all."""

    schedule: Schedule
    step: int

    def advance(self) -> Any: ...

    def save(self) -> None: ...


def advanced(training: Training, minutes: float) -> Iterator[Any]:
    """What each step to the schedule's end returns, within so many minutes; saves every two, and at the end."""
    training.schedule.end_after(minutes)
    saved = time.monotonic()
    while training.schedule.done(training.step) < 1:
        yield training.advance()
        if time.monotonic() - saved > SAVE_EVERY:
            training.save()
            saved = time.monotonic()
    training.save()


def run_reported(training: Training, minutes: float, every: int, what: str) -> None:
    """Train to the schedule's end, see `advanced`; after each `every` steps the mean of their losses is printed."""
    losses = []
    for loss in advanced(training, minutes):
        losses.append(float(loss))
        if training.step % every == 0:
            print(f"step {training.step}, {what} {sum(losses) / len(losses):.3f}", flush=True)
            losses = []


class PicturesTraining(Training, Protocol):
    """What `run_at_speed` takes: `advance` returns losses by name, scalars; `recipe` has `batch` and `pictures`."""

    recipe: Any
    state: Path


def run_at_speed(training: PicturesTraining, minutes: float) -> None:
    """Train to the schedule's end, see `advanced`; losses and pictures a second are printed every 100 steps."""
    recipe = training.recipe
    told, told_step, sums = time.monotonic(), training.step, {}
    for losses in advanced(training, minutes):
        for name, value in losses.items():
            sums.setdefault(name, []).append(value)
        if training.step % SPEED_EVERY == 0:
            now = time.monotonic()
            speed = (training.step - told_step) * recipe.batch / (now - told)
            means = " ".join(f"{name}={float(torch.stack(values).mean()):.4f}" for name, values in sums.items())
            print(f"{training.step * recipe.batch} pictures, {speed:.1f} a second, {means}", flush=True)
            told, told_step, sums = now, training.step, {}
    print(f"{training.step * recipe.batch} of {recipe.pictures} pictures done; state in {training.state}")
