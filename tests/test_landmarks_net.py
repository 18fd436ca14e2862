"""F_l against face_alignment's own decoding, finite differences and SynthFace's truth."""

import dataclasses
import hashlib

import numpy as np
import pytest
import torch
from face_alignment.models import FAN, ResNetDepth
from face_alignment.utils import draw_gaussian, get_preds_fromhm
from torch import nn

from dg.errors import DgError
from dg.landmarks import depth
from dg.landmarks.depth import PointDepth
from dg.landmarks.fan import LandmarkNet, load_landmark_net
from dg.landmarks.heatmaps import decode
from dg.landmarks.zoom import around, back, into, zoom
from dg.pretraining.augment import faceless
from dg.weights import landmarks
from tests.synthface_truth import pictures


@pytest.fixture(scope="module")
def net():
    return load_landmark_net("fan-synthface")


@pytest.fixture(scope="module")
def people(head):
    return pictures(head, [-70, -40, -10, 10, 45, 75], range(900, 904))


def test_decoding_agrees_with_face_alignments_where_its_rule_is_exact():
    rng = np.random.default_rng(0)
    # get_preds_fromhm moves the highest cell's middle a quarter of a cell towards the higher neighbour, always.
    places = rng.integers(8, 56, (68, 2)) + 0.5 + rng.choice([-0.25, 0.25], (68, 2))
    middle = np.arange(64) + 0.5
    across, down = (np.exp(-((middle - places[:, k, None]) ** 2) / 8) for k in (0, 1))
    heatmaps = (down[:, :, None] * across[:, None])[None].astype(np.float32)
    theirs = get_preds_fromhm(heatmaps)[0] / 64
    np.testing.assert_allclose(theirs[0], places / 64, atol=1e-6)
    heatmaps += rng.normal(0, 0.01, heatmaps.shape).astype(np.float32)
    ours, peaks = decode(torch.from_numpy(heatmaps), 20.0)
    # Half a pixel at 256 is 1/512.
    assert np.abs(ours.numpy() - theirs).mean() < 1 / 512
    assert np.abs(ours.numpy() - theirs).max() < 1 / 128
    assert peaks.min() > 0.5


def test_flat_heatmaps_have_no_peak():
    _, peaks = decode(torch.zeros(1, 68, 64, 64), 20.0)
    assert peaks.max() < 0.01


def test_detect_agrees_with_face_alignments_decoding_of_the_same_heatmaps(net, people):
    images = people[0]
    centre, side = around(people[1])
    with torch.no_grad():
        heatmaps = net.fan(zoom(images, centre, net.margin * side, 128))[-1].numpy()
    theirs = back(torch.tensor(get_preds_fromhm(heatmaps)[0]) / 32, centre, net.margin * side)
    # Theirs is quantised to a quarter of a cell of 1/32 of the square.
    assert (net.soft(images, people[1]) - theirs).abs().median() < 0.5 / 32


def test_soft_equals_detect(net, people):
    points = net.detect(people[0]).points
    difference = (net.soft(people[0]) - points[..., :2]).abs()
    # bfloat16, where the device has it, against float32.
    assert difference.mean() < 0.25 / 256
    assert difference.max() < 4 / 256


def test_soft_near_the_truth_equals_detect_on_clear_faces(net, people):
    """Where the second look is taken hardly matters: half a pixel at 256 on average."""
    images, truth, visible, _, _ = people
    points = net.detect(images).points[..., :2]
    assert (net.soft(images, truth) - points).norm(dim=-1)[visible].mean() < 0.5 / 256


def test_squares_and_back():
    points = torch.rand(3, 68, 3)
    centre, side = around(points)
    inner = into(points, centre, 1.5 * side)
    assert inner[..., :2].min() >= 0.5 - 0.5 / 1.5 - 1e-5
    torch.testing.assert_close(back(inner, centre, 1.5 * side), points)
    # A picture whose colours are its coordinates says where every pixel of a square came from.
    line = (torch.arange(64) + 0.5) / 64
    picture = torch.stack([line.expand(64, 64), line[:, None].expand(64, 64)])[None]
    cut = zoom(picture, torch.tensor([[0.4, 0.6]]), torch.tensor([0.5]), 32)[0]
    expected = into(
        torch.stack([cut[0], cut[1]], -1).reshape(1, -1, 2), torch.tensor([[0.4, 0.6]]), torch.tensor([0.5])
    )
    middle = (torch.arange(32) + 0.5) / 32
    torch.testing.assert_close(expected.reshape(32, 32, 2)[..., 0], middle.expand(32, 32), atol=1e-4, rtol=0)
    torch.testing.assert_close(expected.reshape(32, 32, 2)[..., 1], middle[:, None].expand(32, 32), atol=1e-4, rtol=0)


def test_soft_gradient_against_finite_differences(people):
    net = load_landmark_net("fan-synthface").double()
    image = people[0][:1].double().requires_grad_()
    weights = torch.randn((1, 68, 2), generator=torch.Generator().manual_seed(0)).double()
    near = people[1][:1].double()
    (gradient,) = torch.autograd.grad((net.soft(image, near) * weights).sum(), image)
    direction = torch.randn(image.shape, generator=torch.Generator().manual_seed(1)).double()
    with torch.no_grad():
        # So short a step that hardly any of the network's hundred thousand ReLUs changes side within it.
        ahead, behind = ((net.soft(image + e * direction, near) * weights).sum() for e in (1e-8, -1e-8))
    assert float((gradient * direction).sum()) == pytest.approx(float(ahead - behind) / 2e-8, rel=1e-4)


def test_unseen_people(net, people):
    images, truth, visible, _, _ = people
    points, _, score, _, _ = net.detect(images)
    size = (truth[..., :2].amax(1) - truth[..., :2].amin(1)).prod(-1).sqrt()[:, None]
    error = (points[..., :2] - truth[..., :2]).norm(dim=-1) / size
    assert error[visible].mean() < 0.04
    assert ((points[..., 2] - truth[..., 2]).abs() / size)[visible].mean() < 0.05
    assert (score >= net.face_threshold).float().mean() > 0.9


def test_pictures_without_a_face_score_low(net, people):
    bad = faceless((people[0] * 255).to(torch.uint8), torch.Generator().manual_seed(4))
    assert (net.detect(bad).score < net.face_threshold).float().mean() > 0.9
    assert (net.detect(torch.rand(4, 3, 128, 128)).score < net.face_threshold).all()


def test_any_size_gives_the_same_points(net, people):
    images = people[0][:6]
    large = nn.functional.interpolate(images, 256, mode="bilinear", antialias=True)
    difference = (net.detect(large).points - net.detect(images).points)[..., :2].norm(dim=-1)
    assert difference.mean() < 2 / 256


def test_depth_does_not_see_place_and_size():
    net = PointDepth()
    points = torch.rand(2, 68, 2)
    moved = net(points * 0.5 + 0.2)
    torch.testing.assert_close(moved - 0.5, (net(points) - 0.5) * 0.5, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(moved.mean(1), torch.full((2,), 0.5))


def test_net_stays_frozen(net):
    net.train()
    assert not any(module.training for module in net.modules())
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_unknown_back_end():
    with pytest.raises(DgError, match=r"landmarks\.backend.*fan-synthface, fan"):
        load_landmark_net("fun")


@pytest.fixture
def random_official(tmp_path, monkeypatch):
    """Files of the official form with random weights, their digests taken for the published ones."""
    torch.manual_seed(0)
    fan, depth = FAN(4), ResNetDepth()
    depth_state = {f"module.{name}": tensor for name, tensor in depth.state_dict().items()}
    contents = {"FAN": fan.state_dict(), "DEPTH": {"epoch": 3, "best": np.float64(1.5), "state_dict": depth_state}}
    for name, content in contents.items():
        weights = getattr(landmarks, name)
        torch.save(content, tmp_path / weights.names[0])
        digest = hashlib.sha256((tmp_path / weights.names[0]).read_bytes()).hexdigest()[:10]
        monkeypatch.setattr(landmarks, name, dataclasses.replace(weights, sha256=digest))
    return tmp_path, fan, depth


def test_official_back_end_from_files(random_official, monkeypatch):
    monkeypatch.setattr("dg.landmarks.fan.has_bfloat16", lambda _: False)  # exact numbers are compared
    folder, fan, depth = random_official
    net = load_landmark_net("fan", folder=folder)
    assert isinstance(net, LandmarkNet)
    assert net.input_size == 256
    image = torch.rand(1, 3, 256, 256)
    points, _, score, _, _ = net.detect(image)
    assert points.shape == (1, 68, 3)
    assert 0 <= float(score) <= 1
    fan.eval()
    depth.eval()
    with torch.no_grad():
        expected, _ = decode(fan(image)[-1], 20.0)
        drawn = np.zeros((68, 256, 256), np.float32)
        for k, place in enumerate(expected[0].numpy() * 256):
            drawn[k] = draw_gaussian(drawn[k], place, 2)
        z = depth(torch.cat([image, torch.from_numpy(drawn)[None]], 1))[0] / 256
    torch.testing.assert_close(points[..., :2], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(points[0, :, 2] - 0.5, z - z.mean(), atol=1e-4, rtol=1e-3)
    # Damage is noticed.
    path = next(folder.glob("3DFAN*"))
    with open(path, "r+b") as stream:
        stream.seek(1000)
        stream.write(b"damage")
    with pytest.raises(DgError, match="SHA-256"):
        load_landmark_net("fan", folder=folder)


@pytest.mark.parametrize("place", [(100.3, 57.9), (8.0, 9.5), (3.2, 128.0), (250.1, 20.0), (255.9, 255.9)])
def test_drawn_points_are_face_alignments(place):
    drawn = torch.zeros(256, 256)
    depth._draw(drawn, list(place))
    expected = draw_gaussian(np.zeros((256, 256), np.float32), np.array(place, np.float32), 2)
    np.testing.assert_array_equal(drawn.numpy(), expected)
