"""Weight files of face encoders that the project may not ship, laid by hand into one folder."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from dg.errors import DgError


def find_state(folder: Path, names: tuple[str, ...], what: str) -> Path:
    """The first of the files `names` that lies in `folder`; `what`: whose state it is, for messages.

    Raises:
        DgError: there is none.
    """
    path = next((folder / name for name in names if (folder / name).exists()), None)
    if path is None:
        others = f" (or as {', '.join(names[1:])}, tensors only)" if names[1:] else ""
        raise DgError(
            f"{folder / names[0]}: weights not found. Put the state of {what} there{others}; the project may not ship "
            f"it. Or set identity.backend: synthface-id, whose weights ship with the project."
        )
    return path


def read_state(folder: Path, names: tuple[str, ...], what: str) -> tuple[Path, dict[str, Tensor]]:
    """The first of the files `names` that lies in `folder`, and its tensors without a "module." before their names.

    Args:
        names: of a safetensors file, or of a torch file that holds tensors only (never unpickled beyond that).
        what: whose state it is, for messages.

    Raises:
        DgError: no such file, or it is damaged or holds more than tensors.
    """
    path = find_state(folder, names, what)
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
        state = state.get("state_dict", state)
        return path, {name.removeprefix("module."): tensor for name, tensor in state.items()}
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, AttributeError) as error:
        raise DgError(f"{path}: is no state of {what} ({error}). Convert the file or get another.") from error


def unlike(path: Path, what: str, first: str, error: Exception) -> DgError:
    """The error for a file whose tensors don't fit the network `what`, whose first tensor is called `first`."""
    return DgError(
        f"{path}: is no state of {what} ({error}). Expected tensors named {first}, …; convert the file or get another."
    )
