"""The landmarks and identity steps on a small shard, and what FaceSet makes of a face-less picture."""

import io
import shlex

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from dg.cli import main
from dg.errors import DgError
from dg.files import read_json, write_parquet
from dg.identity.encoder import load_face_encoder
from dg.identity.extract import find_codes
from dg.landmarks.extract import find_landmarks
from dg.landmarks.fan import load_landmark_net
from dg.shards import FRAME_SCHEMA, MANIFEST_COLUMNS, FaceSet, fixed_lists, read_shard, write_shard
from tests.finished import planned
from tests.scales import ROOT, values_at
from tests.synthface_truth import pictures


@pytest.fixture(scope="module")
def folder(tmp_path_factory, head):
    """A prepared set of five faces and, in second place, a picture of noise."""
    root = tmp_path_factory.mktemp("set")
    images = pictures(head, [-30, 0, 20, 40, 60], [905])[0]
    crops = (images.permute(0, 2, 3, 1) * 255).to(torch.uint8).numpy()
    noise = np.random.default_rng(0).integers(0, 255, (1, 128, 128, 3), np.uint8)
    crops = np.concatenate([crops[:1], noise, crops[1:]])
    data = []
    for crop in crops:
        stream = io.BytesIO()
        Image.fromarray(crop).save(stream, "PNG")
        data.append(stream.getvalue())
    n = len(crops)
    keys = [f"k{i}" for i in range(n)]
    columns = {"key": keys, "image": data, "box": np.zeros((n, 4)), "original_size": np.zeros((n, 2), int)}
    write_shard(root / "frames/0.arrow", FRAME_SCHEMA, columns)
    rows = {name: [""] * n for name in MANIFEST_COLUMNS} | {"key": keys, "split": ["train"] * n}
    write_parquet(root / "manifest.parquet", pd.DataFrame(rows))
    find_landmarks("fan-synthface", root / "frames/0.arrow", root / "landmarks/0.arrow")
    find_codes("synthface-id", root / "frames/0.arrow", root / "identity/0.arrow", root / "landmarks/0.arrow")
    return root, torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255


def test_shard_holds_what_the_network_finds(folder):
    root, images = folder
    batch = read_shard(root / "landmarks/0.arrow")
    assert batch.column("key").to_pylist() == [f"k{i}" for i in range(6)]
    points, peaks, score, visible, pose = load_landmark_net("fan-synthface").detect(images)
    stored = torch.from_numpy(fixed_lists(batch, "points").copy()).view(-1, 68, 3)
    torch.testing.assert_close(stored, points, atol=1e-4, rtol=0)
    assert peaks.shape == (6, 68)
    np.testing.assert_array_equal(fixed_lists(batch, "visible").astype(bool), visible.numpy())
    np.testing.assert_allclose(fixed_lists(batch, "pose"), pose.numpy(), atol=1e-2)
    faces = [0, 2, 3, 4, 5]
    np.testing.assert_allclose(batch.column("score").to_numpy()[faces], score.numpy()[faces], atol=1e-4)


def test_faceless_picture_is_reported_and_skipped(folder):
    root, _ = folder
    assert read_shard(root / "landmarks/0.arrow").column("score")[1].as_py() == 0
    assert read_json(root / "landmarks/0.json")["faceless"] == ["k1"]
    faces = FaceSet([root])
    assert list(faces.table["key"]) == ["k0", "k2", "k3", "k4", "k5"]
    with pytest.raises(DgError, match="k1"):
        faces.row("k1")
    np.testing.assert_array_equal(faces.points, fixed_lists(read_shard(root / "landmarks/0.arrow"), "points")
                                  .reshape(-1, 68, 3)[[0, 2, 3, 4, 5]])  # fmt: skip


def test_codes_are_the_encoders(folder):
    root, images = folder
    codes = fixed_lists(read_shard(root / "identity/0.arrow"), "code")
    points = torch.from_numpy(fixed_lists(read_shard(root / "landmarks/0.arrow"), "points").copy()).view(-1, 68, 3)
    np.testing.assert_allclose(codes, load_face_encoder("synthface-id")(images, points).numpy(), atol=1e-3)
    assert FaceSet([root]).codes.shape == (5, 160)


def test_codes_that_read_landmarks_want_those_of_the_same_pictures(folder, tmp_path):
    root, _ = folder
    frames, out = root / "frames/0.arrow", tmp_path / "i.arrow"
    with pytest.raises(DgError, match=r"synthface-id reads landmarks: give --landmarks, those of .*frames/0\.arrow"):
        find_codes("synthface-id", frames, out)
    found = read_shard(root / "landmarks/0.arrow").slice(1)
    columns = {name: found.column(name).to_pylist() for name in found.schema.names}
    write_shard(tmp_path / "l.arrow", found.schema, columns)
    with pytest.raises(DgError, match=r"l\.arrow: holds other pictures than .*frames/0\.arrow"):
        find_codes("synthface-id", frames, out, tmp_path / "l.arrow")
    assert not out.exists()


@pytest.mark.parametrize("name", ["vggface2", "vggface", "synthface-id"])
def test_only_a_back_end_that_reads_landmarks_is_given_them(name, folder, tmp_path, monkeypatch, any_machine):
    """From the rule of Snakemake over its command to the shard."""
    root, _ = folder
    values = values_at()
    values["identity"]["backend"] = name
    values["scales"]["sample"]["idsg"]["init"] = "scratch"
    (job,) = [
        job
        for job in planned(values, tmp_path, "data/sets/synth_rafd/identity/0.arrow").jobs
        if job.rule.name == "identity"
    ]
    given = [str(path) for path in job.input if "landmarks" in str(path)]
    assert bool(given) == (name == "synthface-id")

    class Colours(torch.nn.Module):
        dimension = 3

        def forward(self, images, points):
            assert points.shape == (len(images), 68, 3) and bool(points.any()) == bool(given)
            return images.mean((2, 3))

    monkeypatch.setattr("dg.identity.extract.load_face_encoder", lambda backend, device: Colours())
    command = job.shellcmd.split(" 2>&1")[0].replace(job.output[0], str(tmp_path / "i.arrow"))
    for step in ("frames", "landmarks"):
        command = command.replace(f"data/sets/synth_rafd/{step}", f"{root}/{step}")
    monkeypatch.chdir(ROOT)
    assert main(shlex.split(command)[3:]) == 0
    assert fixed_lists(read_shard(tmp_path / "i.arrow"), "code").shape == (6, 3)


def test_empty_shard(tmp_path):
    columns = {"key": [], "image": [], "box": np.zeros((0, 4)), "original_size": np.zeros((0, 2), int)}
    write_shard(tmp_path / "0.arrow", FRAME_SCHEMA, columns)
    find_landmarks("fan-synthface", tmp_path / "0.arrow", tmp_path / "l.arrow")
    find_codes("synthface-id", tmp_path / "0.arrow", tmp_path / "i.arrow", tmp_path / "l.arrow")
    assert read_shard(tmp_path / "l.arrow").num_rows == read_shard(tmp_path / "i.arrow").num_rows == 0


def test_missing_shard(tmp_path):
    with pytest.raises(DgError, match="shard not found"):
        find_landmarks("fan-synthface", tmp_path / "7.arrow", tmp_path / "l.arrow")
