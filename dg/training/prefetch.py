"""Batches made in the background while the step before them runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class Prefetch:
    """`make(step)` for the steps to come, one per thread ahead.

    Each step's result is kept under the step's number, so a step can't get another's batch, in whatever order the
    threads finish. Threads do: Pillow decodes without holding the interpreter's lock.

    Attributes:
        waited: seconds that `get` waited for results.
    """

    def __init__(self, make: Callable[[int], Any], steps: range, threads: int = 1) -> None:
        """Start on the first steps of `steps`. `make` must depend on nothing but the step's number."""
        self.waited = 0.0
        self._make, self._left = make, iter(steps)
        self._made: dict[int, Future] = {}
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="batch")
        for _ in range(threads):
            self._begin_next()

    def _begin_next(self) -> None:
        step = next(self._left, None)
        if step is not None:
            self._made[step] = self._pool.submit(self._make, step)

    def get(self, step: int) -> Any:
        """The batch of `step`, waiting for it if need be.

        Raises:
            Exception: what `make` raised for this step.
            KeyError: the step is not among the steps to come, in their order.
        """
        future = self._made.pop(step)
        self._begin_next()
        start = time.perf_counter()
        try:
            return future.result()
        finally:
            self.waited += time.perf_counter() - start

    def __enter__(self) -> Prefetch:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
