"""Waiting for other processes."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable


def wait_for(true: Callable[[], object], seconds: float, what: str, pause: float = 0.2) -> None:
    """Look, with a pause of so many seconds after each time.

    Raises:
        TimeoutError: `true` was still false after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(pause)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]
