"""E_f: unseen people are told apart, gradients are right, the ResNet-50 back end loads what its documentation says."""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import resnet50

from dg.errors import DgError
from dg.identity.encoder import load_face_encoder
from dg.pretraining.faces.identity_accuracy import auc
from dg.weights.identity import ENCODERS
from tests.synthface_truth import pictures


@pytest.fixture(scope="module")
def encoder():
    return load_face_encoder("synthface-id")


@pytest.fixture(scope="module")
def people(head):
    return pictures(head, [-60, -25, 0, 30], range(920, 932))


def test_codes_have_unit_mean_square(encoder, people):
    codes = encoder(people[0][:5], people[1][:5])
    assert codes.shape == (5, encoder.dimension) == (5, 160)
    torch.testing.assert_close(codes.square().mean(1), torch.ones(5))


def test_unseen_people_are_told_apart(encoder, people):
    images, points, _, _, who = people
    codes = encoder(images, points)
    cosine = torch.nn.functional.cosine_similarity(codes[:, None], codes[None], dim=-1)
    same, pairs = who[:, None] == who, torch.ones(len(who), len(who), dtype=torch.bool).triu(1)
    assert auc(cosine[same & pairs], cosine[~same & pairs]) > 0.85


def test_auc_counts_pairs():
    same, different = torch.tensor([0.9, 0.4, 0.5]), torch.tensor([0.5, 0.1])
    wins = [1.0 if s > d else 0.5 if s == d else 0.0 for s in same for d in different]
    assert auc(same, different) == pytest.approx(np.mean(wins))


def test_gradient_reaches_the_picture_and_is_right(people):
    encoder = load_face_encoder("synthface-id").double()
    points = people[1].double()
    image, other = people[0][:1].double().requires_grad_(), encoder(people[0][3:4].double(), points[3:4])

    def loss(x):
        return 1 - nn.functional.cosine_similarity(encoder(x, points[:1]), other).sum()

    (gradient,) = torch.autograd.grad(loss(image), image)
    direction = torch.randn(image.shape, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        slope = (loss(image + 1e-6 * direction) - loss(image - 1e-6 * direction)) / 2e-6
    assert float((gradient * direction).sum()) == pytest.approx(float(slope), rel=1e-3)


def test_size_of_the_picture_hardly_matters(encoder, people):
    large = nn.functional.interpolate(people[0][:8], 256, mode="bilinear", antialias=True)
    cosine = nn.functional.cosine_similarity(encoder(large, people[1][:8]), encoder(people[0][:8], people[1][:8]))
    assert cosine.min() > 0.9


def test_encoder_stays_frozen(encoder):
    encoder.train()
    assert not any(module.training for module in encoder.modules())
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


@pytest.mark.parametrize("name", ENCODERS["vggface2"].names)
def test_vggface2_from_a_file_of_the_right_form(tmp_path, name):
    from safetensors.torch import save_file

    torch.manual_seed(0)
    net = resnet50(weights=None, num_classes=7)
    state = {f"module.{key}": tensor for key, tensor in net.state_dict().items()}
    if name.endswith(".safetensors"):
        save_file(net.state_dict(), tmp_path / name)
    else:
        torch.save({"state_dict": state}, tmp_path / name)
    encoder = load_face_encoder("vggface2", folder=tmp_path)
    image = torch.rand(1, 3, 224, 224)
    codes = encoder(image, torch.rand(1, 68, 3))
    assert encoder.dimension == 2048
    net.fc = nn.Identity()
    with torch.no_grad():
        pooled = net.eval()(image * 255 - torch.tensor([131.0912, 103.8827, 91.4953]).view(3, 1, 1))
    torch.testing.assert_close(codes, nn.functional.normalize(pooled) * 2048**0.5, atol=1e-3, rtol=1e-3)


def test_missing_and_foreign_weights(tmp_path):
    with pytest.raises(DgError, match=r"(?s)resnet50_vggface2.safetensors: .* not found.*synthface-id"):
        load_face_encoder("vggface2", folder=tmp_path)
    (tmp_path / ENCODERS["vggface2"].names[0]).write_bytes(b"no weights")
    with pytest.raises(DgError, match="can't be read as a torchvision ResNet-50"):
        load_face_encoder("vggface2", folder=tmp_path)
    with pytest.raises(DgError, match=r"identity\.backend"):
        load_face_encoder("facenet")
