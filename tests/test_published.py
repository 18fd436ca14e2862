"""Weights by others: found, downloaded, held to their digest, and what is said where they are missing."""

import dataclasses
import hashlib

import pytest
import torch

from dg.errors import DgError
from dg.weights import landmarks, metrics
from dg.weights.identity import ENCODERS, PERCEPTUAL
from dg.weights.published import Published
from dg.weights.state import fill

EVERY = [
    metrics.INCEPTION,
    metrics.ARCFACE,
    landmarks.FAN,
    landmarks.DEPTH,
    *landmarks.DETECTORS.values(),
    *ENCODERS.values(),
    PERCEPTUAL,
]
NET = Published("a net", ("net.pth", "old.pth"), "https://example.org/net", "net: ours", form="two tensors")


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("weights", EVERY, ids=lambda weights: weights.what)
def test_what_is_missing_is_named_with_address_place_digest_and_way_out(tmp_path, weights):
    with pytest.raises(DgError) as caught:
        weights.require(tmp_path, " (under presets.mine)")
    message = str(caught.value)
    for part in (weights.what, weights.source, *weights.names, weights.form, weights.instead, "(under presets.mine)"):
        assert part in message
    assert str(tmp_path / weights.names[0]) in message
    assert (f"SHA-256 {weights.sha256}" if weights.sha256 else "gives no SHA-256") in message
    assert ("no internet here" in message) == weights.is_file
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_downloaded_once(tmp_path):
    (tmp_path / "there").write_bytes(b"tensors")
    weights = dataclasses.replace(
        NET, source=(tmp_path / "there").as_uri(), is_file=True, sha256=hashlib.sha256(b"tensors").hexdigest()
    )
    folder = tmp_path / "new/folder"
    assert weights.require(folder).read_bytes() == b"tensors"
    (tmp_path / "there").unlink()
    assert weights.require(folder) == folder / "net.pth"


@pytest.mark.parametrize("digits", [10, 64])
def test_another_file_than_the_published_is_refused(tmp_path, digits):
    weights = dataclasses.replace(NET, sha256=hashlib.sha256(b"tensors").hexdigest()[:digits])
    (tmp_path / "old.pth").write_bytes(b"tensors")
    assert weights.require(tmp_path) == tmp_path / "old.pth"
    (tmp_path / "old.pth").write_bytes(b"others")
    with pytest.raises(DgError, match=rf"old\.pth: SHA-256 is [0-9a-f]{{64}}, expected {weights.sha256}"):
        weights.require(tmp_path)


def test_the_first_name_goes_before_the_others(tmp_path):
    assert NET.find(tmp_path) is None
    for name in ("old.pth", "net.pth"):
        (tmp_path / name).write_bytes(b"")
        assert NET.find(tmp_path) == tmp_path / name


def test_tensors_of_another_network_are_refused(tmp_path):
    net = torch.nn.Linear(2, 1)
    torch.save({"state_dict": {f"module.{name}": t + 1 for name, t in net.state_dict().items()}}, tmp_path / "net.pth")
    before = net.weight.detach().clone()
    fill(net, NET, tmp_path)
    assert torch.equal(net.weight, before + 1)
    with pytest.raises(DgError, match=r"(?s)net\.pth: can't be read as a net .*Expected two tensors.*example\.org"):
        fill(torch.nn.Linear(3, 1), NET, tmp_path)
