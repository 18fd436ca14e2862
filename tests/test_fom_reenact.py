"""Reenactment with a First Order Motion Model: pairs of the pipeline, frames of one's own, absolute and relative."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from dg.checkpoints import save_checkpoint, with_prefix
from dg.fom import motion, reenact
from dg.fom.model import FILE, load_fom
from dg.fom.networks import Fom
from dg.protocols.exchange import write_exchange
from dg.shards import FaceSet
from dg.sizes.fom import fom_sizes
from tests.prepared import face_key, face_table, prepare


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A folder as the training leaves it, random weights, large where the picture shows them."""
    torch.manual_seed(0)
    fom, folder = Fom(fom_sizes(32)), tmp_path_factory.mktemp("model")
    for net in (fom.detector.heat, fom.motion.mask, fom.generator.final):
        torch.nn.init.normal_(net.weight, std=0.2)
    save_checkpoint(folder / FILE, with_prefix("ema_fom", fom.state_dict()), {"sizes": fom.sizes.model_dump()})
    return folder


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A pair list of the pipeline, pictures of 64 px: larger than the model's."""
    folder = tmp_path_factory.mktemp("pairs")
    faces = FaceSet([prepare(folder / "toy", face_table(2), size=64)])
    rows = [(face_key(0, 0, "neutral"), face_key(1, yaw, "happy"), "") for yaw in (-45, 0, 45)]
    return write_exchange(faces, pd.DataFrame(rows, columns=["source", "reference", "target"]), folder / "run")


def run(*words):
    return reenact.main(list(map(str, words)))


def read(path):
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def test_every_pair_gets_its_picture_in_the_size_of_the_source(model, pairs, tmp_path):
    assert run("--model", model, "--pairs", pairs, "--out", tmp_path) == 0
    made = [read(tmp_path / f"00000{k}.png") for k in range(3)]
    assert all(picture.shape == (64, 64, 3) for picture in made)
    assert not np.array_equal(made[0], made[1]) and len(list(tmp_path.iterdir())) == 3
    with Image.open(tmp_path / "000000.png") as image:
        assert "First Order Motion Model" in image.info["provenance"]


def test_pictures_that_are_there_stay(model, pairs, tmp_path):
    (tmp_path / "000001.png").write_bytes(b"mine")
    assert run("--model", model, "--pairs", pairs, "--out", tmp_path) == 0
    assert (tmp_path / "000001.png").read_bytes() == b"mine" and (tmp_path / "000002.png").exists()


def test_absolute_and_relative_motion_of_frames(model):
    fom = load_fom(model / FILE)
    source, first, second = torch.rand(3, 1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    absolute = list(reenact.animate(fom, source, [first, second], moves=False))
    torch.testing.assert_close(absolute[1], fom.reenact(source, second)[0])
    relative = list(reenact.animate(fom, source, [first, second], moves=True))
    torch.testing.assert_close(relative[0], fom.reenact(source, source)[0], atol=1e-4, rtol=0)  # nothing moved yet
    points = [fom.detector(images) for images in (source, second, first)]
    with torch.no_grad():
        wanted = fom(source, points[0], motion.relative(*points))[0][0]
    torch.testing.assert_close(relative[1], wanted)
    assert (relative[1] - absolute[1]).abs().max() > 1e-3


def test_frames_of_a_folder_in_the_order_of_their_names(model, pairs, tmp_path):
    pictures = sorted((pairs.parent / "pictures").iterdir())
    words = ["--model", model, "--source", pictures[0], "--frames", pairs.parent / "pictures", "--out", tmp_path]
    assert run(*words, "--relative") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [path.name for path in pictures]


def test_what_is_wrong_is_said(model, tmp_path, capsys):
    assert run("--model", tmp_path, "--pairs", tmp_path / "pairs.csv", "--out", tmp_path) == 1
    assert "fom.safetensors: weights not found" in capsys.readouterr().err
    (tmp_path / "frames").mkdir()
    words = ["--model", model, "--source", tmp_path / "me.png", "--frames", tmp_path / "frames"]
    assert run(*words, "--out", tmp_path / "out") == 1
    assert "no picture" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run("--model", model, "--out", tmp_path)


def test_a_picture_that_cannot_be_read_is_named(model, tmp_path, capsys):
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames/1.png").write_bytes(b"no picture")
    still = tmp_path / "still.png"
    Image.new("RGB", (64, 64)).save(still)
    words = ["--model", model, "--source", still, "--frames", tmp_path / "frames"]
    assert run(*words, "--out", tmp_path / "out") == 1
    assert "1.png: can't be read as a picture" in capsys.readouterr().err
