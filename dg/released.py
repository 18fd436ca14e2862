"""The authors' published checkpoints, read into this project's networks.

They are files of `torch.save({network: state_dict})` with the layer names of the authors' code. Below stands which of
their layers is which of ours; sizes are taken from the tensors' shapes. docs/networks.md says what else differs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dg.checkpoints import save_checkpoint, with_prefix
from dg.errors import DgError
from dg.files import file_digest
from dg.idsg.networks import POINTS, Idsg, landmark_discriminator, subject_classifier
from dg.pickled import read_networks
from dg.rfg.model import Rfg
from dg.rfg.networks import Trunk
from dg.sizes.idsg import IdsgSizes
from dg.sizes.rfg import RfgSizes

INSIDE_BLOCKS = {"conv1x1": "skip", "norm1.fc": "norm1.linear", "norm2.fc": "norm2.linear"}
"""Published names of layers inside residual blocks -> ours; conv1, conv2, norm1 and norm2 are called alike."""
UNUSED = "generator.to_rgb_lm."
"""A second head of the generator, 4 channels, which the authors' code builds and never calls."""
LINE_WIDTH = 3
"""Of the maps that the authors' demo draws at 256 px. OpenCV's thickness 2 covers three pixels across."""
MLP = (0, 2, 4, 6, 8, 10)  # places of the linear layers in the IDSG's networks

Tensors = dict[str, Tensor]


def generator_names(blocks: int) -> dict[str, str]:
    """Published layer or block -> ours, for a `generator` with `blocks` down blocks, 4 + `blocks` with AdaIN."""
    ends = {"from_rgb": "first", "to_rgb.0": "to_rgb.0", "to_rgb.2": "to_rgb.2"}
    down = {f"encode.{k}": f"down.{k}" for k in range(blocks)}
    return ends | down | {f"decode.{k}": f"styled.{k}" for k in range(4 + blocks)}


def style_encoder_names(blocks: int) -> dict[str, str]:
    """The same for a `style_encoder` with `blocks` down blocks."""
    down = {f"shared.{1 + k}": f"down.{k}" for k in range(blocks)}
    return {"shared.0": "first"} | down | {f"shared.{blocks + 2}": "last.1", "fc": "linear"}


def face_discriminator_names(blocks: int) -> dict[str, str]:
    """The same for a `discriminator`; its last layer is a 1x1 convolution on 1x1 px, our linear one."""
    down = {f"main.{1 + k}": f"down.{k}" for k in range(blocks)}
    return {"main.0": "first"} | down | {f"main.{blocks + 2}": "last.1", f"main.{blocks + 4}": "linear"}


IDSG_NAMES = {f"lm_linear_encoder.main.{k}": f"landmark_encoder.{k}" for k in MLP}
IDSG_NAMES |= {f"linear_decoder.main.{k}": f"landmark_decoder.{k}" for k in MLP}
LANDMARK_DISCRIMINATOR_NAMES = {f"main.{k}": str(k) for k in MLP[:-1]} | {"main_2.0": "10"}
SUBJECT_CLASSIFIER_NAMES = {f"main.{k}": str(k) for k in MLP[:-1]} | {"main_3.0": "10"}


def load_released_rfg(path: Path) -> Rfg:
    """G_f and E_s of the authors' RFG checkpoint, frozen.

    Raises:
        DgError: no such file, one that holds more than tensors, or a missing, unknown or wrongly shaped tensor.
    """
    return _rfg(*_read_kind(path, "rfg"))[0]


def load_released_idsg(path: Path) -> Idsg:
    """E_l and R_l of the authors' IDSG checkpoint, frozen.

    Their landmarks are (x, y) in pixels of the face crop / 256, their face code is VGG-Face's fc7 as it is, which
    identity.backend: vggface gives.

    Raises:
        DgError: as in load_released_rfg.
    """
    return _idsg(*_read_kind(path, "idsg"))[0]


def convert_released(path: Path, out: Path) -> dict[str, Any]:
    """Write a published checkpoint in this project's form, for load_rfg or load_idsg; returns the card.

    Kept: G_f and E_s as "ema_rfg", E_l and R_l as "ema_idsg", whether the file holds moving averages (the authors'
    *_nets_ema.ckpt) or not; D_f as "face_discriminator", D_l as "landmark_discriminator" and C_l as
    "subject_classifier" where they are in the file. Left out, and named in the card: every other network.

    Args:
        path: the authors' file, RFG or IDSG; which one is told from the names in it.
        out: *.safetensors; the card is written beside it.

    Raises:
        DgError: as in load_released_rfg; or `out` is called otherwise.
    """
    if out.suffix != ".safetensors":
        raise DgError(f"{out}: the converted checkpoint is a safetensors file. Name it {out.stem}.safetensors.")
    state = _read(path)
    kind = _kind(state, path)
    net, sizes = (_rfg if kind == "rfg" else _idsg)(state, path)
    judges = _face_judge(state, sizes, path) if kind == "rfg" else _landmark_judges(state, sizes, path)
    tensors = with_prefix(f"ema_{kind}", net.state_dict())
    for name, judge in judges.items():
        tensors |= with_prefix(name, judge.state_dict())
    used = {*_NETWORKS[kind], *(published for published, ours in _JUDGES.items() if ours in judges)}
    card = {
        "sizes": sizes.model_dump(),
        "note": "converted from the authors' published checkpoint, not trained by this project; their terms apply",
        "source": {"file": path.name, "sha256": file_digest(path), "left_out": sorted(_networks(state) - used)},
    }
    save_checkpoint(out, tensors, card)
    return card


_NETWORKS = {"rfg": ("generator", "style_encoder"), "idsg": ("lm_linear_encoder", "linear_decoder")}
_JUDGES = {
    "discriminator": "face_discriminator",
    "linear_discriminator": "landmark_discriminator",
    "linear_classfier": "subject_classifier",  # the authors' spelling
}


def _read(path: Path) -> Tensors:
    """All tensors of a published file as {network.layer.weight: tensor}."""
    networks = read_networks(path, "*_nets_ema.ckpt")
    return {f"{network}.{name}": tensor for network, state in networks.items() for name, tensor in state.items()}


def _networks(state: Tensors) -> set[str]:
    return {name.split(".")[0] for name in state}


def _kind(state: Tensors, path: Path) -> str:
    for kind, networks in _NETWORKS.items():
        if _networks(state) >= set(networks):
            return kind
    raise DgError(
        f"{path}: holds the networks {', '.join(sorted(_networks(state))) or '(none)'}. Expected "
        f"{' and '.join(_NETWORKS['rfg'])} (RFG), or {' and '.join(_NETWORKS['idsg'])} (IDSG)."
    )


def _read_kind(path: Path, kind: str) -> tuple[Tensors, Path]:
    state = _read(path)
    found = _kind(state, path)
    if found != kind:
        raise DgError(f"{path}: is the checkpoint of the {found.upper()}, expected the {kind.upper()}'s.")
    return state, path


def _missing(name: str, path: Path) -> DgError:
    return DgError(f"{path}: no tensor '{name}'. Is the download whole, and is it the authors' checkpoint?")


def _length(state: Tensors, name: str, axis: int, axes: int, path: Path) -> int:
    """Length of one axis of a tensor that has `axes` of them."""
    if name not in state:
        raise _missing(name, path)
    if state[name].dim() != axes:
        raise DgError(f"{path}: '{name}' has shape {tuple(state[name].shape)}, expected {axes} axes.")
    return state[name].shape[axis]


def _count(state: Tensors, prefix: str) -> int:
    """How many numbered layers `prefix`.0, .1, ... there are."""
    return len({name[len(prefix) + 1 :].split(".")[0] for name in state if name.startswith(prefix + ".")})


def _rfg(state: Tensors, path: Path) -> tuple[Rfg, RfgSizes]:
    blocks = _count(state, "generator.encode")
    sizes = RfgSizes(
        size=2 ** (blocks + 4),
        channels=_length(state, "generator.from_rgb.weight", 0, 4, path),
        max_channels=max(
            _length(state, f"generator.encode.{k}.conv2.weight", 0, 4, path) for k in range(max(1, blocks))
        ),
        style_dim=_length(state, "style_encoder.fc.weight", 0, 2, path),
        adain_intermediate=4,
        line_width=LINE_WIDTH,
        rgb_kernel=_length(state, "generator.to_rgb.2.weight", 3, 4, path),
    )
    parts = {"generator": generator_names(blocks), "style_encoder": style_encoder_names(blocks + 2)}
    names = {f"{part}.{a}": f"{part}.{b}" for part, pairs in parts.items() for a, b in pairs.items()}
    with torch.device("meta"):
        net = Rfg(sizes)
    _fill(net, names, state, path)
    return net, sizes


def _face_judge(state: Tensors, sizes: RfgSizes, path: Path) -> dict[str, nn.Module]:
    # The authors' pix2pix option gives a discriminator of other layer names, of no use here.
    if "discriminator.main.0.weight" not in state:
        return {}
    inputs = _length(state, "discriminator.main.0.weight", 1, 4, path)
    with torch.device("meta"):
        net = Trunk(sizes.size, inputs, sizes.channels, sizes.max_channels, 1)
    _fill(net, _under("discriminator", face_discriminator_names(len(net.down))), state, path)
    return {"face_discriminator": net}


def _idsg(state: Tensors, path: Path) -> tuple[Idsg, IdsgSizes]:
    numbers = _length(state, "lm_linear_encoder.main.0.weight", 1, 2, path)
    if numbers not in (2 * POINTS, 3 * POINTS):
        raise DgError(
            f"{path}: 'lm_linear_encoder.main.0.weight' takes {numbers} numbers, expected {2 * POINTS} or {3 * POINTS}."
        )
    code = _length(state, "linear_decoder.main.0.weight", 1, 2, path) - numbers
    sizes = IdsgSizes(landmark_dims=numbers // POINTS, face_code=max(code, 0), coordinates="raw")
    with torch.device("meta"):
        net = Idsg(sizes.landmark_dims, sizes.face_code, sizes.coordinates)
    _fill(net, IDSG_NAMES, state, path)
    return net, sizes


def _landmark_judges(state: Tensors, sizes: IdsgSizes, path: Path) -> dict[str, nn.Module]:
    judges: dict[str, nn.Module] = {}
    dims, present = sizes.landmark_dims, _networks(state)
    if "linear_discriminator" in present:
        with torch.device("meta"):
            judges["landmark_discriminator"] = net = landmark_discriminator(dims)
        _fill(net, _under("linear_discriminator", LANDMARK_DISCRIMINATOR_NAMES), state, path)
    if "linear_classfier" in present:
        subjects = _length(state, "linear_classfier.main_3.0.weight", 0, 2, path)
        with torch.device("meta"):
            judges["subject_classifier"] = net = subject_classifier(dims, subjects)
        _fill(net, _under("linear_classfier", SUBJECT_CLASSIFIER_NAMES), state, path)
    return judges


def _under(network: str, names: dict[str, str]) -> dict[str, str]:
    return {f"{network}.{published}": ours for published, ours in names.items()}


def _fill(net: nn.Module, names: dict[str, str], state: Tensors, path: Path) -> None:
    """Give `net`, made on the meta device, the published tensors as weights, and freeze it.

    Args:
        names: published layer or block, with its network's name before it -> ours.

    Raises:
        DgError: a tensor is missing or has another shape; or one is left over: then the published network does
            something that ours doesn't (noise, self-attention), and its results would differ.
    """
    networks, wanted = {name.split(".")[0] for name in names}, net.state_dict()
    published = {}
    for name in state:
        if name.split(".")[0] not in networks or name.startswith(UNUSED):
            continue
        ours = _our_name(name, names)
        if ours not in wanted:
            raise DgError(
                f"{path}: '{name}' has no place in this project's networks. Expected the authors' default networks, "
                f"trained without noise, self-attention, high-pass filter or pix2pix."
            )
        published[ours] = name
    weights = {}
    for ours, empty in wanted.items():
        if ours not in published:
            raise _missing(_published_name(ours, names), path)
        tensor = state[published[ours]]
        # A 1x1 convolution where ours is linear.
        flat = tensor.flatten(1) if empty.dim() == 2 and tuple(tensor.shape[2:]) == (1, 1) else tensor
        if flat.shape != empty.shape:
            raise DgError(
                f"{path}: '{published[ours]}' has shape {tuple(tensor.shape)}, expected {tuple(empty.shape)}. "
                f"Is it the authors' checkpoint?"
            )
        weights[ours] = flat.float().contiguous()
    net.load_state_dict(weights, assign=True)
    net.eval().requires_grad_(False)


def _renamed(name: str, places: dict[str, str], inside: dict[str, str]) -> str | None:
    for place, other in places.items():
        if name.startswith(place + "."):
            layer, _, kind = name[len(place) + 1 :].rpartition(".")
            return ".".join(filter(None, [other, inside.get(layer, layer), kind]))
    return None


def _our_name(name: str, names: dict[str, str]) -> str | None:
    return _renamed(name, names, INSIDE_BLOCKS)


def _published_name(name: str, names: dict[str, str]) -> str | None:
    return _renamed(name, {b: a for a, b in names.items()}, {b: a for a, b in INSIDE_BLOCKS.items()})
