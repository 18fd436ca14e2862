"""IDSG and RFG as ONNX files, for programs without PyTorch."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from dg.files import replacing
from dg.idsg.networks import POINTS, Idsg
from dg.reenact.networks import Networks
from dg.rfg.model import Rfg

FILES = ("idsg.onnx", "rfg.onnx")
OPSET = 17


class _Shape(nn.Module):
    """The IDSG with the points it hands on, as `Idsg.generate`."""

    def __init__(self, idsg: Idsg) -> None:
        super().__init__()
        self.idsg = idsg

    def forward(self, l_r: Tensor, r_s: Tensor) -> Tensor:
        dims = self.idsg.dims
        made = self.idsg(self.idsg.flat(l_r), r_s).unflatten(1, (POINTS, dims))
        return torch.cat([made, l_r[..., dims:]], 2)


class _Paint(nn.Module):
    """The RFG, map and all, as `Rfg.paint`."""

    def __init__(self, rfg: Rfg) -> None:
        super().__init__()
        self.rfg = rfg

    def forward(self, l_t: Tensor, image: Tensor, visible: Tensor) -> Tensor:
        # Networks that show all edges look at no visibilities; the file takes them in any case.
        return self.rfg(l_t, image, visible)[0] + 0 * visible.to(image.dtype).sum()


def export_onnx(networks: Networks, folder: Path) -> None:
    """Write FILES into `folder`; the batch may be of any size.

    idsg.onnx: l_r (B, 68, 3), r_s (B, D) -> l_t (B, 68, 3). rfg.onnx: l_t (B, 68, 3), image (B, 3, S, S) in [0, 1],
    visible (B, 68) bool, of the reference -> painted (B, 3, S, S) in [0, 1]. All others float32.

    Args:
        networks: on the CPU.

    Raises:
        DgError: the folder can't be written.
    """
    size, code = networks.rfg.size, networks.idsg.code
    points, visible = torch.full((2, POINTS, 3), 0.5), torch.ones(2, POINTS, dtype=torch.bool)
    shape, paint = (_Shape(networks.idsg), _Paint(networks.rfg))
    _write(shape, (points, torch.zeros(2, code)), ["l_r", "r_s"], "l_t", folder / FILES[0])
    images = torch.full((2, 3, size, size), 0.5)
    _write(paint, (points, images, visible), ["l_t", "image", "visible"], "painted", folder / FILES[1])


def _write(net: nn.Module, inputs: tuple[Tensor, ...], names: list[str], output: str, path: Path) -> None:
    axes = {name: {0: "batch"} for name in (*names, output)}
    with replacing(path) as temporary, warnings.catch_warnings():
        # The tracing exporter: the newer one asks for a package more.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(),
            inputs,
            str(temporary),
            input_names=names,
            output_names=[output],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
