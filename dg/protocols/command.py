"""Commands of params.yaml by which other methods run."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping

from dg.errors import DgError


def run_command(key: str, template: str, places: Mapping[str, object]) -> None:
    """Run a command and wait for its end.

    Args:
        key: of params.yaml, for messages: methods.mine.command.
        template: the command with placeholders; a first word `python` is the Python that runs this.
        places: what stands for each placeholder.

    Raises:
        DgError: the command can't be started or fails.
    """
    words = [word.format(**places) for word in shlex.split(template)]
    # Whatever PATH says.
    words[:1] = [sys.executable] if words[0] == "python" else words[:1]
    try:
        done = subprocess.run(words, check=False)
    except OSError as error:
        raise DgError(f"{key}: can't start '{words[0]}' ({error.strerror}).") from error
    if done.returncode:
        raise DgError(
            f"{key}: ended with status {done.returncode}; its own message stands above. It was: {shlex.join(words)}"
        )
