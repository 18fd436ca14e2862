"""How far a training is: by its steps, or by the clock where a machine is lent for so many minutes."""

from __future__ import annotations

import math
import time

WARM_UP = 200  # steps


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
