"""Runs of Snakemake in a folder: one at a time, jobs end with theirs, and what a killed one left is cleared up."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import psutil

from dg.errors import DgError
from dg.files import remove_unfinished
from dg.locks import Held, take

IN_USE = Path(".snakemake/in_use")
"""Held while Snakemake works; says which process of which machine that is."""
SNAKEMAKES_LOCKS = Path(".snakemake/locks")
MADE = (Path("data/sets"), Path("results"))
STARTED_BY = "DG_SNAKEMAKE"
"""The environment variable that tells a job the process that it must not outlive."""


def hold_folder() -> TextIO:
    """The lock of this folder, for a run that is about to start its first job; it lasts as long as this process.

    Raises:
        DgError: another run works here.
    """
    try:
        return take(IN_USE)
    except Held as holder:
        raise DgError(
            f"Snakemake works in this folder already: {holder}. Wait until it is through, or end it (Ctrl-C there, or "
            "kill), and run the same command again, which goes on from there."
        ) from None


def clear_up_after_a_killed_run() -> str | None:
    """Remove the lock that a killed run left, and its half-written files, so that the same command simply goes on.

    Only if the run is known to be over: it was of this machine, held this folder after it had set Snakemake's own lock,
    and holds it no more.

    Returns:
        What a person who starts Snakemake should know: that there was one, or that one is at work.
    """
    try:
        locked = max(path.stat().st_mtime_ns for path in (SNAKEMAKES_LOCKS, *SNAKEMAKES_LOCKS.iterdir()))
        told, held = IN_USE.read_text(encoding="utf-8"), IN_USE.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    if held < locked or f" on {socket.gethostname()}," not in told:
        return None
    try:
        with take(IN_USE):
            left = list(SNAKEMAKES_LOCKS.iterdir())
            for path in left:
                path.unlink(missing_ok=True)
            remove_unfinished(*MADE)
    except Held as holder:
        of_that_run = f"process {os.environ.get(STARTED_BY)} on " in str(holder)
        return None if of_that_run else f"Snakemake works in this folder: {holder}. Wait for it, or end it (kill)."
    return "The last run here was killed; its lock is removed, and the same command goes on." if left else None


def be_named_to_jobs() -> None:
    """Let the jobs that this process starts know whose they are."""
    os.environ[STARTED_BY] = str(os.getpid())


def end_with_snakemake() -> None:
    """End this process, and all that it started, when the Snakemake that started it has ended.

    Killed with -9 it can't end its jobs. One that went on would put its files among those of later runs, made with
    other values, and Snakemake would take them for theirs.
    """
    pid = int(os.environ.get(STARTED_BY, os.getpid()))
    if pid != os.getpid():
        threading.Thread(target=_end_after, args=(pid,), daemon=True).start()


def _end_after(pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    os._exit(1)
