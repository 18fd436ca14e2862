"""Networks on disk: safetensors with a JSON card beside them (how made, on what, how good)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import BaseModel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from dg.checked import checked
from dg.errors import DgError
from dg.files import file_digest, read_json, replacing, write_json

Net = TypeVar("Net", bound=nn.Module)
Sizes = TypeVar("Sizes", bound=BaseModel)


def card_path(path: Path) -> Path:
    """The JSON card that belongs to the checkpoint `path`."""
    return Path(path).with_suffix(".json")


def save_checkpoint(path: Path, tensors: dict[str, torch.Tensor], card: dict[str, Any]) -> None:
    """Write `tensors` to `path` (safetensors) and `card` beside it, with the file's SHA-256 in it.

    A checkpoint that is there has its card, also after a kill in between.

    Args:
        tensors: name -> tensor; several networks share a file under prefixes ("generator.", "style_encoder.").
        card: JSON-serialisable facts: settings, data digests, code digest, library versions, metrics.
    """
    with replacing(path) as temporary:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, temporary)
        write_json(card_path(path), {**card, "sha256": file_digest(temporary)})


def load_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of a checkpoint on the CPU and hold them to the digest in the card.

    Raises:
        DgError: the file is missing, is no safetensors file, or differs from the digest in its card.
    """
    path = Path(path)
    if not path.exists():
        raise DgError(f"{path}: weights not found. Run the step that makes them (snakemake -- {path}).")
    card = card_path(path)
    if card.exists():
        expected, found = read_json(card).get("sha256"), file_digest(path)
        if expected != found:
            raise DgError(
                f"{path}: SHA-256 is {found}, but {card.name} says {expected}. The file is damaged or was replaced: "
                f"restore it (git checkout -- {path}, or dvc checkout) or delete both files and make them again."
            )
    try:
        return load_file(path)
    except SafetensorError as error:
        raise DgError(f"{path}: is no safetensors file ({error}). Delete it and make it again.") from error


def with_prefix(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Put `prefix` and a dot before every name."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def under_prefix(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors named `prefix`.*, without the prefix.

    Raises:
        DgError: there are none.
    """
    found = {name[len(prefix) + 1 :]: t for name, t in tensors.items() if name.startswith(prefix + ".")}
    if not found:
        prefixes = sorted({name.split(".")[0] for name in tensors})
        raise DgError(f"the checkpoint holds no network '{prefix}', only {prefixes}. Was it made by another step?")
    return found


def fill(net: nn.Module, name: str, tensors: dict[str, torch.Tensor], path: Path, mend: str) -> None:
    """Load the network `name` of a checkpoint into `net`, half precision too.

    Args:
        tensors: the checkpoint's. path: where they are from, for the messages.
        mend: what to do where the sizes differ, a sentence.

    Raises:
        DgError: the checkpoint holds no such network, or one of other sizes.
    """
    try:
        net.load_state_dict({key: tensor.float() for key, tensor in under_prefix(name, tensors).items()})
    except DgError as error:
        raise DgError(f"{path}: {error}") from error
    except RuntimeError as error:
        raise DgError(
            f"{path}: its network '{name}' has other sizes than those asked for. {mend} "
            f"({str(error).splitlines()[-1].strip()})"
        ) from error


def load_tested(path: Path, network: str, sizes: type[Sizes], build: Callable[[Sizes], Net]) -> Net:
    """The network that testing uses (moving averages), frozen.

    Args:
        network: "idsg" or "rfg".
        sizes: the form of the sizes in its card.
        build: makes the network from them.

    Raises:
        DgError: the checkpoint or its card is missing or damaged, or holds another network.
    """
    tensors, card, name = load_checkpoint(path), card_path(path), f"ema_{network}"
    mend = f"give a checkpoint of the {network.upper()}; if this is one, make it again"
    net = build(checked(sizes, read_json(card).get("sizes", {}), f"{card}: sizes", mend))
    fill(net, name, tensors, path, f"The sizes are those of {card.name}: delete both files and make them again.")
    return net.eval().requires_grad_(False)
