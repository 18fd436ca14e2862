"""What a training leaves behind to go on from: tensors by name, optimisers' moments, the recipe, in one file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.optim import Optimizer

from dg.errors import DgError
from dg.files import replacing


def save_state(
    path: Path, tensors: dict[str, Tensor], optimisers: dict[str, Optimizer], step: int, recipe: Any, told: str = ""
) -> None:
    """Write `tensors`, the optimisers' moments as adam_<optimiser>.<number>.<moment>, and the `recipe`, a dataclass.

    Args:
        told: `digest` of what E_f tells this training, if it rests on it.
    """
    tensors = dict(tensors)
    for name, optimiser in optimisers.items():
        for number, moments in optimiser.state_dict()["state"].items():
            tensors |= {f"adam_{name}.{number}.{key}": value for key, value in moments.items()}
    facts = {"step": str(step), "recipe": json.dumps(asdict(recipe)), "told": told}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        save_file({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, temporary, facts)


def load_state(
    path: Path, recipe: Any, optimisers: dict[str, Optimizer], told: str = ""
) -> tuple[dict[str, Tensor], int]:
    """Read what `save_state` wrote, fill the `optimisers`, and return the tensors and the step.

    Raises:
        DgError: the state is of another recipe or of another E_f.
    """
    step, values = facts_of(path)
    with safe_open(path, "pt") as file:
        if file.metadata().get("told", "") != told:
            raise DgError(
                f"{path}: was trained with another E_f. To train with today's, give another folder or move this file "
                "away; to go on with it, restore the one it knows."
            )
    if changed := [key for key, value in asdict(recipe).items() if values.get(key) != value]:
        raise DgError(
            f"{path}: was trained with other values of {', '.join(changed)}. Give the same ones, or another folder."
        )
    stored = load_file(path)
    for name, optimiser in optimisers.items():
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in part_of(f"adam_{name}", stored).items():
            number, kind = key.split(".")
            moments.setdefault(int(number), {})[kind] = value
        optimiser.load_state_dict(optimiser.state_dict() | {"state": moments})
        # Fused kernels read moments in the order in which the weights lie in memory, whatever their strides say.
        for weight, held in optimiser.state.items():
            held |= {key: torch.empty_like(weight).copy_(v) for key, v in held.items() if v.shape == weight.shape}
    return stored, step


def digest(tensors: Iterable[Tensor]) -> str:
    """SHA-256 of the values."""
    made = hashlib.sha256()
    for tensor in tensors:
        made.update(tensor.detach().contiguous().numpy())
    return made.hexdigest()


def facts_of(path: Path) -> tuple[int, dict[str, Any]]:
    """Step and recipe of a state."""
    with safe_open(path, "pt") as file:
        facts = file.metadata()
    return int(facts["step"]), json.loads(facts["recipe"])


def part_of(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors named `prefix`.*, without the prefix; none, if there are none."""
    return {key[len(prefix) + 1 :]: value for key, value in tensors.items() if key.startswith(prefix + ".")}
