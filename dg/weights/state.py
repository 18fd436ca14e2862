"""Tensors out of a file of published weights, into a network."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from dg.weights.published import PUBLISHED, Published

State = dict[str, Tensor]


def fill(
    net: nn.Module,
    weights: Published,
    folder: Path = PUBLISHED,
    renamed: Callable[[State], State] = lambda state: state,
) -> None:
    """Give `net` the tensors of `weights`; no code in the file is run.

    Args:
        renamed: the tensors of the file, less a "state_dict" around them and a "module." before their names -> those
            of `net`.

    Raises:
        DgError: the file is missing, damaged, holds more than tensors and plain numbers, or is of another network.
    """
    path = weights.require(folder)
    try:
        net.load_state_dict(renamed(_read(path)))
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, AttributeError) as error:
        raise weights.unlike(path, error) from error


def _read(path: Path) -> State:
    if path.suffix == ".safetensors":
        state = load_file(path)
    else:
        # Training scripts leave plain NumPy numbers beside the weights; nothing else but tensors is let in.
        with torch.serialization.safe_globals([np._core.multiarray.scalar, np.dtype, type(np.dtype(float))]):
            state = torch.load(path, map_location="cpu", weights_only=True)
    state = state.get("state_dict", state)
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}
