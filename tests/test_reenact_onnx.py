"""The exported files compute what the networks compute, by another runtime."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch

from dg.cli import main
from dg.reenact.networks import load_networks
from dg.reenact.onnx import export_onnx
from dg.rfg.model import Rfg
from dg.sizes.rfg import RfgSizes

PARITY = 1e-3


def run(path, **inputs):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})[0]


def drawn(networks, batch):
    rng, size = torch.Generator().manual_seed(batch), networks.rfg.size
    points = 0.2 + 0.6 * torch.rand(batch, 68, 3, generator=rng)
    codes = torch.randn(batch, networks.idsg.code, generator=rng)
    images = torch.rand(batch, 3, size, size, generator=rng)
    return points, codes, images, torch.rand(batch, 68, generator=rng) > 0.3


def check(networks, folder, batch):
    points, codes, images, visible = drawn(networks, batch)
    made = networks.idsg.generate(points, codes)
    painted = networks.rfg.paint(made, images, visible)
    np.testing.assert_allclose(run(folder / "idsg.onnx", l_r=points, r_s=codes), made, atol=PARITY)
    by_file = run(folder / "rfg.onnx", l_t=made, image=images, visible=visible)
    np.testing.assert_allclose(by_file, painted, atol=PARITY)
    return by_file


def test_the_bundled_networks_at_any_batch(tmp_path, capsys):
    assert main(["export_onnx", "--out", str(tmp_path)]) == 0
    assert "idsg.onnx and " in capsys.readouterr().out
    networks = load_networks(device="cpu")
    assert check(networks, tmp_path, 1).std() > 0.05
    check(networks, tmp_path, 3)


@pytest.mark.parametrize("hide", [True, False])
def test_visibilities_count_where_the_network_was_trained_with_them(hide, tmp_path):
    torch.manual_seed(0)
    sizes = RfgSizes(
        size=32, channels=4, max_channels=8, style_dim=4, adain_intermediate=2, line_width=2, hide_invisible=hide
    )
    networks = load_networks(device="cpu")._replace(rfg=Rfg(sizes).eval().requires_grad_(False))
    export_onnx(networks, tmp_path)
    shown = check(networks, tmp_path, 2)
    points, codes, images, visible = drawn(networks, 2)
    made = networks.idsg.generate(points, codes)
    other = run(tmp_path / "rfg.onnx", l_t=made, image=images, visible=~visible)
    assert (np.abs(other - shown).max() > 1e-4) == hide
