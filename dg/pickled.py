"""Tensors out of others' pickled files; whatever in them would run code on loading is refused."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import torch
from torch import Tensor

from dg.errors import DgError

Networks = dict[str, dict[str, Tensor]]


def read_networks(path: Path, name: str, wanted: set[str] | None = None) -> Networks:
    """The networks of a `torch.save({network: state_dict})`, less a "module." before their names (DataParallel's).

    Args:
        name: what the file is called where its authors publish it, for messages.
        wanted: these networks alone, those of them that are there; a training's file also holds optimisers and such.
            None: the file holds networks and nothing else.

    Raises:
        DgError: no such file, a damaged one, one that holds more than tensors and plain containers, or another form.
    """
    again = "Get it from the authors' page again."
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise DgError(f"{path}: not found. Give the file of the authors' checkpoint, {name}.") from None
    except pickle.UnpicklingError as error:
        if re.search(r"Unsupported (global|class)|Trying to", str(error)):
            raise DgError(
                f"{path}: holds pickled code besides tensors, which reading it would run, so it is not read. Expected "
                f"torch.save of {{network: state_dict}}, tensors only; get the file from the authors' page again."
            ) from error
        raise DgError(f"{path}: is no torch.save file, or damaged. {again}") from error
    except (RuntimeError, EOFError, OSError, AttributeError, KeyError, ValueError) as error:
        raise DgError(f"{path}: is no torch.save file, or damaged ({error}). {again}") from error
    if isinstance(saved, dict) and wanted is not None:
        saved = {network: state for network, state in saved.items() if network in wanted}
    if not isinstance(saved, dict) or not all(isinstance(state, dict) for state in saved.values()):
        raise DgError(f"{path}: expected torch.save of {{network: state_dict}}, as the authors' code writes it.")
    for network, state in saved.items():
        for key, tensor in state.items():
            if not isinstance(tensor, Tensor):
                raise DgError(f"{path}: '{network}.{key}' is no tensor. Expected {{network: state_dict}}.")
    return {
        network: {str(key).removeprefix("module."): tensor for key, tensor in state.items()}
        for network, state in saved.items()
    }
