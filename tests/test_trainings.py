"""Both trainings from outside, each in a process of its own: killed and resumed, poisoned, self then cross phase."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from dg import params
from dg.files import read_json, write_parquet
from dg.settings import step_settings
from dg.shards import FRAME_SCHEMA, LANDMARK_SCHEMA, MANIFEST_COLUMNS, identity_schema, write_shard

ROOT = Path(__file__).resolve().parent.parent
DRIVER = Path(__file__).with_name("training_driver.py")
SIZE = 32


def picture(rng: np.random.Generator) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8)).save(buffer, "png")
    return buffer.getvalue()


def prepare(folder: Path) -> Path:
    """A set of 3 subjects x 2 expressions x 3 yaws of noise, with landmarks and face codes."""
    rng, name = np.random.default_rng(0), folder.name
    rows = [
        {"key": f"{name}/{s}/{e}/{y}", "path": f"{s}/{e}/{y}", "subject": s, "clip": s, "frame": -1, "split": "train",
         "yaw": float(y), "pitch": 0.0, "expression": e, "gaze": "frontal", "light": "studio", "session": "1"}
        for s in "abc" for e in ("neutral", "smile") for y in (-45, 0, 45)
    ]  # fmt: skip
    n, keys = len(rows), [row["key"] for row in rows]
    write_parquet(folder / "manifest.parquet", pd.DataFrame(rows)[list(MANIFEST_COLUMNS)])
    write_shard(folder / "frames/0.arrow", FRAME_SCHEMA, {
        "key": keys, "image": [picture(rng) for _ in keys], "box": np.zeros((n, 4)),
        "original_size": np.full((n, 2), SIZE),
    })  # fmt: skip
    points = rng.random((n, 204)).astype(np.float32)
    write_shard(folder / "landmarks/0.arrow", LANDMARK_SCHEMA, {
        "key": keys, "points": points, "visible": rng.random((n, 68)) < 0.7, "score": np.ones(n),
        "pose": np.zeros((n, 6)),
    })  # fmt: skip
    write_shard(folder / "identity/0.arrow", identity_schema(6), {"key": keys, "code": rng.normal(size=(n, 6))})
    return folder


def settings(verb: str, phase: str, **changed) -> dict:
    sizes = {"batch": 2, "steps": 8, "ema": 0.9}
    if verb == "rfg":
        sizes |= {"size": SIZE, "channels": 4, "max_channels": 8, "style_dim": 4, "init": None}
    return step_settings(params.load(ROOT / "params.yaml"), verb, phase=phase) | sizes | changed


def run(job: dict, check: bool = True) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(DRIVER), json.dumps(job)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


def job(verb: str, values: dict, data: Path, out: Path, **more) -> dict:
    return {"verb": verb, "settings": values, "folders": [str(data)], "out": str(out), "state": f"{out}.state"} | more


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("sets") / "x")


@pytest.fixture(scope="module")
def idsg(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("idsg") / "self.safetensors"
    run(job("idsg", settings("idsg", "self"), data, out))
    return out


@pytest.fixture(scope="module")
def rfg(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("rfg") / "self.safetensors"
    run(job("rfg", settings("rfg", "self"), data, out))
    return out


@pytest.mark.parametrize("verb", ["idsg", "rfg"])
def test_sigkill_twice_then_resume_ends_with_the_same_bits(verb, data, tmp_path, request):
    unbroken = request.getfixturevalue(verb)
    killed = tmp_path / "self.safetensors"
    # Two updates a step: in the middle of step 3, then of step 6 of what is left.
    for update in (7, 5):
        done = run(job(verb, settings(verb, "self"), data, killed, kill_at=update), check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert not killed.exists()
    resumed = run(job(verb, settings(verb, "self"), data, killed))
    a, b = load_file(unbroken), load_file(killed)
    assert a.keys() == b.keys()
    different = [key for key in a if not torch.equal(a[key], b[key])]
    assert not different, f"{len(different)} of {len(a)} tensors differ, e.g. {different[:3]}\n{resumed.stderr}"
    assert unbroken.with_suffix(".losses.csv").read_text() == killed.with_suffix(".losses.csv").read_text()


@pytest.mark.parametrize("verb", ["idsg", "rfg"])
def test_weights_that_become_nan_stop_the_training_and_never_reach_the_state_or_the_checkpoint(verb, data, tmp_path):
    out = tmp_path / "self.safetensors"
    done = run(job(verb, settings(verb, "self"), data, out, poison_at=9), check=False)
    assert done.returncode == 1, done.stderr
    assert "nan" in done.stderr.lower() or "finite" in done.stderr
    assert not out.exists()
    for path in Path(f"{out}.state").rglob("*.safetensors"):
        assert all(torch.isfinite(tensor).all() for tensor in load_file(path).values()), path
    # What is left is good: the same command without the fault finishes.
    run(job(verb, settings(verb, "self"), data, out))
    assert all(torch.isfinite(tensor).all() for tensor in load_file(out).values())


def test_cross_phase_starts_from_the_self_phase_and_needs_no_other_file(data, idsg, rfg, tmp_path):
    cross_l, cross_f = tmp_path / "idsg.safetensors", tmp_path / "rfg.safetensors"
    run(job("idsg", settings("idsg", "cross"), data, cross_l, init=str(idsg)))
    run(job("rfg", settings("rfg", "cross"), data, cross_f, init=str(rfg), idsg=str(cross_l)))
    from dg.idsg import load_idsg
    from dg.rfg import load_rfg

    points = load_idsg(cross_l).generate(torch.rand(2, 68, 3), torch.rand(2, 6))
    painted = load_rfg(cross_f).paint(points, torch.rand(2, 3, SIZE, SIZE))
    assert painted.shape == (2, 3, SIZE, SIZE)
    assert 0 <= painted.min() <= painted.max() <= 1
    # A step of Adam moves a weight by at most about lr: further apart means that init was not used.
    before, after, values = load_file(rfg), load_file(cross_f), settings("rfg", "cross")
    reach = 3 * values["lr"] * values["steps"]
    assert all((after[k] - before[k]).abs().max() < reach for k in after if not k.startswith("ema"))
    assert any(not torch.equal(after[k], before[k]) for k in after)
    for path in (cross_l, cross_f):
        card = read_json(path.with_suffix(".json"))
        assert card["settings"]["phase"] == "cross"
        assert card["steps"] == 8 and card["seconds"] > 0
        table = pd.read_csv(path.with_suffix(".losses.csv"))
        assert table["step"].iloc[-1] == 8
        assert np.isfinite(table.iloc[-1].to_numpy(float)).all()


@pytest.mark.parametrize("weight", ["lambda_at", "lambda_id", "lambda_st", "lambda_lm", "lambda_ds"])
def test_a_loss_of_weight_0_is_not_computed(weight, data, tmp_path):
    out = tmp_path / "self.safetensors"
    run(job("rfg", settings("rfg", "self", steps=1, **{weight: 0}), data, out))
    name = weight.removeprefix("lambda_")
    columns = pd.read_csv(out.with_suffix(".losses.csv")).columns
    assert not any(column == name or column.startswith(f"{name}_") for column in columns), list(columns)
    if weight == "lambda_ds":
        assert not any("shape_discriminator" in key for key in load_file(out))


def test_sample_pictures_say_that_they_are_synthetic(rfg):
    pictures = sorted((rfg.parent / f"{rfg.stem}_samples").glob("*.png"))
    assert pictures
    with Image.open(pictures[-1]) as image:
        assert any("synthetic" in str(text) for text in image.text.values())
