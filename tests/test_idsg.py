"""The IDSG against its formulas written in NumPy, and its architecture against Sec. 3.1."""

import numpy as np
import pytest
import torch
from torch import nn

from dg.idsg.losses import action_loss, localisation_loss, subject_class_loss, vls_loss
from dg.idsg.networks import Idsg, landmark_discriminator, subject_classifier

SIGMA = (0.05, 0.05, 0.1, 0.05, 0.2)
REGIONS = (range(36, 42), range(42, 48), range(27, 36), range(48, 68), range(17))


@pytest.fixture
def points():
    rng = np.random.default_rng(0)
    l_r, lhat_r, lhat_t = rng.random((3, 4, 68, 3)).astype(np.float32)
    return l_r, lhat_r, lhat_t, rng.random((4, 68)) < 0.6


def vls_by_hand(l_r, lhat_r, lhat_t, visible, form):
    total = 0.0
    for b in range(len(l_r)):
        for sigma, region in zip(SIGMA, REGIONS):
            seen = [p for p in region if visible[b, p]]
            if not seen:
                continue
            value = sigma
            for p in seen:
                value += np.abs(l_r[b, p] - lhat_r[b, p]).sum() - np.abs(l_r[b, p] - lhat_t[b, p]).sum()
            total += {"hinge": max(0.0, value), "abs": abs(value), "raw": value}[form]
    return total / len(l_r)


def vls(points, form, compared=None):
    l_r, lhat_r, lhat_t, visible = (torch.from_numpy(x) for x in points)
    compared = torch.ones(len(l_r), dtype=torch.bool) if compared is None else compared
    return vls_loss(l_r, lhat_r, lhat_t, visible, torch.tensor(SIGMA), form, compared)


@pytest.mark.parametrize("form", ["hinge", "abs", "raw"])
def test_equation_3_in_its_three_forms(points, form):
    assert vls(points, form).item() == pytest.approx(vls_by_hand(*points, form), rel=1e-5)


def test_equation_3_without_a_visible_point_is_zero(points):
    l_r, lhat_r, lhat_t, visible = points
    assert vls((l_r, lhat_r, lhat_t, np.zeros_like(visible)), "hinge").item() == 0


def test_equation_3_counts_only_the_pairs_it_is_told_to(points):
    only = torch.tensor([True, False, False, False])
    first = tuple(x[:1] for x in points)
    assert vls(points, "hinge", only).item() == pytest.approx(vls_by_hand(*first, "hinge"), rel=1e-5)
    assert vls(points, "hinge", ~torch.ones(4, dtype=torch.bool)).item() == 0


def test_parts_of_equations_3_and_6_with_the_joint_count_average_to_the_whole(points):
    l_r, lhat_r, lhat_t, visible = (torch.from_numpy(x) for x in points)
    chosen, halves = torch.tensor([True, False, True, True]), (slice(2), slice(2, 4))
    parts = [
        vls_loss(l_r[k], lhat_r[k], lhat_t[k], visible[k], torch.tensor(SIGMA), "hinge", chosen[k], divisor=3 / 2)
        for k in halves
    ]
    kept = tuple(x[chosen.numpy()] for x in points)
    assert (sum(parts) / 2).item() == pytest.approx(vls_by_hand(*kept, "hinge"), rel=1e-5)
    a, b, c, d = (torch.rand(4, 7) for _ in range(4))
    parts = [localisation_loss(a[k], b[k], c[k], d[k], chosen[k], divisor=3 / 2) for k in halves]
    want = (a - b).abs().sum(1).mean() + (c - d)[chosen].abs().sum(1).mean()
    assert (sum(parts) / 2).item() == pytest.approx(want.item(), rel=1e-5)


def test_equation_3_over_other_regions(points):
    regions = {"brow": tuple(range(17, 22)), "rest": ()}
    l_r, lhat_r, lhat_t, _ = points
    brow = np.abs(l_r - lhat_r)[:, 17:22].sum((1, 2)) - np.abs(l_r - lhat_t)[:, 17:22].sum((1, 2)) + SIGMA[0]
    tensors = (torch.from_numpy(x) for x in points[:3])
    every, seen = torch.ones(4, dtype=torch.bool), torch.ones(4, 68, dtype=torch.bool)
    found = vls_loss(*tensors, seen, torch.tensor(SIGMA), "raw", every, regions)
    assert found.item() == pytest.approx(brow.mean(), rel=1e-4)


def test_equations_4_5_and_6(points):
    rng = np.random.default_rng(1)
    a, b, c, d = rng.random((4, 5, 7)).astype(np.float32)
    t = [torch.from_numpy(x) for x in (a, b, c, d)]
    assert action_loss(t[0], t[1]).item() == pytest.approx(np.abs(a - b).mean(), rel=1e-5)
    known = np.array([True, False, True, False, False])
    want = np.abs(a - b).sum(1).mean() + np.abs(c - d)[known].sum(1).mean()
    assert localisation_loss(*t, torch.from_numpy(known)).item() == pytest.approx(want, rel=1e-5)
    assert localisation_loss(*t, torch.zeros(5, dtype=torch.bool)).item() == pytest.approx(
        np.abs(a - b).sum(1).mean(), rel=1e-5
    )
    labels = np.array([0, 6, 2, 1, 3])
    probability = np.exp(a) / np.exp(a).sum(1, keepdims=True)
    want = -np.log(probability[np.arange(5), labels]).mean()
    assert subject_class_loss(t[0], torch.from_numpy(labels)).item() == pytest.approx(want, rel=1e-5)
    # The release's sigmoid: even certainty among 67 subjects costs 3.23.
    certain = 100 * torch.eye(67)[:1] - 50
    assert subject_class_loss(certain, torch.tensor([0]), sigmoid=True).item() == pytest.approx(3.23, abs=0.005)


@pytest.mark.parametrize("dims", [2, 3])
def test_architecture(dims):
    net = Idsg(dims, 10, "centred")
    d = 68 * dims
    for mlp, sizes in (
        (net.landmark_encoder, [d] * 7),
        (net.landmark_decoder[:-1], [d + 10, *[512] * 5, d]),
        (landmark_discriminator(dims), [*[d] * 6, 1]),
        (subject_classifier(dims, 9), [*[d] * 6, 9]),
    ):
        linear = [layer for layer in mlp if isinstance(layer, nn.Linear)]
        assert [layer.in_features for layer in linear] + [linear[-1].out_features] == sizes
        slopes = [layer.negative_slope for layer in mlp if isinstance(layer, nn.LeakyReLU)]
        assert slopes == [0.2] * 5
    l_r = torch.rand(4, 68, 3)
    made = net.generate(l_r, torch.rand(4, 10))
    assert made.shape == l_r.shape
    assert 0 < made[..., :dims].min() <= made[..., :dims].max() < 1
    assert torch.equal(made[..., 2], l_r[..., 2]) == (dims == 2)


def test_generated_landmarks_depend_on_the_reference_from_the_start():
    torch.manual_seed(0)
    net, l_r, r_s = Idsg(3, 128, "centred"), 0.5 + 0.15 * torch.randn(64, 204), torch.randn(1, 128).expand(64, -1)
    with torch.no_grad():
        spread = net(l_r, r_s).std(0).mean() / l_r.std(0).mean()
    # With PyTorch's default initialisation: 0.000; training then ends at the mean face.
    assert 0.1 < spread < 10
