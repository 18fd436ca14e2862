"""How far a training is, for people; nothing here changes what it learns."""

from __future__ import annotations

import sys
import time
from typing import Self

from tqdm import tqdm


def say(text: str, aloud: bool) -> None:
    """Print to stderr, if `aloud`: of several processes one speaks."""
    if aloud:
        print(text, file=sys.stderr)


class Progress:
    """A bar on a terminal, else a line for each tenth of the steps."""

    def __init__(self, name: str, first: int, steps: int, aloud: bool) -> None:
        """`first`: how many of the `steps` are done already."""
        self._name, self._first, self._steps, self._aloud = name, first, steps, aloud
        self._terminal = aloud and sys.stderr.isatty()
        self._bar = tqdm(total=steps, initial=first, desc=name, unit="step", disable=not self._terminal, mininterval=1)
        self._started, self._losses = time.monotonic(), {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def losses(self, row: dict[str, float]) -> None:
        """Show these from now on."""
        self._losses = {key: f"{value:.3f}" for key, value in row.items() if key != "step"}
        self._bar.set_postfix(self._losses, refresh=False)

    def done(self, step: int) -> None:
        """`step` steps are behind it."""
        self._bar.update()
        if not self._terminal and step % max(1, self._steps // 10) == 0:
            seconds = (time.monotonic() - self._started) / (step - self._first)
            left = (self._steps - step) * seconds
            losses = " ".join(f"{key}={value}" for key, value in self._losses.items())
            text = f"{self._name}: {step}/{self._steps} {1 / seconds:.2f} steps/s, {left:.0f} s left, {losses}"
            say(text, self._aloud)
