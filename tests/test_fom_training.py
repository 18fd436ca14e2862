"""Training of the First Order Motion Model: what it sees, that it learns, that a killed one ends with the same bits."""

from __future__ import annotations

import copy
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from dg.checkpoints import card_path, load_checkpoint
from dg.errors import DgError
from dg.files import read_json
from dg.fom import train as command
from dg.fom.data import Data, Jitter, read_faces
from dg.fom.model import FILE, load_fom
from dg.fom.networks import Fom
from dg.fom.objectives import FomLosses
from dg.fom.perceptual import Pyramid
from dg.fom.settings import TRAINED_LR, FomSettings, steps_for
from dg.fom.training import train_fom
from dg.pictures import read_picture
from dg.protocols.method_training import write_training
from dg.shards import FaceSet
from dg.sizes.fom import fom_sizes
from dg.training import loop
from dg.training.step import weighted
from dg.training.team import Team
from dg.weights import bundled
from tests.prepared import face_table, prepare

SIZE, BATCH = 32, 4


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The folder that a method's `train` gets."""
    folder = tmp_path_factory.mktemp("fom")
    toy = prepare(folder / "toy", face_table(3, split="train", lights=("a", "b")), size=SIZE)
    return write_training(FaceSet([toy], split="train"), folder / "data")


def settings(steps=6):
    return FomSettings(size=SIZE, batch=BATCH, steps=steps, seed=3)


def train(data, folder, **kept):
    chosen = settings(**kept)
    train_fom(chosen, Data(data, BATCH, chosen.seed, Team()), folder / "out", folder / "state", Team(), {"told": 1})
    return load_checkpoint(folder / "out" / FILE)


def test_both_pictures_are_of_one_person_in_one_light(data):
    table, drawn = read_faces(data), Data(data, BATCH, 3, Team())
    names = [(read_picture(data / name) / 255.0).astype(np.float32) for name in table["picture"]]
    seen = set()
    drawn._pair = lambda source, driving, _: seen.add((source, driving)) or torch.zeros(2, 3, SIZE, SIZE)
    for step in range(30):
        drawn.draw(step)
    assert len(seen) > 50 and len(names) == len(table)
    for source, driving in seen:
        assert source != driving
        assert (table.loc[source, ["subject", "light"]] == table.loc[driving, ["subject", "light"]]).all()


def test_a_step_draws_the_same_again_and_the_next_one_something_else(data):
    first, again = (Data(data, BATCH, 3, Team()).draw(5) for _ in range(2))
    other = Data(data, BATCH, 3, Team()).draw(6)
    for name in ("source", "driving"):
        assert torch.equal(getattr(first, name), getattr(again, name))
        assert not torch.equal(getattr(first, name), getattr(other, name))
    assert torch.equal(first.transform.weights, again.transform.weights)
    assert first.source.shape == (BATCH, 3, SIZE, SIZE) and first.source.min() >= 0 and first.source.max() <= 1


def test_two_processes_see_the_halves_of_a_batch(data):
    whole = Data(data, BATCH, 3, Team()).draw(5)
    halves = [Data(data, BATCH, 3, Team(rank, 2)).draw(5) for rank in range(2)]
    for name in ("source", "driving"):
        assert torch.equal(torch.cat([getattr(half, name) for half in halves]), getattr(whole, name))
    assert torch.equal(torch.cat([half.transform.affine for half in halves]), whole.transform.affine)
    with pytest.raises(DgError, match="--batch 4 can't be divided over 3"):
        Data(data, BATCH, 3, Team(0, 3))


def test_the_colours_of_a_pair_change_alike():
    images = torch.rand(1, 3, 8, 8).expand(2, -1, -1, -1)
    changed = Jitter(True, 1.1, 0.9, 1.05, -0.05)(images)
    assert torch.equal(changed[0], changed[1]) and not torch.allclose(changed, images.flip(-1))
    torch.testing.assert_close(Jitter(True, 1, 1, 1, 0)(images), images.flip(-1), atol=1e-5, rtol=0)
    torch.testing.assert_close(Jitter(False, 0.9, 1, 1, 0)(images), 0.9 * images, atol=1e-5, rtol=0)


def test_a_folder_without_its_table_is_named(tmp_path):
    with pytest.raises(DgError, match=r"faces\.csv: not found"):
        read_faces(tmp_path)


def test_the_learning_rate_falls_twice_and_the_steps_make_the_pictures():
    chosen = settings(steps=100)
    rates = [chosen.lr(step) for step in range(100)]
    assert rates[:60] == [2e-4] * 60 and rates[60:90] == pytest.approx([2e-5] * 30)
    assert rates[90:] == pytest.approx([2e-6] * 10)
    assert settings(steps=100).model_copy(update={"bundled": True}).lr(0) == 2e-5
    assert steps_for(640, 4) == 160 and steps_for(14, 4) == 4 and chosen.pictures == 400
    assert chosen.ema == pytest.approx(0.8) and settings(steps=4).ema == 0


def test_every_weight_learns_and_the_loss_falls(data):
    torch.manual_seed(0)
    pairs = Data(data, BATCH, 3, Team()).shown
    fom = Fom(fom_sizes(SIZE))
    losses = FomLosses(fom, Pyramid(), torch.device("cpu"))
    before = copy.deepcopy(fom.state_dict())
    optimiser = torch.optim.Adam(fom.parameters(), 2e-3)
    totals = []
    for _ in range(12):
        terms = losses(pairs)
        totals.append(weighted(terms))
        optimiser.zero_grad()
        totals[-1].backward()
        optimiser.step()
    assert list(terms) == ["perceptual", "places", "jacobians"] and {weight for weight, _ in terms.values()} == {10}
    assert totals[-1] < 0.95 * totals[0]
    still = [name for name, _ in fom.named_parameters() if torch.equal(before[name], fom.state_dict()[name])]
    assert not still


def test_killed_twice_it_ends_with_the_same_bits(data, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_STATES", -1)
    whole = train(data, tmp_path / "whole")
    original, left = torch.optim.Adam.step, [2]

    def step(self, *args, **kwargs):
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return original(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "step", step)
    for updates in (2, 3):
        left[0] = updates
        with pytest.raises(KeyboardInterrupt):
            train(data, tmp_path / "killed")
    left[0] = 100
    killed = train(data, tmp_path / "killed")
    assert left[0] == 100 - (6 - 3)
    assert whole.keys() == killed.keys() and all(torch.equal(whole[name], killed[name]) for name in whole)


def test_what_a_training_leaves(data, tmp_path):
    tensors = train(data, tmp_path, steps=5)
    card = read_json(tmp_path / "out/fom.json")
    assert (card["pictures"], card["told"], card["steps"], card["sizes"]["size"]) == (20, 1, 5, SIZE)
    assert pd.read_csv(tmp_path / "out/fom.losses.csv")["perceptual"].notna().all()
    grids = sorted((tmp_path / "out/fom_samples").iterdir())
    with Image.open(grids[-1]) as image:
        assert len(grids) == 5 and image.size == (4 * SIZE, BATCH * SIZE)
    # BatchNorm's statistics are tested with.
    name = "generator.first.norm.running_var"
    assert torch.equal(tensors[f"ema_fom.{name}"], tensors[f"fom.{name}"])
    assert not torch.equal(tensors[f"ema_fom.{name}"], torch.ones_like(tensors[f"fom.{name}"]))
    tested = load_fom(tmp_path / "out" / FILE)
    assert not tested.training and torch.equal(tested.state_dict()[name], tensors[f"ema_fom.{name}"])


def test_the_command_in_two_processes(data, tmp_path):
    words = ["--data", data, "--out", tmp_path / "out", "--state", tmp_path / "state", "--pictures", "6", "--gpus", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "dg.fom.train", *map(str, words), "--threads", "2"],
        capture_output=True, text=True, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("2 steps of 4 pairs make 8 pictures, 6 asked for") == 1
    card = read_json(tmp_path / "out/fom.json")
    assert card["pictures_asked_for"] == 6 and "random weights" in card["start"]


def test_a_training_can_start_from_the_bundled_weights(tmp_path, capsys):
    toy = prepare(tmp_path / "toy", face_table(2, split="train"), size=128)
    data = write_training(FaceSet([toy], split="train"), tmp_path / "data")
    words = [
        "--data",
        data,
        "--out",
        tmp_path / "out",
        "--state",
        tmp_path / "state",
        "--pictures",
        "2",
        "--batch",
        "2",
    ]
    assert command.main([*map(str, words), "--init", "bundled"]) == 0
    path, name = bundled("fom-synthface"), "generator.middle.0.conv1.weight"
    trained = load_checkpoint(tmp_path / "out" / FILE)[f"fom.{name}"]
    # Adam's first step is as long as the learning rate, which is low here.
    assert (trained - load_checkpoint(path)[f"ema_fom.{name}"].float()).abs().max() < 1.1 * TRAINED_LR
    assert read_json(tmp_path / "out/fom.json")["start"] == read_json(card_path(path))["sha256"]
    assert "from bundled weights" in capsys.readouterr().err


def test_bundled_weights_are_for_pictures_of_their_size(data, tmp_path, capsys):
    words = ["--data", data, "--out", tmp_path / "out", "--state", tmp_path / "state", "--pictures", "6"]
    assert command.main([*map(str, words), "--init", "bundled"]) == 1
    assert "--init scratch" in capsys.readouterr().err


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    words = ["--data", tmp_path, "--out", tmp_path / "out", "--state", tmp_path / "state", "--pictures", "6"]
    assert command.main(list(map(str, words))) == 1
    assert "dg.fom.train: " in capsys.readouterr().err
