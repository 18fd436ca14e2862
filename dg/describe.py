"""Every layer of the networks that params.yaml asks for: output shape, kernel, parameters. Nothing is computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import nn

from dg.identity.encoder import DIMENSIONS
from dg.idsg.networks import POINTS, Idsg, landmark_discriminator, subject_classifier
from dg.params import Params, validate
from dg.rfg.model import Rfg
from dg.rfg.networks import Trunk
from dg.rfg.objectives import judge_channels
from dg.settings import step_settings

RAFD_SUBJECTS = 67
_SHAPE_ONLY = (nn.LeakyReLU, nn.Sigmoid, nn.Identity)


@dataclass(frozen=True)
class Network:
    """One of the paper's networks.

    Attributes:
        symbol: the paper's.
        does: what goes in and what comes out, in words.
        net: on the meta device: shapes without numbers.
        inputs: shapes of its inputs without the batch.
    """

    symbol: str
    does: str
    net: nn.Module
    inputs: tuple[tuple[int, ...], ...]

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(p.numel() for p in self.net.parameters())


def networks(params: Params, subjects: int = RAFD_SUBJECTS) -> list[Network]:
    """E_l, R_l, D_l, C_l, G_f, E_s, D_f and, with lambda_ds, D_s, of the sizes that `params` asks for.

    Args:
        subjects: that C_l tells apart: as many as the training data has.
    """
    idsg, rfg = step_settings(params, "idsg", phase="self"), step_settings(params, "rfg", phase="self")
    dims, code = idsg["landmark_dims"], DIMENSIONS[rfg["identity"]["backend"]]
    d, size, style = POINTS * dims, rfg["size"], rfg["style_dim"]
    widths = size, rfg["channels"], rfg["max_channels"]
    with torch.device("meta"):
        shapes, faces = Idsg(dims, code), Rfg(rfg)
        judges = landmark_discriminator(dims), subject_classifier(dims, subjects)
        inputs = judge_channels(rfg)
        face_judge, shape_judge = Trunk(widths[0], inputs, *widths[1:], 1), Trunk(widths[0], 1, *widths[1:], 1)
    seen = "face" if inputs == 3 else "face and landmark map"
    found = [
        Network("E_l", "landmarks to action code", shapes.landmark_encoder, ((d,),)),
        Network("R_l", "action code and face code to landmarks", shapes.landmark_decoder, ((d + code,),)),
        Network("D_l", "landmarks to logit", judges[0], ((d,),)),
        Network("C_l", f"landmarks to {subjects} subjects", judges[1], ((d,),)),
        Network("G_f", "landmark map and style code to face", faces.generator, ((3, size, size), (style,))),
        Network("E_s", "source face to style code", faces.style_encoder, ((3, size, size),)),
        Network("D_f", f"{seen} to logit", face_judge, ((inputs, size, size),)),
    ]
    if rfg["lambda_ds"]:
        found.append(Network("D_s", "soft landmark map to logit", shape_judge, ((1, size, size),)))
    return found


def layers(network: Network) -> pd.DataFrame:
    """A row per layer in the order in which they run: layer, kind, output, kernel, parameters.

    Activations are left out: they change no shape. Pooling and upsampling show in the next layer's output.
    """
    rows: list[dict[str, Any]] = []

    def note(name: str, module: nn.Module) -> Any:
        def hook(_: nn.Module, __: Any, output: torch.Tensor) -> None:
            kernel = "x".join(map(str, module.kernel_size)) if isinstance(module, nn.Conv2d) else ""
            rows.append(
                {
                    "layer": name,
                    "kind": type(module).__name__,
                    "output": "x".join(map(str, output.shape[1:])),
                    "kernel": kernel,
                    "parameters": sum(p.numel() for p in module.parameters()),
                }
            )

        return module.register_forward_hook(hook)

    handles = [note(name, module) for name, module in _with_shapes(network.net)]
    try:
        network.net(*(torch.empty(1, *shape, device="meta") for shape in network.inputs))
    finally:
        for handle in handles:
            handle.remove()
    return pd.DataFrame(rows)


def _with_shapes(net: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, module in net.named_modules():
        if not any(module.children()) and not isinstance(module, _SHAPE_ONLY):
            yield name, module


def describe(params: Params) -> tuple[str, pd.DataFrame]:
    """The tables of all networks as text of fixed-width columns, and as one table with the column `network`."""
    texts, tables, sums = [f"preset: {params.preset}, scale: {params.scale}, {params.sizes.image_size} px\n"], [], []
    for network in networks(params):
        table = layers(network)
        texts.append(f"{network.symbol}: {network.does}\n\n{_text(table)}\n")
        tables.append(table.assign(network=network.symbol))
        sums.append({"network": network.symbol, "parameters": network.parameters, "does": network.does})
    total = pd.DataFrame(sums)
    texts.append(f"{_text(total)}\n{'sum':<9}{total['parameters'].sum():>11,}")
    everything = pd.concat(tables, ignore_index=True)
    return "\n".join(texts), everything[["network", *everything.columns.drop("network")]]


def _text(table: pd.DataFrame) -> str:
    cells = table.map(lambda value: f"{value:,}" if isinstance(value, int) else str(value))
    widths = {name: max(len(name), *cells[name].map(len)) for name in table}
    lines = [{name: name for name in table}, *cells.to_dict("records")]
    return "\n".join(
        "  ".join(f"{line[n]:>{w}}" if n == "parameters" else f"{line[n]:<{w}}" for n, w in widths.items()).rstrip()
        for line in lines
    )


def chosen(values: dict[str, Any], where: str, scale: str | None, preset: str | None, size: int | None) -> Params:
    """params.yaml's `values` with another scale, preset or picture size, checked.

    Raises:
        DgError: no such scale or preset, or a size that no scale may have.
    """
    values = values | {name: value for name, value in (("scale", scale), ("preset", preset)) if value is not None}
    block = values["scales"].get(values["scale"])
    if size is not None and block is not None:
        values = values | {"scales": values["scales"] | {values["scale"]: block | {"image_size": size}}}
    return validate(values, where)
