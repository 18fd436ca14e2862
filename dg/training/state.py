"""The state of an unfinished training: one safetensors file, replaced as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from dg.files import replacing

FILE = "state.safetensors"
"""What a training calls it in its folder."""


def _optimiser_tensors(name: str, optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    state = optimiser.state_dict()["state"]
    return {
        f"optimiser.{name}.{index}.{key}": torch.as_tensor(value)
        for index, values in state.items()
        for key, value in values.items()
    }


def save_state(
    path: Path,
    modules: dict[str, torch.nn.Module],
    optimisers: dict[str, torch.optim.Optimizer],
    facts: dict[str, Any],
) -> None:
    """Write networks, optimisers and `facts` (JSON: step, loss rows) to the file `path`; all or nothing."""
    tensors = {f"net.{name}.{key}": t for name, net in modules.items() for key, t in net.state_dict().items()}
    for name, optimiser in optimisers.items():
        tensors |= _optimiser_tensors(name, optimiser)
    with replacing(path) as temporary:
        save_file({k: t.detach().contiguous() for k, t in tensors.items()}, temporary, {"facts": json.dumps(facts)})


def load_state(
    path: Path,
    modules: dict[str, torch.nn.Module],
    optimisers: dict[str, torch.optim.Optimizer],
    say: Callable[[str], None],
) -> dict[str, Any] | None:
    """Bring back what `save_state` wrote; returns its facts, or None if there is none.

    Args:
        say: told so if the file is damaged: then there is none either.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as stream:
            facts = json.loads(stream.metadata()["facts"])
            tensors = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError):
        say(f"{path}: this resume state is damaged, so the training starts again at step 0.")
        return None
    for name, net in modules.items():
        prefix = f"net.{name}."
        net.load_state_dict({k[len(prefix) :]: t for k, t in tensors.items() if k.startswith(prefix)})
    for name, optimiser in optimisers.items():
        prefix = f"optimiser.{name}."
        weights = [weight for group in optimiser.param_groups for weight in group["params"]]
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, tensor in tensors.items():
            if key.startswith(prefix):
                index, field = key[len(prefix) :].split(".", 1)
                # A moment takes its weight's memory format (channels_last), as the optimiser's own has it.
                laid_out = tensor if field == "step" else torch.empty_like(weights[int(index)]).copy_(tensor)
                state.setdefault(int(index), {})[field] = laid_out
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    return facts
