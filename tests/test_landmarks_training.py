"""The training of the bundled networks: augmentation keeps pictures and points together, loops resume exactly."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from torch import nn

from dg.checkpoints import load_checkpoint
from dg.errors import DgError
from dg.pretraining import settings
from dg.pretraining.__main__ import main
from dg.pretraining.augment import faceless, randomise
from dg.pretraining.face_model import rotations
from dg.pretraining.fan import heatmap_loss, train_fan
from dg.pretraining.loop import fit
from dg.pretraining.people import load_people
from dg.pretraining.settings import Changes, FanSettings, VisibilitySettings, read_settings
from dg.weights import bundled
from tests.told import changed

GEOMETRY = {"rotation": 15.0, "scale": 0.1, "shift": 0.04}
NOTHING = dict.fromkeys(("background", "light", "colour", "blur", "noise", "jpeg", "occlusion", "grey"), 0.0)


def test_points_follow_the_picture():
    """A dot painted on point 7 is found again where point 7, or in the mirror 9, says it is."""
    points = torch.full((32, 68, 3), 0.5)
    points[:, 7, :2] = torch.tensor([0.4, 0.6])
    points[:, 9, :2] = torch.tensor([0.1, 0.1])
    images = torch.zeros(32, 3, 96, 96, dtype=torch.uint8)
    y, x = np.mgrid[:96, :96] + 0.5
    images[:] = torch.from_numpy(255 * np.exp(-((x - 0.4 * 96) ** 2 + (y - 0.6 * 96) ** 2) / 18)).to(torch.uint8)
    masks = torch.full((32, 1, 96, 96), 255, dtype=torch.uint8)
    moved, found = randomise(images, masks, points, Changes(**GEOMETRY | NOTHING), torch.Generator().manual_seed(0))
    grey = moved.mean(1)
    centre = torch.stack([(grey * torch.from_numpy(a).float()).sum((1, 2)) / grey.sum((1, 2)) / 96 for a in (x, y)], 1)
    flipped = (found[:, 9, :2] - centre).norm(dim=1) < (found[:, 7, :2] - centre).norm(dim=1)
    place = torch.where(flipped[:, None], found[:, 9, :2], found[:, 7, :2])
    assert (place - centre).norm(dim=1).max() < 0.01
    assert 8 < flipped.sum() < 24


def test_everything_at_once_stays_a_picture_and_repeats():
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4, 3, 64, 64), generator=generator, dtype=torch.uint8)
    masks, points = images[:, :1], torch.rand((4, 68, 3), generator=generator)
    everything = Changes(**GEOMETRY | dict.fromkeys(NOTHING, 1.0))
    first, _ = randomise(images, masks, points, everything, torch.Generator().manual_seed(5))
    again, _ = randomise(images, masks, points, everything, torch.Generator().manual_seed(5))
    assert torch.equal(first, again)
    assert first.min() >= 0
    assert first.max() <= 1
    assert faceless(images, generator).shape == first.shape


def test_heatmap_loss_is_least_at_the_truth():
    points = torch.full((1, 68, 3), 0.4)
    has_face = torch.tensor([True, False])
    cells = (torch.arange(32) + 0.5) / 32
    log_gaussian = -((cells[:, None] - 0.4) ** 2 + (cells[None] - 0.4) ** 2) / (2 * (0.8 / 32) ** 2)
    right = torch.stack([log_gaussian.expand(68, 32, 32), torch.zeros(68, 32, 32)])
    assert heatmap_loss(right, points, has_face) < 0.05
    assert heatmap_loss(right.roll(2, -1), points, has_face) > 2
    assert heatmap_loss(right.flip(0), points, has_face) > 1


def test_unbroken_and_resumed_runs_end_in_the_same_weights(tmp_path):
    def batch_of(step):
        return (torch.randn((16, 4), generator=torch.Generator().manual_seed(step)),)

    def run(state, until):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))

        def loss_of(x):
            return (net(x).float() - x.sum(1, keepdim=True)).square().mean()

        fit(net, batch_of, loss_of, steps=30, lr=0.01, weight_decay=0.01, state=state, name="t", until=until)
        return net.state_dict()

    whole = run(tmp_path / "a.safetensors", 30)
    broken = [run(tmp_path / "b.safetensors", until) for until in (7, 22, 30)][-1]
    assert all(torch.equal(whole[name], broken[name]) for name in whole)


def test_a_pretraining_that_goes_wrong_stops_and_spoils_no_state(tmp_path):
    def run(spoil_at, weights):
        net, made = nn.Linear(2, 1), [0]

        def loss_of(x):
            made[0] += 1
            loss = net(x).float().square().mean()
            return loss * float("nan") if made[0] == spoil_at and not weights else loss

        def batch_of(step):
            if step + 1 == spoil_at and weights:
                net.register_buffer("spoilt", torch.tensor(float("inf")))
            return (torch.ones(4, 2),)

        state = tmp_path / f"{spoil_at}.safetensors"
        fit(net, batch_of, loss_of, steps=220, lr=0.01, weight_decay=0.0, state=state, name="t")

    with pytest.raises(DgError, match=r"t: step 121: the loss is nan.*121\.safetensors"):
        run(121, weights=False)
    with pytest.raises(DgError, match=r"t: step 200: weights 'model\.spoilt' hold"):
        run(200, weights=True)
    for name in (121, 200):
        with safe_open(tmp_path / f"{name}.safetensors", "pt") as stream:
            assert json.loads(stream.metadata()["facts"]) == {"step": 100}


def test_rotations_turn_as_documented():
    yaw, pitch, roll = rotations(torch.tensor([[90.0, 0, 0], [0, 90, 0], [0, 0, 90]]))
    x, y, z = torch.eye(3)
    torch.testing.assert_close(yaw @ z, x, atol=1e-6, rtol=0)
    torch.testing.assert_close(pitch @ z, y, atol=1e-6, rtol=0)
    torch.testing.assert_close(roll @ y, x, atol=1e-6, rtol=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A set of five invented "people" of noise, in the form of synth_people."""
    root, rng, rows = tmp_path_factory.mktemp("people"), np.random.default_rng(0), []
    (root / "pictures").mkdir()
    for k in range(20):
        Image.fromarray(rng.integers(0, 255, (128, 128, 3), np.uint8)).save(root / f"pictures/{k}.png")
        rows.append({"path": f"pictures/{k}.png", "subject": f"p{k // 4}", "yaw": rng.uniform(-90, 90), "pitch": 0.0,
                     "roll": 0.0, "landmarks": rng.uniform(0.2, 0.8, 204).astype(np.float32),
                     "visible": rng.random(68) < 0.7})  # fmt: skip
    pd.DataFrame(rows).to_parquet(root / "index.parquet")
    return root


def test_held_out_people_are_others(folder):
    learn, measure = load_people(folder, 0.4)
    assert len(learn) == 12
    assert not set(learn.subject.tolist()) & set(measure.subject.tolist())
    assert (learn.masks == 255).all()
    with pytest.raises(DgError, match=r"index\.parquet: not found"):
        load_people(folder / "nowhere", 0.4)


def test_fan_training_can_start_from_the_bundled_weights(folder, tmp_path):
    few = {"steps": 1, "lr": 0.0, "batch": 4, "depth_steps": 3, "depth_batch": 4, "held_out": 0.4}
    told = changed(read_settings("fan-synthface", FanSettings), **few)
    start = load_checkpoint(bundled("fan-synthface"))
    for init, near in (("bundled", True), ("scratch", False)):
        out = tmp_path / f"{init}.safetensors"
        train_fan(folder, out, changed(told, init=init), tmp_path / init)
        same = torch.equal(load_checkpoint(out)["fan.conv1.weight"], start["fan.conv1.weight"])
        assert same == near


def test_command_line_says_what_is_wrong(tmp_path, monkeypatch, capsys):
    out = tmp_path / "x.safetensors"
    monkeypatch.setattr("sys.argv", ["pretraining", "fan-synthface", str(tmp_path), str(out), "--state", str(tmp_path)])
    assert main() == 1
    assert "index.parquet: not found" in capsys.readouterr().err


def test_a_wrong_value_of_the_settings_is_named(tmp_path, monkeypatch):
    text = settings.SETTINGS.read_text(encoding="utf-8")
    monkeypatch.setattr(settings, "SETTINGS", tmp_path / "settings.yaml")
    settings.SETTINGS.write_text(text.replace("occlusion: 0.3", "oclusion: 3").replace("  steps: 12000\n", ""))
    with pytest.raises(DgError, match=r"(?s)fan-synthface: .*augment\.oclusion: unknown key, did .*occlusion'"):
        read_settings("fan-synthface", FanSettings)
    with pytest.raises(DgError, match=r"visibility-synthface: .*\n  steps: missing"):
        read_settings("visibility-synthface", VisibilitySettings)
