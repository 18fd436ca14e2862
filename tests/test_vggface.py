"""VGG-Face as the release uses it: files of the published form, fc7 codes, the perceptual loss against torchvision."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import vgg16

from dg.errors import DgError
from dg.identity.encoder import load_face_encoder
from dg.identity.vggface import NAMES, VggFace
from dg.rfg.perceptual import load_perceptual, perceptual_loss

MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A VGG-16 with made-up weights and its file, with the published names: conv1_1.weight ... fc8.bias."""
    torch.manual_seed(0)
    net = vgg16(weights=None, init_weights=False, num_classes=2622).eval()
    published = {theirs: ours for ours, theirs in NAMES.items()}
    state = {}
    for name, tensor in net.state_dict().items():
        layer, kind = name.rsplit(".", 1)
        state[f"{published[layer]}.{kind}"] = tensor
    assert len(state) == 32 and {"conv5_3.weight", "fc7.bias", "fc8.weight"} < set(state)
    folder = tmp_path_factory.mktemp("weights")
    torch.save(state, folder / "vgg_face_dag.pth")
    return net, folder


def test_codes_are_fc7_after_its_relu(weights):
    net, folder = weights
    images = torch.rand(2, 3, 256, 256, generator=torch.Generator().manual_seed(1))
    encoder = load_face_encoder("vggface", folder=folder)
    assert encoder.dimension == 4096
    with torch.no_grad():
        pooled = net.avgpool(net.features((images - MEAN) / STD)).flatten(1)
        fc7 = torch.relu(net.classifier[3](torch.relu(net.classifier[0](pooled))))
    torch.testing.assert_close(encoder(images, torch.rand(2, 68, 3)), fc7, rtol=1e-3, atol=1e-3)
    assert (fc7.norm(dim=1) - 64).abs().min() > 1  # not scaled: the release hands its IDSG these numbers as they are


def test_the_perceptual_loss_adds_up_five_layers(weights):
    net, folder = weights
    rng = torch.Generator().manual_seed(2)
    painted, truth = torch.rand(2, 3, 3, 256, 256, generator=rng)
    known = torch.tensor([True, False, True])
    net = load_perceptual(folder=folder)
    loss = perceptual_loss(net, painted, truth, known)
    want = 0.0
    with torch.no_grad():
        for last in (2, 7, 12, 19, 26):  # relu1_1 to relu5_1
            first, second = (net.features[:last]((x - MEAN) / STD).numpy() for x in (painted, truth))
            want += np.mean([np.abs(first[i] - second[i]).mean() for i in (0, 2)])
    assert loss.item() == pytest.approx(want, rel=1e-3)
    assert perceptual_loss(net, painted, truth, known, divisor=4).item() == pytest.approx(want / 2, rel=1e-3)
    assert perceptual_loss(net, painted, truth, torch.zeros(3, dtype=torch.bool)).item() == 0


def test_the_perceptual_losss_gradient_against_finite_differences():
    torch.manual_seed(3)
    net = VggFace().double().eval()
    painted, truth = torch.rand(2, 1, 3, 32, 32).double()
    known = torch.tensor([True])
    painted.requires_grad_(True)
    (gradient,) = torch.autograd.grad(perceptual_loss(net, painted, truth, known), painted)
    direction = torch.randn_like(truth)
    with torch.no_grad():
        ends = [perceptual_loss(net, painted + step * direction, truth, known) for step in (1e-6, -1e-6)]
    assert float((gradient * direction).sum()) == pytest.approx(float(ends[0] - ends[1]) / 2e-6, rel=1e-3)


def test_a_file_with_torchvisions_names_gives_the_same_network(tmp_path):
    with torch.device("meta"):
        shapes = {name: t.shape for name, t in vgg16(weights=None, num_classes=2622).state_dict().items()}
    # One number per tensor, so that the file is small.
    state = {f"module.{name}": torch.tensor(float(k)).expand(shape) for k, (name, shape) in enumerate(shapes.items())}
    torch.save({"state_dict": state}, tmp_path / "vggface.pth")
    encoder = load_face_encoder("vggface", folder=tmp_path)
    found = dict(encoder.net.named_parameters())
    kept = [name for name in shapes if not name.startswith("classifier.6.")]
    assert sorted(found) == sorted(kept)
    for name in kept:
        assert found[name].flatten()[0] == found[name].flatten()[-1] == list(shapes).index(name)


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(DgError, match=r"(?s)vggface.safetensors: VGG-Face.* not found.*synthface-id"):
        load_face_encoder("vggface", folder=tmp_path)
    save_file({"conv1_1.weight": torch.zeros(1)}, tmp_path / "vggface.safetensors")
    with pytest.raises(DgError, match=r"(?s)can't be read as VGG-Face.*conv1_1.weight"):
        load_face_encoder("vggface", folder=tmp_path)
