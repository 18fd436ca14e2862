"""Which of a machine's GPUs a process computes on: Snakemake counts them, but hands none out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from dg.errors import DgError
from dg.locks import Held, take


def gpus() -> list[str]:
    """What this process may use, as CUDA_VISIBLE_DEVICES names them: what that says, else all that nvidia-smi shows."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name for name in chosen.replace(" ", "").split(",") if name not in ("", "-1")]
    if not shutil.which("nvidia-smi"):
        return []
    shown = subprocess.run(
        ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"], stdout=subprocess.PIPE, text=True, check=False
    )
    return shown.stdout.split() if shown.returncode == 0 else []


@contextmanager
def claimed(count: int) -> Iterator[None]:
    """Have `count` GPUs for this process and those that it starts alone; wait while too few are free.

    Of two processes that claim GPUs none gets one of the other's, whichever folder they work in. A SLURM job has its
    GPUs from SLURM, and its processes share those alone. Where there is no GPU, and in a process of torchrun, which has
    those of the one that started it, this does nothing.

    Raises:
        DgError: the machine has fewer.
    """
    names = gpus() if count and "WORLD_SIZE" not in os.environ else []
    if not names:
        yield
        return
    require(count, names)
    taken, before = _wait_for(count, names), os.environ.get("CUDA_VISIBLE_DEVICES")
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(taken)
    print(f"computes on {', '.join(taken)}", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        for file in taken.values():
            file.close()
        os.environ.pop("CUDA_VISIBLE_DEVICES")
        if before is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = before


def _wait_for(count: int, names: list[str]) -> dict[str, TextIO]:
    """`count` of the GPUs `names`, with the file that holds each."""
    waits = False
    while True:
        taken, busy = {}, []
        for name in names:
            try:
                taken[name] = take(_claims() / name)
            except Held as holder:
                busy.append(f"{name} by {holder}")
            if len(taken) == count:
                return taken
        for file in taken.values():
            file.close()
        if not waits:
            print(f"waits for {count} of {len(names)} GPU(s); in use: {'; '.join(busy)}", file=sys.stderr, flush=True)
            waits = True
        time.sleep(1)


def _claims() -> Path:
    """Where this user's processes hold their GPUs: one folder, and one for each SLURM job.

    SLURM gives no two jobs the same GPU, but often each job's first GPU the same name, 0.
    """
    job = os.environ.get("SLURM_JOB_ID")
    return Path(tempfile.gettempdir(), f"dg-gpus-{os.getuid()}", f"slurm-{job}" if job else "")


def require(count: int, names: list[str]) -> None:
    """Look whether there are `count` GPUs.

    Raises:
        DgError: `names` are fewer.
    """
    if len(names) < count:
        raise DgError(
            f"{count} GPUs are asked for, but this machine has {len(names)} ({', '.join(names)}). Give Snakemake no "
            f"more than that (--resources gpu={len(names)}), and training.gpus in params.yaml neither."
        )


def why_unused() -> str | None:
    """Why torch can't compute on the GPUs that nvidia-smi shows; None if it can."""
    import torch

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        if torch.cuda.is_available():
            return None
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built for the CPU alone"
    return "; ".join(str(warning.message).split(" (Triggered")[0] for warning in said) or "torch finds none"
