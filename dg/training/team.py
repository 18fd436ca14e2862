"""Several processes that share each batch (torchrun), and batches computed in parts one after the other.

All processes draw the same joint batch, as it depends on (seed, step) alone, and each computes its slice of it. Losses
are means over a batch, so the average over equal parts is the joint batch's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from dg.errors import DgError

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Team:
    """This process among those that train together.

    Attributes:
        rank: its number; 0 alone writes files and says how far the training is.
        world: how many there are.
        device: what it computes on.
    """

    rank: int = 0
    world: int = 1
    device: torch.device = CPU

    @property
    def writes(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def put(self, values: np.ndarray) -> torch.Tensor:
        """`values` on this process's device."""
        return torch.from_numpy(values).to(self.device)

    def slices(self, pairs: int, accumulate: int, verb: str) -> list[slice]:
        """Where this process's share of a joint batch of `pairs` lies, in `accumulate` equal parts.

        Args:
            verb: "idsg" or "rfg", for the message.

        Raises:
            DgError: the batch can't be divided so.
        """
        parts = self.world * accumulate
        if pairs % parts:
            raise DgError(
                f"params.yaml: scales.<scale>.{verb}.batch: {pairs} pairs can't be divided into "
                f"training.accumulate ({accumulate}) x training.gpus ({self.world}) = {parts} equal parts. Make it a "
                f"multiple of {parts}, or change those two."
            )
        each = pairs // parts
        first = self.rank * accumulate
        return [slice(k * each, (k + 1) * each) for k in range(first, first + accumulate)]

    def wrap(self, module: nn.Module) -> nn.Module:
        """`module` with gradients averaged over the processes; itself where there is one process."""
        # Frozen networks inside have buffers that never change: nothing to send.
        return DistributedDataParallel(module, broadcast_buffers=False) if self.world > 1 else module

    def gather(self, values: torch.Tensor) -> list[list[float]]:
        """The `values` (n,) of every process, by rank; all call this together."""
        if self.world == 1:
            return [values.tolist()]
        values = values.to(self.device)
        rows = [torch.empty_like(values) for _ in range(self.world)]
        distributed.all_gather(rows, values)
        return torch.stack(rows).tolist()

    def agree(self, decision: bool) -> bool:
        """What rank 0 decided; the clocks of two processes differ."""
        if self.world == 1:
            return decision
        flag = torch.tensor([float(decision)], device=self.device)
        distributed.broadcast(flag, 0)
        return bool(flag.item())


@contextmanager
def joined() -> Iterator[Team]:
    """This process's team: the one that torchrun started, else itself alone.

    Uses the GPU of the process's local rank (backend NCCL) where there is one, else the CPU (Gloo).
    """
    cuda, world = torch.cuda.is_available(), int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0")) if world > 1 else 0
    if cuda and local >= torch.cuda.device_count():
        raise DgError(
            f"training.gpus: process {local} finds {torch.cuda.device_count()} GPU(s) on this machine. Lower "
            "training.gpus to that number."
        )
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    if world == 1:
        yield Team(device=device)
        return
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Team(distributed.get_rank(), world, device)
    finally:
        distributed.destroy_process_group()


def share_of(count: int, parts: int) -> float:
    """What a part's masked mean divides by, so that the average over `parts` is the joint batch's masked mean.

    Args:
        count: pairs of the joint batch that the mean is over.
    """
    return max(count, 1) / parts
