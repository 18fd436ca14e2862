"""Weight files of face encoders that the project may not ship, laid by hand into one folder."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from dg.errors import DgError
from dg.identity import FILES, weights_by_hand


@dataclass(frozen=True)
class ByHand:
    """The state of a network that people fetch themselves.

    Attributes:
        what: the network, for messages.
        backend: which of dg.identity.FILES, the file names that are looked for: safetensors, or a torch file that holds
            tensors only.
        page: its publisher's.
        tensors: how the tensors must be called, in words.
    """

    what: str
    backend: str
    page: str
    tensors: str

    def find(self, folder: Path, instead: str) -> Path:
        """The file that lies in `folder`; `instead`: what to set in params.yaml to do without one.

        Raises:
            DgError: there is none; the message says from where and in which form.
        """
        path = weights_by_hand(self.backend, folder)
        if path is None:
            first, *others = FILES[self.backend]
            raise DgError(
                f"{folder / first}: weights not found. The project may not ship {self.what}.\n"
                f"  Its publisher: {self.page} (which gives no SHA-256)\n"
                f"  Put its state there (or as {', '.join(others)}): tensors only, {self.tensors}\n"
                f"  Or set {instead}."
            )
        return path

    def read(self, folder: Path, instead: str) -> tuple[Path, dict[str, Tensor]]:
        """The file that `find` finds, and its tensors without a "module." before their names; no code in it is run.

        Raises:
            DgError: no such file, or it is damaged or holds more than tensors.
        """
        path = self.find(folder, instead)
        try:
            state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
            state = state.get("state_dict", state)
            return path, {name.removeprefix("module."): tensor for name, tensor in state.items()}
        except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, AttributeError) as error:
            raise DgError(
                f"{path}: is no state of {self.what} ({error}). Convert the file or get another: {self.page}"
            ) from error

    def unlike(self, path: Path, error: Exception) -> DgError:
        """The error for a file whose tensors don't fit the network."""
        return DgError(
            f"{path}: is no state of {self.what} ({error}). Expected tensors {self.tensors}; convert the file or get "
            f"another: {self.page}"
        )
