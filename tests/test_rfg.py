"""The RFG against its formulas written in NumPy, and its architecture against Sec. 3.2."""

import numpy as np
import pytest
import torch

from dg.errors import DgError
from dg.rfg.losses import attribute_loss, identity_loss, landmark_loss, style_loss
from dg.rfg.model import Rfg
from dg.rfg.networks import AdaIN, AdaINBlock, DownBlock, FaceGenerator, FixedNoise, ModulatedConv, ToRgb, Trunk
from dg.rfg.spikes import spike_share, watched
from dg.sizes.rfg import RfgSizes
from dg.training.gan import discriminator_loss, generator_loss, r1_penalty


def test_equations_11_to_14():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 3, 3, 4, 4)).astype(np.float32)
    known = np.array([True, False, True])
    loss = attribute_loss(torch.from_numpy(a), torch.from_numpy(b), torch.from_numpy(known))
    assert loss.item() == pytest.approx(np.abs(a - b)[known].mean(), rel=1e-5)
    assert attribute_loss(*map(torch.from_numpy, (a, b)), torch.zeros(3, dtype=torch.bool)).item() == 0
    u, v = rng.normal(size=(2, 3, 8)).astype(np.float32)
    cosine = (u * v).sum(1) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1)
    assert identity_loss(*map(torch.from_numpy, (u, v))).item() == pytest.approx((1 - cosine).mean(), rel=1e-5)
    assert style_loss(*map(torch.from_numpy, (u, v))).item() == pytest.approx(np.abs(u - v).mean(), rel=1e-5)
    assert landmark_loss(*map(torch.from_numpy, (u, v))).item() == pytest.approx(np.abs(u - v).mean(), rel=1e-5)


def test_parts_of_equation_11_with_the_joint_count_average_to_the_whole():
    a, b, known = torch.rand(4, 3, 5, 5), torch.rand(4, 3, 5, 5), torch.tensor([True, False, False, False])
    parts = [attribute_loss(a[k], b[k], known[k], divisor=1 / 2) for k in (slice(2), slice(2, 4))]
    assert (sum(parts) / 2).item() == pytest.approx((a[0] - b[0]).abs().mean().item(), rel=1e-5)


@pytest.mark.parametrize("form", ["non_saturating", "saturating", "hinge"])
def test_equations_1_2_8_9_10(form):
    rng = np.random.default_rng(1)
    real, fake = rng.normal(size=(2, 6, 1)).astype(np.float32)
    p, q = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-fake))
    generator = {"non_saturating": -np.log(q).mean(), "saturating": np.log(1 - q).mean(), "hinge": -fake.mean()}[form]
    judge = -np.log(p).mean() - np.log(1 - q).mean()
    if form == "hinge":
        judge = np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean()
    assert generator_loss(torch.from_numpy(fake), form).item() == pytest.approx(generator, rel=1e-4)
    assert discriminator_loss(*map(torch.from_numpy, (real, fake)), form).item() == pytest.approx(judge, rel=1e-4)


def test_r1_of_a_linear_judge_is_half_its_squared_weight():
    weight, inputs = torch.tensor([1.0, -2.0, 3.0]), torch.rand(4, 3, requires_grad=True)
    assert r1_penalty(inputs @ weight[:, None], inputs).item() == pytest.approx(7.0)


def test_spike_share_by_hand_and_watched_at_every_block_with_style():
    flat = torch.ones(2, 3, 20, 20)
    assert spike_share(flat).item() == pytest.approx(0.005)
    flat[:, :, 3, 4], flat[:, :, 5, 5] = 30.0, 40.0  # two of 400 pixels: 900 and 1600 beside 398 ones
    assert spike_share(flat).item() == pytest.approx(2500 / 2898)
    net = FaceGenerator(32, 4, 8, 6, 2)
    with watched(net) as shares:
        net(torch.rand(2, 3, 32, 32), torch.randn(2, 6))
    assert len(shares) == len(net.styled) and all(0 < share < 1 for share in shares)
    net(torch.rand(2, 3, 32, 32), torch.randn(2, 6))
    assert len(shares) == len(net.styled)


@pytest.mark.parametrize("style_norm", ["adain", "demodulated"])
@pytest.mark.parametrize("rgb_norm", ["instance", "adain", "none"])
def test_every_form_of_the_generator_takes_the_style_and_learns(style_norm, rgb_norm):
    torch.manual_seed(0)
    net = FaceGenerator(32, 4, 8, 6, 2, rgb_norm=rgb_norm, style_norm=style_norm, upsampling="bilinear")
    maps, style = torch.rand(2, 3, 32, 32), torch.randn(2, 6, requires_grad=True)
    face = net(maps, style)
    assert face.shape == (2, 3, 32, 32) and face.min() > 0 and face.max() < 1
    face.mean().backward()
    assert style.grad.abs().min() > 0
    assert all(parameter.grad is not None for parameter in net.parameters())


@pytest.mark.parametrize("style_norm", ["adain", "demodulated"])
def test_noise_starts_unheard_and_then_changes_the_picture_the_same_way_each_time(style_norm):
    torch.manual_seed(0)
    plain = FaceGenerator(64, 4, 8, 6, 2, style_norm=style_norm)
    torch.manual_seed(0)
    net = FaceGenerator(64, 4, 8, 6, 2, style_norm=style_norm, noise="fixed")
    maps, style = torch.rand(1, 3, 64, 64), torch.randn(1, 6)
    unheard = net(maps, style)
    assert torch.equal(unheard, plain(maps, style))
    noises = [block.noise for block in net.styled if isinstance(block.noise, FixedNoise)]
    assert [tuple(noise.pattern.shape[-2:]) for noise in noises] == [(32, 32), (64, 64)]
    unheard.std().backward()
    assert all(noise.strength.grad.abs().max() > 0 for noise in noises)
    for noise in noises:
        torch.nn.init.ones_(noise.strength)
    assert torch.equal(net(maps, style), net(maps, style))
    assert (net(maps, style) - unheard).abs().max() > 0.01


def test_fixed_noise_by_hand():
    noise = FixedNoise(2, 8)
    noise.strength.data = torch.tensor([0.0, 2.0])
    x = torch.randn(3, 2, 8, 8)
    assert torch.equal(noise(x)[:, 0], x[:, 0]) and torch.allclose(noise(x)[:, 1], x[:, 1] + 2 * noise.pattern[0, 0])
    assert torch.equal(FixedNoise(5, 8).pattern, noise.pattern)


@pytest.mark.parametrize(("norm", "passes"), [("instance", False), ("none", True)])
def test_a_uniform_colour_passes_only_without_instance_norm_before_rgb(norm, passes):
    x, style, net = torch.randn(1, 4, 8, 8), torch.zeros(1, 6), ToRgb(4, 6, norm, 3)
    assert ((net(x + 3, style) - net(x, style)).abs().max() > 1e-3) == passes


def test_adain_before_rgb_sets_the_uniform_colour_by_the_style():
    x, style, net = torch.randn(1, 4, 8, 8), torch.ones(1, 6), ToRgb(4, 6, "adain", 3)
    shift = net[0].linear(style)[0, 4:]
    scale = 1 + net[0].linear(style)[0, :4]
    normed = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()
    activated = torch.nn.functional.leaky_relu(scale[:, None, None] * normed + shift[:, None, None], 0.2)
    wanted = torch.nn.functional.conv2d(activated, net[2].weight, net[2].bias, padding=1)
    assert torch.allclose(net(x, style), wanted, atol=1e-5)


def test_demodulation_gives_unit_variance_whatever_the_style_scales():
    torch.manual_seed(0)
    net = ModulatedConv(16, 8, 5)
    net.linear.weight.data.normal_(0, 1)
    noise, style = torch.randn(4, 16, 64, 64), torch.randn(4, 5)
    std = net(noise, style).std((2, 3))
    assert torch.allclose(std, torch.ones(4, 8), atol=0.06)


@pytest.mark.parametrize("adain", [2, 4])
def test_the_style_enters_the_last_intermediate_blocks_and_all_up_blocks(adain):
    net = FaceGenerator(256, 64, 512, 128, adain)
    assert [block.conv2.out_channels for block in net.down] == [128, 256, 512, 512]
    assert all(isinstance(block, DownBlock) and block.down for block in net.down)
    assert len(net.middle) == 4 - adain
    assert not any(isinstance(module, AdaIN) for module in net.middle.modules())
    assert [block.up for block in net.styled] == [False] * adain + [True] * 4
    assert all(isinstance(block, AdaINBlock) for block in net.styled)
    assert [block.conv2.out_channels for block in net.styled[adain:]] == [512, 256, 128, 64]


@pytest.mark.parametrize("size", [32, 64, 128, 256])
def test_the_intermediate_blocks_see_16_pixels_at_every_size(size):
    net = FaceGenerator(size, 4, 16, 6, 2)
    seen = []
    net.middle.register_forward_hook(lambda module, inputs, output: seen.append(output.shape[-2:]))
    assert net(torch.zeros(2, 3, size, size), torch.zeros(2, 6)).shape == (2, 3, size, size)
    assert seen == [(16, 16)]


@pytest.mark.parametrize(("size", "blocks"), [(32, 3), (64, 4), (128, 5), (256, 6)])
def test_the_trunk_goes_down_to_4_pixels(size, blocks):
    net = Trunk(size, 3, 4, 16, 7)
    assert len(net.down) == blocks
    assert net(torch.rand(2, 3, size, size)).shape == (2, 7)
    assert not any("Norm" in type(module).__name__ for module in net.modules())


@pytest.mark.parametrize("size", [32, 64])
def test_painted_faces_have_the_source_size_and_range_and_follow_both_inputs(size):
    torch.manual_seed(0)
    sizes = {"size": size, "channels": 4, "max_channels": 8, "style_dim": 6, "adain_intermediate": 2, "line_width": 8}
    net = Rfg(RfgSizes(**sizes)).eval()
    points, source = torch.rand(2, 68, 3), torch.rand(2, 3, size, size)
    made = net.paint(points, source)
    assert made.shape == source.shape
    assert 0 <= made.min() <= made.max() <= 1
    assert not torch.allclose(made, net.paint(points.flip(0), source))
    assert not torch.allclose(made, net.paint(points, source.flip(0)))
    assert set(net.maps(points).unique().tolist()) == {0.0, 1.0}


def test_hidden_edges_are_left_out_where_the_network_was_trained_so():
    sizes = {"size": 64, "channels": 4, "max_channels": 8, "style_dim": 6, "adain_intermediate": 2, "line_width": 4}
    points = torch.rand(1, 68, 3, generator=torch.Generator().manual_seed(0))
    visible = torch.ones(1, 68, dtype=torch.bool)
    visible[:, :60] = False  # all but the inner lips
    hiding, plain = Rfg(RfgSizes(**sizes, hide_invisible=True)), Rfg(RfgSizes(**sizes))
    shown = hiding.maps(points, visible)[0, 0]
    # By hand: pixel centres within half a line width (half a pixel at least) of the 8 edges of the loop 60-67.
    centres = torch.stack(torch.meshgrid(*[(torch.arange(64) + 0.5)] * 2, indexing="xy"), -1)
    ends = points[0, 60:, :2] * 64
    near = torch.zeros(64, 64, dtype=torch.bool)
    for a, b in zip(ends, ends.roll(-1, 0)):
        share = (((centres - a) @ (b - a)) / ((b - a) @ (b - a))).clamp(0, 1)
        near |= (centres - a - share[..., None] * (b - a)).norm(dim=-1) <= 0.5
    assert (shown.bool() != near).float().mean() < 1e-3
    assert torch.equal(plain.maps(points, visible), plain.maps(points))
    assert plain.maps(points).sum() > 2 * hiding.maps(points, visible).sum()
    with pytest.raises(DgError, match="hide_invisible"):
        hiding.paint(points, torch.rand(1, 3, 64, 64))
