"""The bundled RFG's long training: its pictures, its resuming, and what it needs of a borrowed machine."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file
from safetensors.torch import load_file

from dg.checkpoints import card_path, load_checkpoint
from dg.errors import DgError
from dg.files import read_json
from dg.lpips.weights import lpips_weights
from dg.pretraining.faces.bundle import KINDS, render_bundle
from dg.pretraining.faces.pack import pack_faces
from dg.pretraining.faces.pictures import Pictures
from dg.pretraining.faces.recipe import Recipe
from dg.pretraining.faces.training import FacesTraining
from dg.rfg.model import Rfg
from dg.sizes.rfg import RfgSizes

ROOT = Path(__file__).resolve().parent.parent
CPU = torch.device("cpu")
SIZES = {"size": 32, "patch": 16, "channels": 4, "max_channels": 8, "style_dim": 6}
SIZES = {"size": 32, "patch": 16, "channels": 4, "max_channels": 8, "style_dim": 6}
TINY = Recipe(pictures=16, batch=2, adversarial_from=0.5, held_out=0.25, **SIZES)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """Three pictures of each of four people: grey, with a white dot at the tip of the nose, point 30."""
    rng, jpeg = np.random.default_rng(0), []
    points = rng.uniform(0.2, 0.8, (12, 68, 3))
    for x, y in (points[:, 30, :2] * 32).astype(int):
        picture, stream = np.full((32, 32, 3), 90, np.uint8), io.BytesIO()
        picture[y - 1 : y + 2, x - 1 : x + 2] = 255
        Image.fromarray(picture).save(stream, "JPEG", quality=95, subsampling=0)
        jpeg.append(np.frombuffer(stream.getvalue(), np.uint8))
    path = tmp_path_factory.mktemp("bundle") / "faces.safetensors"
    person = np.repeat(np.arange(4, dtype=np.int32), 3)
    start = np.cumsum([0, *map(len, jpeg)])
    save_file({"jpeg": np.concatenate(jpeg), "start": start, "person": person, "points": points.astype("f2")}, path)
    return path


def test_pairs_show_one_person_and_their_landmarks_move_with_the_pictures(bundle):
    pictures = Pictures(bundle, CPU, 0.25)
    assert len(pictures.people) == 3 and len(Pictures(bundle, CPU, 0.25, measured=True).people) == 1
    pairs = pictures.pairs(seed=0, step=0, count=32)
    for images, points in ((pairs.source, pairs.source_points), (pairs.truth, pairs.points)):
        brightest = images.sum(1).flatten(1).argmax(1)
        found = torch.stack([brightest % 32, brightest // 32], 1) / 32
        assert (found - points[:, 30]).abs().max() < 2.5 / 32
    all_points = load_file(bundle)["points"][..., :2].float()
    mirrored = all_points[:, 30] * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])

    def rows(points):
        distance = torch.minimum(torch.cdist(points[:, 30], all_points[:, 30]), torch.cdist(points[:, 30], mirrored))
        return distance.argmin(1)

    source, truth = rows(pairs.source_points), rows(pairs.points)
    assert (source // 3 == truth // 3).all() and (source != truth).all()


def test_a_killed_training_ends_with_the_same_weights(bundle, tmp_path):
    def training(name):
        return FacesTraining(TINY, Pictures(bundle, CPU, TINY.held_out), tmp_path / name / "state.safetensors")

    training("whole").run(minutes=10)
    part = training("parts")
    for _ in range(5):  # to within the adversarial part
        part.advance()
    part.save()
    part.advance()  # lost
    training("parts").run(minutes=10)
    whole, parts = (load_file(tmp_path / name / "state.safetensors") for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert any(name.startswith("adam_judge") for name in whole)
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    other = dataclasses.replace(TINY, lr=1.0)
    with pytest.raises(DgError, match=r"other values of lr\. Give"):
        FacesTraining(other, Pictures(bundle, CPU, 0.25), tmp_path / "whole/state.safetensors")


def test_packed_weights_start_and_paint(bundle, tmp_path):
    training = FacesTraining(TINY, Pictures(bundle, CPU, TINY.held_out), tmp_path / "state.safetensors")
    training.run(minutes=10)
    card = pack_faces(bundle, tmp_path / "state.safetensors", tmp_path / "rfg.safetensors")
    written = read_json(card_path(tmp_path / "rfg.safetensors"))
    assert written["pictures"] == 16 and written["metrics"]["csim_truth"] == card["metrics"]["csim_truth"]
    tensors = load_checkpoint(tmp_path / "rfg.safetensors")
    assert {name.split(".")[0] for name in tensors} == {"ema_rfg", "face_discriminator"}
    net = Rfg(RfgSizes(**card["sizes"]))
    net.load_state_dict({k.removeprefix("ema_rfg."): v.float() for k, v in tensors.items() if k.startswith("ema_rfg.")})
    again = FacesTraining(TINY, Pictures(bundle, CPU, 0.25), tmp_path / "again.safetensors")
    assert not torch.equal(again.nets["generator"].first.weight, training.nets["generator"].first.weight)


def test_a_borrowed_machine_needs_four_packages(bundle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lpips_weights("vgg16")  # into .cache, which travels
    held = """if True:
        import builtins, sys
        import_of = builtins.__import__
        allowed = {"dg", "torch", "numpy", "PIL", "safetensors"} | sys.stdlib_module_names
        def checked(name, globals=None, *rest):
            importer = (globals or {}).get("__name__") or ""
            if importer.split(".")[0] == "dg" and name.split(".")[0] not in allowed:
                raise ImportError(f"{importer} imports {name}")
            return import_of(name, globals, *rest)
        builtins.__import__ = checked
        from dg.pretraining.faces.__main__ import main
        raise SystemExit(main())
    """
    options = SIZES | {"pictures": 4, "batch": 2}
    sizes = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    done = subprocess.run(
        [sys.executable, "-c", held, "train", str(bundle), str(tmp_path / "out"), *sizes],
        env={"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"}, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "4 of 4 pictures done" in done.stdout and (tmp_path / "out/state.safetensors").exists()


def test_the_bundle_holds_exact_landmarks_and_goes_on_where_it_stopped(head_file, tmp_path):
    out = tmp_path / "faces.safetensors"
    render_bundle(out, head_file, people=2, pictures=2, size=32)
    first = load_file(out)
    out.unlink()
    (out.with_suffix(".parts") / "00001.safetensors").unlink()
    render_bundle(out, head_file, people=2, pictures=2, size=32)
    again = load_file(out)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert first["person"].tolist() == [0, 0, 1, 1] and first["start"][-1] == len(first["jpeg"])
    assert KINDS[int(first["kind"][0])] == "synth_mpie"
    assert Pictures(out, CPU, 0.5).pairs(0, 0, 1).truth.shape == (1, 3, 32, 32)


def test_no_bundle_is_an_error_that_says_how_to_make_one(tmp_path):
    with pytest.raises(DgError, match=r"nothing\.safetensors: no bundle of pictures\. Make it first: python -m"):
        Pictures(tmp_path / "nothing.safetensors", CPU, 0.1)
