"""A training loop that can be killed at any moment and goes on where it was."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from dg.errors import DgError
from dg.training.state import load_state, save_state
from dg.training.watch import not_finite

SAVE_EVERY = 100  # steps between two states on disk: under a minute of lost work


def fit(
    model: nn.Module,
    batch_of: Callable[[int], tuple[Tensor, ...]],
    loss_of: Callable[..., Tensor],
    *,
    steps: int,
    lr: float,
    weight_decay: float,
    state: Path,
    name: str,
    until: int | None = None,
) -> float:
    """Train `model` in place with AdamW, a short warm-up and cosine decay, the forward pass in bfloat16.

    Args:
        batch_of: step number -> tensors of the batch. Must depend on nothing but the step: that is what makes a
            resumed run see the same pictures as an unbroken one.
        loss_of: (*batch) -> scalar loss, calls `model` itself.
        steps: of the whole schedule.
        state: safetensors file with weights, moments and step number; written on the way, read if it exists, removed
            by nobody. A finished one returns at once.
        until: stop early at this step, leaving the state as it is.

    Returns:
        mean loss over the last 200 steps of this call (nan if there was nothing to do).

    Raises:
        DgError: the loss or a weight is NaN or infinite; no state is written from then on.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay)
    nets, optimisers = {"model": model}, {"adamw": optimiser}
    facts = load_state(state, nets, optimisers, lambda text: print(text, file=sys.stderr))
    first = facts["step"] if facts else 0
    last = min(steps, until if until is not None else steps)
    warm_up = max(1, min(100, steps // 20))
    losses: list[float] = []
    model.train()
    for step in (bar := tqdm(range(first, last), initial=first, total=steps, desc=name, disable=None)):
        progress = max(0.0, (step - warm_up) / max(1, steps - warm_up))
        rate = lr * min(1.0, (step + 1) / warm_up) * 0.5 * (1 + torch.cos(torch.tensor(progress * torch.pi)).item())
        for group in optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(*batch_of(step))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimiser.step()
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise _not_finite(name, step + 1, f"the loss is {losses[-1]}", state)
        if step % 20 == 19:
            bar.set_postfix(loss=f"{sum(losses[-100:]) / len(losses[-100:]):.4f}")
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == last:
            if spoilt := not_finite(nets.items()):
                raise _not_finite(name, step + 1, f"weights '{spoilt[0]}' hold values that are not finite", state)
            save_state(state, nets, optimisers, {"step": step + 1})
    model.eval()
    recent = losses[-200:]
    return sum(recent) / len(recent) if recent else float("nan")


def _not_finite(name: str, step: int, what: str, state: Path) -> DgError:
    return DgError(
        f"{name}: step {step}: {what}. The last good state, if any, is kept in {state}. Lower lr in "
        "dg/pretraining/settings.yaml, or remove that file to start again with the same values."
    )
