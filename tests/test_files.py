"""Files are whole or absent, and damaged ones are named."""

import errno
from hashlib import sha256

import pytest
import torch

from dg.checkpoints import load_checkpoint, save_checkpoint
from dg.errors import DgError
from dg.files import read_json, replacing, write_json


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    target = tmp_path / "a.json"
    write_json(target, {"old": 1})
    with pytest.raises(RuntimeError), replacing(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert read_json(target) == {"old": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path):
    with pytest.raises(DgError, match="disk is full"), replacing(tmp_path / "a.bin") as temporary:
        temporary.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_weights_with_a_wrong_digest_are_refused(tmp_path):
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, {"a": torch.arange(3.0)}, {"made": "here"})
    assert torch.equal(load_checkpoint(path)["a"], torch.arange(3.0))
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(DgError, match="SHA-256"):
        load_checkpoint(path)


def test_weights_are_never_there_without_their_card(tmp_path, monkeypatch):
    path = tmp_path / "net.safetensors"

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("dg.checkpoints.write_json", killed)
        save_checkpoint(path, {"a": torch.arange(3.0)}, {})
    assert not path.exists()
    save_checkpoint(path, {"a": torch.arange(3.0)}, {"made": "here"})
    assert read_json(tmp_path / "net.json") == {"made": "here", "sha256": sha256(path.read_bytes()).hexdigest()}


def test_missing_weights_say_how_to_make_them(tmp_path):
    with pytest.raises(DgError, match=r"weights not found.*snakemake"):
        load_checkpoint(tmp_path / "net.safetensors")


def test_files_get_the_rights_that_the_umask_gives(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("x")
    with replacing(tmp_path / "made") as temporary:
        temporary.write_text("x")
        temporary.chmod(0o600)  # as safetensors does
    assert (tmp_path / "made").stat().st_mode == plain.stat().st_mode


def test_json_holds_null_where_nothing_was_measured_and_no_infinity(tmp_path):
    write_json(tmp_path / "a.json", {"a": [1, float("nan")], "b": {"c": float("nan")}, "d": None})
    assert "NaN" not in (tmp_path / "a.json").read_text()
    assert read_json(tmp_path / "a.json") == {"a": [1, None], "b": {"c": None}, "d": None}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "b.json", {"a": float("inf")})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
