"""Every layer of the networks that params.yaml asks for, with output shapes and parameter counts, without training."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch
from torch import nn

from dg import params
from dg.fom.networks import SHRINK, Fom
from dg.identity import DIMENSIONS
from dg.idsg.networks import POINTS, landmark_decoder, landmark_discriminator, landmark_encoder, subject_classifier
from dg.params import Params
from dg.rfg.model import face_generator
from dg.rfg.networks import Trunk
from dg.rfg.objectives import judge_channels
from dg.sizes.fom import fom_sizes
from dg.steps.idsg import idsg_settings
from dg.steps.rfg import rfg_settings
from dg.study.variants import with_overrides

SUBJECTS = 67
"""Outputs of C_l: RaFD's subjects, all of whom train."""

Inputs = tuple[tuple[int, ...], ...]


def networks(values: Params) -> dict[str, tuple[nn.Module, Inputs]]:
    """The networks of the self phase by their symbols, each with its inputs' shapes for one pair.

    On the meta device: they have shapes and no weights. D_s is there if lambda_ds is not 0, as in training.
    """
    landmarks, faces = idsg_settings(values, "self"), rfg_settings(values, "self")
    dims, code = landmarks.landmark_dims, DIMENSIONS[values.identity.backend]
    size, style = faces.size, faces.style_dim
    trunk = (faces.channels, faces.max_channels)
    seen = judge_channels(faces)
    flat = (1, POINTS * dims)
    with torch.device("meta"):
        found: dict[str, tuple[nn.Module, Inputs]] = {
            "E_l": (landmark_encoder(dims), (flat,)),
            "R_l": (landmark_decoder(dims, code), ((1, POINTS * dims + code),)),
            "D_l": (landmark_discriminator(dims), (flat,)),
            "C_l": (subject_classifier(dims, SUBJECTS), (flat,)),
            "G_f": (
                face_generator(faces.sizes),
                ((1, 3, size, size), (1, style)),
            ),
            "E_s": (Trunk(size, 3, *trunk, style), ((1, 3, size, size),)),
            "D_f": (Trunk(size, seen, *trunk, 1), ((1, seen, size, size),)),
        }
        if faces.lambda_ds:
            found["D_s"] = (Trunk(size, 1, *trunk, 1), ((1, 1, size, size),))
    return found


def rival_networks(values: Params) -> dict[str, tuple[nn.Module, Inputs]]:
    """The same of the First Order Motion Model: key points, dense motion, generator."""
    size, small = values.sizes.image_size, values.sizes.image_size // SHRINK
    with torch.device("meta"):
        fom = Fom(fom_sizes(size))
    motions = fom.sizes.points + 1
    return {
        "key points": (fom.detector, ((1, 3, size, size),)),
        "motion": (fom.motion, ((1, 4 * motions, small, small),)),
        "generator": (fom.generator, ((1, 3, size, size), (1, small, small, 2), (1, 1, small, small))),
    }


METHODS = {"dg": networks, "fom": rival_networks}
"""Methods whose networks can be listed."""


def layers(name: str, net: nn.Module, inputs: Inputs) -> pd.DataFrame:
    """One row per layer call of `net`, which is on the meta device, in the order of the calls.

    Args:
        name: the network's symbol, first column.
        inputs: shapes of the network's inputs.

    Returns:
        Columns network, layer (its place in the network), type, output ("64 x 256 x 256", without the batch axis),
        kernel ("3 x 3"; empty: no convolution) and parameters.
    """
    rows: list[dict[str, str | int]] = []

    def listen(place: str, layer: nn.Module) -> None:
        def called(_module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
            kernel = getattr(layer, "kernel_size", ())
            rows.append(
                {
                    "network": name,
                    "layer": place,
                    "type": type(layer).__name__,
                    "output": " x ".join(map(str, output.shape[1:])),
                    "kernel": " x ".join(map(str, kernel)),
                    "parameters": sum(p.numel() for p in layer.parameters()),
                }
            )

        layer.register_forward_hook(called)

    for place, layer in net.named_modules():
        if not list(layer.children()) and not isinstance(layer, nn.Identity):
            listen(place, layer)
    with torch.no_grad():
        net(*(torch.empty(shape, device="meta") for shape in inputs))
    return pd.DataFrame(rows)


def describe(path: Path, preset: str | None, scale: str, size: int | None = None, method: str = "dg") -> pd.DataFrame:
    """All layers of all networks of a method; columns as in `layers`.

    Args:
        path: params.yaml.
        preset: one of its presets; None: the one it names.
        scale: one of its scales; "paper" has the paper's sizes, 256 px.
        size: side of the pictures in pixels; None: the scale's.
        method: one of METHODS.

    Raises:
        DgError: params.yaml is wrong, has no such preset or scale, or no scale may have that size.
    """
    values = params.load(path)
    raw = values.model_dump(mode="json") | {"scale": scale, "preset": preset or values.preset}
    values = params.validate(raw, str(path))
    if size is not None:
        raw["scales"][scale]["image_size"] = size
        values = params.validate(raw, str(path))
    found = METHODS[method](with_overrides(values, "dg"))
    return pd.concat([layers(name, *net) for name, net in found.items()], ignore_index=True)


def as_text(table: pd.DataFrame) -> str:
    """The table of `describe` and the networks' totals, for reading."""
    totals = table.groupby("network", sort=False)["parameters"].sum()
    lines = [table.to_string(index=False), ""]
    lines += [f"{name}  {total:>11,}" for name, total in [*totals.items(), ("all", totals.sum())]]
    return "\n".join(lines)
