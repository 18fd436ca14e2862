"""The authors' published checkpoints (`*_nets_ema.ckpt`) in this project's networks.

Such a file is what torch.save makes of {network: state dict}. The tables below say which of its layers is which of
ours; sizes are read off the tensors' shapes. The authors' code is not needed, and nothing in the file is executed.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dg.checkpoints import save_checkpoint, with_prefix
from dg.errors import DgError
from dg.files import file_digest
from dg.identity.encoder import DIMENSIONS
from dg.idsg.networks import POINTS, Idsg, landmark_discriminator, subject_classifier
from dg.rfg.model import Rfg
from dg.rfg.networks import Trunk

LINE_WIDTH = 3.0
"""The authors draw with OpenCV, thickness 2, which covers as many pixels as this width does here (test_released.py)."""

NETWORKS = {"rfg": ["generator", "style_encoder"], "idsg": ["linear_decoder", "lm_linear_encoder"]}
"""Networks of theirs that a file must hold to be an RFG or an IDSG."""
MORE = {"rfg": ["discriminator"], "idsg": ["linear_discriminator", "linear_classfier"]}
"""Networks that it may hold besides; the spelling is theirs."""

GENERATOR = {"first": "from_rgb", "down": "encode", "styled": "decode", "to_rgb": "to_rgb"}
"""Layers of G_f: our name -> theirs."""
UNUSED = ("to_rgb_lm.",)
"""A head of their generator that no forward pass calls."""
PARTS = {"skip": "conv1x1", "linear": "fc"}
"""Inside a block, where the names differ: our name -> theirs."""
ENCODER = {str(k): f"main.{k}" for k in range(0, 12, 2)}
"""Layers of E_l and R_l."""
DISCRIMINATOR = {**{str(k): f"main.{k}" for k in range(0, 10, 2)}, "10": "main_2.0"}
CLASSIFIER = {**{str(k): f"main.{k}" for k in range(0, 10, 2)}, "10": "main_3.0"}


def trunk_layers(main: str, last: str, blocks: int) -> dict[str, str]:
    """Layers of E_s and D_f, our name -> theirs: one list `main`, with a LeakyReLU before the last convolution."""
    layers = {"first": f"{main}.0", "last.1": f"{main}.{blocks + 2}", "linear": last}
    return layers | {f"down.{k}": f"{main}.{k + 1}" for k in range(blocks)}


@dataclass(frozen=True)
class Released:
    """What a published checkpoint holds.

    Attributes:
        kind: "rfg" or "idsg".
        sizes: as in the card of our own checkpoints.
        nets: our name of the network -> the network, filled. `kind` is the generator.
    """

    kind: str
    sizes: dict[str, Any]
    nets: dict[str, nn.Module]


def load_released_rfg(path: Path) -> Rfg:
    """G_f and E_s of a published RFG, frozen.

    Raises:
        DgError: the file is missing, holds anything but tensors, or is no RFG of the authors' published form.
    """
    return _of_kind(path, "rfg")


def load_released_idsg(path: Path) -> Idsg:
    """E_l and R_l of a published IDSG, frozen. It takes the face codes of identity.backend: vggface.

    Raises:
        DgError: the file is missing, holds anything but tensors, or is no IDSG of the authors' published form.
    """
    return _of_kind(path, "idsg")


def convert_released(path: Path, out: Path) -> str:
    """Write a published checkpoint in this project's form, for `dg.rfg.load_rfg` or `dg.idsg.load_idsg`.

    Args:
        path: the authors' file, RFG or IDSG: its networks' names tell.
        out: safetensors file to write, its card beside it. Discriminators and classifier go with it if present.

    Returns:
        "rfg" or "idsg".

    Raises:
        DgError: as for `load_released_rfg`.
    """
    released = _read(Path(path))
    tensors: dict[str, torch.Tensor] = {}
    for name, net in released.nets.items():
        tensors |= with_prefix(f"ema_{name}" if name == released.kind else name, net.state_dict())
    card = {
        "what": f"{released.kind.upper()} from the authors' published checkpoint",
        "source": {"file": Path(path).name, "sha256": file_digest(path)},
        "sizes": released.sizes,
    }
    save_checkpoint(out, tensors, card)
    return released.kind


def _of_kind(path: Path, kind: str) -> Any:
    released = _read(Path(path))
    if released.kind != kind:
        raise DgError(f"{path}: holds the authors' {released.kind.upper()}, expected their {kind.upper()}.")
    return released.nets[kind].eval().requires_grad_(False)


def _read(path: Path) -> Released:
    states = _states(path)
    kind = next((kind for kind, names in NETWORKS.items() if states.keys() >= set(names)), None)
    if kind is None:
        expected = " or ".join(f"{names} ({kind.upper()})" for kind, names in NETWORKS.items())
        raise DgError(f"{path}: holds the networks {sorted(states)}; expected {expected}.")
    strange = sorted(states.keys() - {*NETWORKS[kind], *MORE[kind]})
    if strange:
        raise DgError(f"{path}: its network '{strange[0]}' belongs to another variant of the authors' code.")
    return _rfg(path, states) if kind == "rfg" else _idsg(path, states)


def _states(path: Path) -> dict[str, dict[str, torch.Tensor]]:
    if not path.exists():
        raise DgError(f"{path}: not found. Unpack the archive that the authors' README names, and give a file of it.")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).split("WeightsUnpickler error: ")[-1].splitlines()[0]
        if "Unsupported" in reason:
            raise DgError(
                f"{path}: holds pickled code beside tensors, which this project doesn't run ({reason}). Get the "
                f"authors' file again, or save its tensors alone."
            ) from error
        raise DgError(f"{path}: is no PyTorch file ({reason}). Get it again.") from error
    if not isinstance(found, dict) or not all(isinstance(state, dict) for state in found.values()):
        raise DgError(f"{path}: is no checkpoint of the authors; expected {{network: {{name: tensor}}}}.")
    states = {}
    for network, state in found.items():
        # DataParallel puts this before each name.
        states[network] = {str(name).removeprefix("module."): tensor for name, tensor in state.items()}
        wrong = next((name for name, tensor in states[network].items() if not isinstance(tensor, torch.Tensor)), None)
        if wrong is not None:
            raise DgError(f"{path}: '{network}.{wrong}' is no tensor. Take STEP_nets_ema.ckpt.")
    return states


def _rfg(path: Path, states: dict[str, dict[str, torch.Tensor]]) -> Released:
    channels = len(_tensor(path, states, "generator", "from_rgb.weight"))
    style_dim, top = _tensor(path, states, "style_encoder", "fc.weight").shape
    blocks = next(k for k in count() if f"shared.{k + 1}.conv1.weight" not in states["style_encoder"])
    sizes = {
        "size": 4 * 2**blocks,
        "channels": channels,
        "max_channels": top,
        "style_dim": style_dim,
        "adain_intermediate": 4,
        "rgb_kernel": 1,
        "line_width": LINE_WIDTH,
    }
    net = Rfg(sizes)
    _fill(path, states, "generator", net.generator, GENERATOR)
    _fill(path, states, "style_encoder", net.style_encoder, trunk_layers("shared", "fc", blocks))
    nets: dict[str, nn.Module] = {"rfg": net}
    if "discriminator" in states:
        inputs = _tensor(path, states, "discriminator", "main.0.weight").shape[1]
        judge = Trunk(sizes["size"], inputs, channels, top, 1)
        _fill(path, states, "discriminator", judge, trunk_layers("main", f"main.{blocks + 4}", blocks))
        nets["face_discriminator"] = judge
    return Released("rfg", sizes, nets)


def _idsg(path: Path, states: dict[str, dict[str, torch.Tensor]]) -> Released:
    dims = _tensor(path, states, "lm_linear_encoder", "main.0.weight").shape[1] // POINTS
    inputs = _tensor(path, states, "linear_decoder", "main.0.weight").shape[1]
    sizes = {"landmark_dims": dims, "face_code": inputs - dims * POINTS}
    if dims not in (2, 3) or sizes["face_code"] != DIMENSIONS["vggface"]:
        raise DgError(
            f"{path}: 'linear_decoder.main.0.weight' takes {inputs} numbers and 'lm_linear_encoder' {dims * POINTS}; "
            f"expected {2 * POINTS + DIMENSIONS['vggface']} and {2 * POINTS}, as in the authors' published code."
        )
    net = Idsg(dims, sizes["face_code"])
    _fill(path, states, "lm_linear_encoder", net.landmark_encoder, ENCODER)
    _fill(path, states, "linear_decoder", net.landmark_decoder, ENCODER)
    nets: dict[str, nn.Module] = {"idsg": net}
    if "linear_discriminator" in states:
        nets["landmark_discriminator"] = landmark_discriminator(dims)
        _fill(path, states, "linear_discriminator", nets["landmark_discriminator"], DISCRIMINATOR)
    if "linear_classfier" in states:
        subjects = len(_tensor(path, states, "linear_classfier", "main_3.0.weight"))
        nets["subject_classifier"] = subject_classifier(dims, subjects)
        _fill(path, states, "linear_classfier", nets["subject_classifier"], CLASSIFIER)
    return Released("idsg", sizes, nets)


def _tensor(path: Path, states: dict[str, dict[str, torch.Tensor]], network: str, name: str) -> torch.Tensor:
    if name not in states[network]:
        raise DgError(f"{path}: '{network}.{name}' is missing. Is it the authors' {network}?")
    return states[network][name]


def published_name(name: str, layers: dict[str, str]) -> str:
    """Their name of our tensor `name`; `layers` as above: our layer -> theirs."""
    ours = next(layer for layer in layers if name.startswith(layer + "."))
    parts = name[len(ours) + 1 :].split(".")
    return ".".join([layers[ours], *(PARTS.get(part, part) for part in parts)])


def _fill(
    path: Path,
    states: dict[str, dict[str, torch.Tensor]],
    network: str,
    net: nn.Module,
    layers: dict[str, str],
) -> None:
    """Copy their `network` into `net`; every tensor must be there, fit and be wanted."""
    filled, known = {}, set()
    for name, ours in net.state_dict().items():
        theirs = published_name(name, layers)
        tensor = _tensor(path, states, network, theirs)
        known.add(theirs)
        if tensor.shape[2:] == (1, 1) and ours.ndim == 2:
            tensor = tensor.flatten(1)  # their D_f ends in a 1x1 convolution on one pixel, ours in a linear layer
        if tensor.shape != ours.shape:
            raise DgError(f"{path}: '{network}.{theirs}' is {[*tensor.shape]}, expected {[*ours.shape]}.")
        filled[name] = tensor.float()
    strange = [name for name in states[network] if name not in known and not name.startswith(UNUSED)]
    if strange:
        raise DgError(
            f"{path}: '{network}.{strange[0]}' is unknown: the file is of another variant of the authors' code (noise, "
            f"self-attention or high-pass filter), which paints by other rules."
        )
    net.load_state_dict(filled)
