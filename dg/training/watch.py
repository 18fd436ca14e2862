"""The losses of a training as they come, and the first step at which one is not finite."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from dg.training.team import Team


class LossWatch:
    """Keeps the losses of the last step, or of the first one that had a loss that is not finite.

    Only `read` waits for a GPU; until then the choice between the two is made there. A loss that a step doesn't compute
    (lazy R1) keeps its last value.
    """

    def __init__(self, team: Team, last: dict[str, float]) -> None:
        """`last`: the losses that a stopped training had last read, empty at its start."""
        self._team = team
        options = {"dtype": torch.float64, "device": team.device}
        self._last = {name: torch.tensor(value, **options) for name, value in last.items()}
        self._kept: torch.Tensor | None = None

    def add(self, step: int, losses: dict[str, torch.Tensor]) -> None:
        """Take the losses of `step`, scalars by name; in the first step all names, in the same order everywhere."""
        self._last |= {name: value.detach() for name, value in losses.items()}
        values = torch.stack(list(self._last.values())).double()
        row = torch.cat([values.new_full((1,), step), values])
        self._kept = row if self._kept is None else torch.where(self._kept.isfinite().all(), row, self._kept)

    def read(self) -> tuple[int, dict[str, float]]:
        """The last step and its losses, averaged over the processes.

        Where any process met a value that is not finite: the first such step and that process's losses. All processes
        must call this together, and all get the same.
        """
        rows = self._team.gather(self._kept)
        bad = [row for row in rows if not all(map(math.isfinite, row))]
        means = [sum(column) / len(rows) for column in zip(*rows)]
        step, *values = min(bad, key=lambda row: row[0]) if bad else means
        return int(step), dict(zip(self._last, values))


def not_finite(nets: Iterable[tuple[str, nn.Module]]) -> list[str]:
    """Names of the weights and buffers that hold NaN or infinity, as "net.weight"."""
    named = ((f"{name}.{key}", tensor) for name, net in nets for key, tensor in net.state_dict().items())
    return [name for name, tensor in named if not bool(tensor.isfinite().all())]
