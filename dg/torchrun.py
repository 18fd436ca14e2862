"""A command in several processes that share its work, and the threads that each of them gets."""

from __future__ import annotations

import os
import sys


def share(processes: int, module: str = "dg") -> None:
    """Start this command again under torchrun, in `processes` processes; returns if it is one of them already.

    Args:
        module: that the command runs, python -m `module`.
    """
    if processes > 1 and "WORLD_SIZE" not in os.environ:
        words = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m", module]
        os.execv(sys.executable, [sys.executable, *words, *sys.argv[1:]])


def use_threads(count: int | None) -> None:
    """`count` threads for all processes that torchrun started on this machine; None: as many as torch takes."""
    if count:
        import torch  # only now: a process that `share` replaces has no use for it

        torch.set_num_threads(max(1, count // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))
