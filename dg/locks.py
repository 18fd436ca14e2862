"""Files that one process at a time holds. The system lets go of them when the process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path
from typing import TextIO


class Held(Exception):
    """Another process holds the file; the message names it."""


def take(path: Path) -> TextIO:
    """The open file `path`, this process's until it is closed or the process ends; `exec` doesn't end it.

    Raises:
        Held: another process has it.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "a+", encoding="utf-8")  # noqa: SIM115
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read()
            file.close()
            raise Held(holder or "another process") from None
        if _still_there(file, path):
            break
        # Whoever held it removed it in the meantime.
        file.close()
    file.truncate(0)
    job = os.environ.get("SLURM_JOB_ID")
    where = f"{socket.gethostname()} (SLURM job {job})" if job else socket.gethostname()
    file.write(f"process {os.getpid()} on {where}, since {time.strftime('%d %b %H:%M')}")
    file.flush()
    os.set_inheritable(file.fileno(), True)
    return file


def _still_there(file: TextIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
