"""One step of an adversarial training: the generator's losses, then its judges' on what it made."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

from dg.training.team import Team

Terms = dict[str, tuple[float, torch.Tensor]]
"""Losses by name: (weight, scalar float32)."""


def weighted(terms: Terms) -> torch.Tensor:
    """The weighted sum of the losses, scalar."""
    return sum(weight * value for weight, value in terms.values())


class Step:
    """Updates a generator and its judges on one joint batch, given in parts.

    The two modules' forward passes compute all losses, R1 too, so that DistributedDataParallel can average their
    gradients: `generator(part)` -> (terms, what it made, without gradient), `judges(part, made)` -> terms.
    """

    def __init__(
        self, generator: nn.Module, judges: nn.Module, optimisers: dict[str, torch.optim.Optimizer], team: Team
    ) -> None:
        """`optimisers`: "generator", "judges"; the judges' one knows exactly the judges' parameters."""
        self._judged = [p for group in optimisers["judges"].param_groups for p in group["params"]]
        self._generator, self._judges = team.wrap(generator), team.wrap(judges)
        self._optimisers = optimisers

    def __call__(self, parts: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Do one step; returns the losses by name and the generator's "total", each the mean over the parts."""
        generator: list[dict[str, torch.Tensor]] = []
        judges: list[dict[str, torch.Tensor]] = []
        made: list[Any] = []
        self._let_judges_learn(False)
        self._optimisers["generator"].zero_grad(set_to_none=True)
        for k, part in enumerate(parts):
            with self._averaging(self._generator, k + 1 == len(parts)):
                terms, result = self._generator(part)
                total = weighted(terms)
                (total / len(parts)).backward()
            made.append(result)
            generator.append({name: value.detach() for name, (_, value) in terms.items()} | {"total": total.detach()})
        self._optimisers["generator"].step()
        self._let_judges_learn(True)
        self._optimisers["judges"].zero_grad(set_to_none=True)
        for k, (part, result) in enumerate(zip(parts, made)):
            with self._averaging(self._judges, k + 1 == len(parts)):
                terms = self._judges(part, result)
                (weighted(terms) / len(parts)).backward()
            judges.append({name: value.detach() for name, (_, value) in terms.items()})
        self._optimisers["judges"].step()
        return _mean(judges) | _mean(generator)

    def _let_judges_learn(self, wanted: bool) -> None:
        for parameter in self._judged:
            parameter.requires_grad_(wanted)

    @staticmethod
    def _averaging(module: nn.Module, last: bool) -> Any:
        """Gradients are sent around once a step, after the last part."""
        return nullcontext() if last or not hasattr(module, "no_sync") else module.no_sync()


def _mean(parts: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    if len(parts) == 1:
        return parts[0]
    return {name: torch.stack([losses[name] for losses in parts]).mean() for name in parts[0]}
