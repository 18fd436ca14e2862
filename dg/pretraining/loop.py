"""A training loop that can be killed at any moment and goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from dg.files import replacing

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
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay)
    first = _restore(state, model, optimiser, parameters) if state.exists() else 0
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
        if step % 20 == 19:
            bar.set_postfix(loss=f"{sum(losses[-100:]) / len(losses[-100:]):.4f}")
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == last:
            _keep(state, model, optimiser, parameters, step + 1)
    model.eval()
    recent = losses[-200:]
    return sum(recent) / len(recent) if recent else float("nan")


def _keep(state: Path, model: nn.Module, optimiser: torch.optim.Optimizer, parameters: list, step: int) -> None:
    tensors = {f"model.{name}": t.detach().contiguous() for name, t in model.state_dict().items()}
    for k, parameter in enumerate(parameters):
        for key in ("exp_avg", "exp_avg_sq", "step"):
            tensors[f"optimiser.{k}.{key}"] = optimiser.state[parameter][key].contiguous()
    tensors["step"] = torch.tensor(step)
    with replacing(state) as temporary:
        save_file(tensors, temporary)


def _restore(state: Path, model: nn.Module, optimiser: torch.optim.Optimizer, parameters: list) -> int:
    tensors = load_file(state)
    model.load_state_dict({n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")})
    for k, parameter in enumerate(parameters):
        moments = {key: tensors[f"optimiser.{k}.{key}"] for key in ("exp_avg", "exp_avg_sq", "step")}
        # The moments take the layout of the weights (channels_last), as AdamW's own would.
        optimiser.state[parameter] = {
            key: torch.empty_like(parameter).copy_(t) if key != "step" else t for key, t in moments.items()
        }
    return int(tensors["step"])
