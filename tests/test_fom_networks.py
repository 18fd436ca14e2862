"""The First Order Motion Model's networks: published sizes, forms of their answers, the features of the loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate
from torchvision.models import vgg16

from dg.fom.blocks import Shrink
from dg.fom.motion import KeyPoints, grid
from dg.fom.networks import Fom
from dg.fom.perceptual import SMALLEST, Pyramid
from dg.lpips.weights import lpips_weights
from dg.sizes.fom import FomSizes, fom_sizes


def millions(*nets):
    return round(sum(p.numel() for net in nets for p in net.parameters()) / 1e6, 1)


def test_published_sizes_have_the_published_numbers_of_parameters():
    with torch.device("meta"):
        fom = Fom(fom_sizes(256))
    assert fom_sizes(256) == FomSizes()
    assert (millions(fom.detector), millions(fom.motion)) == (14.2, 37.7)
    assert millions(fom.generator, fom.motion) == 45.6


@pytest.fixture(scope="module")
def fom():
    torch.manual_seed(0)
    return Fom(fom_sizes(64)).eval()


def pictures(seed, size=64):
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(seed))


def test_key_points_lie_in_the_picture_and_turn_nothing_at_first(fom):
    found = fom.detector(pictures(0))
    assert found.places.shape == (2, 10, 2) and found.places.abs().max() < 1
    torch.testing.assert_close(found.jacobians, torch.eye(2).expand(2, 10, 2, 2), atol=1e-5, rtol=0)


def test_masks_sum_to_one_and_the_occlusion_is_a_share(fom):
    source, driving = pictures(0), pictures(1)
    painted, moved = fom(source, fom.detector(source), fom.detector(driving))
    assert painted.shape == source.shape and painted.min() > 0 and painted.max() < 1
    assert moved.places.shape == (2, 16, 16, 2) and moved.masks.shape == (2, 11, 16, 16)
    torch.testing.assert_close(moved.masks.sum(1), torch.ones(2, 16, 16))
    assert moved.occlusion.min() > 0 and moved.occlusion.max() < 1


def test_the_source_as_driving_picture_moves_nothing(fom):
    source = pictures(0)
    points = fom.detector(source)
    painted, moved = fom(source, points, points)
    still = grid(16, 16, source).expand(2, -1, -1, -1)
    torch.testing.assert_close(moved.places, still, atol=1e-5, rtol=0)
    torch.testing.assert_close(painted, fom.generator(source, still, moved.occlusion), atol=1e-4, rtol=0)
    torch.testing.assert_close(painted, fom.reenact(source, source))


def test_what_is_occluded_doesnt_reach_the_picture(fom):
    """Eq. (8): with O = 0 the generator sees nothing of the source."""
    still = grid(16, 16, pictures(0)).expand(2, -1, -1, -1)
    blind = torch.zeros(2, 1, 16, 16)
    torch.testing.assert_close(*(fom.generator(pictures(seed), still, blind) for seed in (0, 1)))


def test_a_moved_point_moves_the_picture(fom):
    source = pictures(0)
    points = fom.detector(source)
    shifted = KeyPoints(points.places + 0.3, points.jacobians)
    assert (fom(source, points, shifted)[0] - fom(source, points, points)[0]).abs().max() > 1e-3


@pytest.mark.parametrize("size", [32, 128])
def test_smaller_pictures_have_smaller_networks_of_the_same_form(size):
    with torch.device("meta"):
        small, published = Fom(fom_sizes(size)), Fom(FomSizes())
    assert small.generator.final.in_channels == size * published.generator.final.in_channels // 256
    assert len(small.motion.hourglass.down) == int(np.log2(size)) - 3
    assert small.motion.mask.out_channels == 11


def test_shrinking_blurs_first():
    image = np.random.default_rng(0).random((20, 24)).astype(np.float32)
    x = np.arange(-6, 7)
    line = np.exp(-(x**2) / (2 * 1.5**2))
    kernel = np.outer(line, line) / line.sum() ** 2
    wanted = correlate(image, kernel, mode="constant")[::4, ::4]
    found = Shrink(4)(torch.tensor(image).expand(1, 3, -1, -1))
    for channel in range(3):
        np.testing.assert_allclose(found[0, channel].numpy(), wanted, atol=1e-5)


def test_the_features_are_vgg16s_after_five_of_its_convolutions():
    net, weights = vgg16().features.eval(), lpips_weights("vgg16")
    convolutions = [layer for layer in net if isinstance(layer, torch.nn.Conv2d)]
    with torch.no_grad():
        for number, layer in enumerate(convolutions):
            layer.weight.copy_(weights[f"conv.{number}.weight"])
            layer.bias.copy_(weights[f"conv.{number}.bias"])
        images = pictures(0, 2 * SMALLEST)
        x, wanted = (images - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)), []
        x = x / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
        for number, layer in enumerate(net[:26]):
            x = layer(x.clone())
            if number in (1, 6, 11, 18, 25):
                wanted.append(x)
        found = Pyramid()(images)
    assert len(found) == 10  # at full and at half size
    for a, b in zip(found, wanted):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)
