import json
import math
from importlib import import_module
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dg.datasets import by_shard, mpie
from dg.datasets.manifest import make_manifest
from dg.datasets.rows import Source
from dg.errors import DgError
from dg.params import Kind
from dg.shards import MANIFEST_COLUMNS, Manifest, shard_of
from dg.steps.data import ManifestSettings
from dg.videos import VideoInfo, read_info, sampled_frames
from tests.prepared import disk_is_full, left_in
from tests.videos import write_video


def settings(kind, fps=None):
    return ManifestSettings(dataset="toy", kind=kind, fps=fps, shards=1)


def put(raw, *names):
    for name in names:
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(raw / name)


def manifest(tmp_path, kind, fps=None, max_broken=0.02):
    make_manifest(settings(kind, fps), tmp_path / "raw", tmp_path / "out/manifest.parquet", max_broken)
    table = pd.read_parquet(tmp_path / "out/manifest.parquet")
    assert tuple(table.columns) == MANIFEST_COLUMNS
    assert table["key"].is_unique
    return table


def test_rafd_reads_its_file_names(tmp_path):
    put(
        tmp_path / "raw",
        "Rafd090_01_Caucasian_female_angry_frontal.jpg",
        "Rafd000_01_Caucasian_female_angry_left.jpg",
        "sub/Rafd135_58_Moroccan_male_neutral_right.jpg",
    )
    table = manifest(tmp_path, "rafd").set_index("path")
    assert table["yaw"].tolist() == [-90, 0, 45]
    row = table.loc["sub/Rafd135_58_Moroccan_male_neutral_right.jpg"]
    assert (row["subject"], row["expression"], row["gaze"], row["split"]) == ("58", "neutral", "right", "train")
    assert row["key"] == "toy/sub/Rafd135_58_Moroccan_male_neutral_right.jpg"
    assert row["frame"] == -1


def test_mpie_reads_its_file_names_and_splits_by_subject(tmp_path, monkeypatch):
    monkeypatch.setattr(mpie, "TRAIN_SUBJECTS", 1)
    names = ["001_01_01_051_07", "001_01_01_051_06", "001_03_03_051_07", "002_04_02_240_06", "002_02_02_081_07"]
    names += ["003_01_01_051_00"]
    put(tmp_path / "raw", *(f"session/{name}.png" for name in names))
    table = manifest(tmp_path, "mpie")
    table.index = table["path"].str[8:-4]
    # Light 06 and disgust are no part of the training setup.
    assert table["split"].to_dict() == {
        "001_01_01_051_07": "train",
        "002_04_02_240_06": "test",
        "002_02_02_081_07": "test",
        "003_01_01_051_00": "test",
    }
    assert table.loc["002_04_02_240_06", ["yaw", "pitch", "expression"]].tolist() == [90, 0, "scream"]
    assert table.loc["002_02_02_081_07", "yaw"] == -45
    assert table.loc["002_02_02_081_07", "pitch"] != 0
    assert table.loc["001_01_01_051_07", ["yaw", "light", "session"]].tolist() == [0, "07", "01"]


def test_mpie_has_fifteen_poses():
    assert len(mpie.CAMERAS) == len(set(mpie.CAMERAS.values())) == 15


def test_voxceleb_samples_videos_and_keeps_dev_and_test_apart(tmp_path):
    raw = tmp_path / "raw"
    write_video(raw / "dev/mp4/id1/v/00001.mp4", frames=20, rate=10)
    write_video(raw / "test/id2/w/00003.mp4", frames=5, rate=10)
    table = manifest(tmp_path, "voxceleb", fps=5)
    assert table["frame"].tolist() == [*range(0, 20, 2), 0, 2, 4]
    assert table["key"].tolist()[1] == "toy/dev/mp4/id1/v/00001.mp4#2"
    assert table.groupby("split")["subject"].unique().map(list).to_dict() == {"test": ["id2"], "train": ["id1"]}
    assert table["clip"].unique().tolist() == ["id1/v/00001", "id2/w/00003"]
    assert table["yaw"].isna().all()


def test_a_cut_off_video_is_listed_or_refused(tmp_path):
    raw = tmp_path / "raw"
    whole = write_video(raw / "dev/id1/v/1.mp4")
    (raw / "dev/id1/v/2.mp4").write_bytes(whole.read_bytes()[:500])
    table = manifest(tmp_path, "voxceleb", fps=5, max_broken=0.5)
    assert table["path"].unique().tolist() == ["dev/id1/v/1.mp4"]
    report = json.loads((tmp_path / "out/manifest.json").read_text())
    assert [item["path"] for item in report["skipped"]] == ["dev/id1/v/2.mp4"]
    assert (report["rows"], report["files"], report["subjects"]) == (10, 1, 1)
    with pytest.raises(DgError, match=r"1 of 2 files can't be used.*max_broken.*\n.*2\.mp4"):
        make_manifest(settings("voxceleb", fps=5), raw, tmp_path / "other/manifest.parquet", max_broken=0.02)
    assert left_in(tmp_path / "other") == []


def test_videos_need_fps(tmp_path):
    write_video(tmp_path / "raw/dev/id1/v/1.mp4")
    with pytest.raises(DgError, match=r"datasets\.toy\.fps is not set"):
        manifest(tmp_path, "voxceleb")


def test_faces_takes_any_folder_of_people(tmp_path):
    put(tmp_path / "raw", "anna/1.jpg", "anna/deep/2.png", "ben/x.webp")
    (tmp_path / "raw/anna/notes.txt").write_text("not a picture")
    table = manifest(tmp_path, "faces")
    assert table["subject"].tolist() == ["anna", "anna", "ben"]
    assert set(table["split"]) == {"train"}


def test_faces_splits_by_folder(tmp_path):
    put(tmp_path / "raw", "train/anna/1.jpg", "test/ben/x.png")
    table = manifest(tmp_path, "faces")
    assert dict(zip(table["subject"], table["split"])) == {"anna": "train", "ben": "test"}


@pytest.mark.parametrize(("kind", "train", "file"), [("faces", "train", "1.mp4"), ("voxceleb", "dev", "v/1.mp4")])
def test_nobody_is_in_the_training_and_in_the_test_part(tmp_path, kind, train, file):
    for name in [*(f"{part}/id{k}" for part in (train, "test") for k in range(7)), "test/id7"]:
        write_video(tmp_path / "raw" / name / file, frames=2, rate=1)
    expected = r"7 of 8 people are in the training and in the test part: id0, id1, id2, id3, id4, …\. .*Move all files"
    with pytest.raises(DgError, match=expected):
        manifest(tmp_path, kind, fps=1)
    assert left_in(tmp_path / "out") == []


def index(raw, rows):
    columns = ["path", "subject", "clip", "frame", "split", "yaw", "pitch", "expression", "gaze", "light", "session"]
    table = pd.DataFrame(rows, columns=columns)
    raw.mkdir(exist_ok=True)
    table.to_parquet(raw / "index.parquet")


def test_synthface_joins_the_index_with_the_videos_own_frames(tmp_path):
    raw = tmp_path / "raw"
    write_video(raw / "v.mp4", frames=10, rate=10)
    put(raw, "p.png")
    clip = [("v.mp4", "s0", "c", k, "test", 3.0 * k, 1.0, None, "", "", "2") for k in range(10)]
    index(raw, [("p.png", "s1", "s1", 0, "train", -90.0, 0.0, "smile", "left", "studio", "1"), *clip])
    table = manifest(tmp_path, "synthface", fps=2)
    assert table["key"].tolist() == ["toy/p.png", "toy/v.mp4#0", "toy/v.mp4#5"]
    assert table["yaw"].tolist() == [-90, 0, 15]
    assert table["expression"].tolist() == ["smile", "", ""]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("v.mp4", "s", "c", 0, "test", 0.0, 0.0, "", "", "", "")], "has no row for frame 5"),
        ([("v.mp4", "s", "c", 0, "test", 0.0, 0.0, "", "", "", "")] * 2, "twice"),
        ([("gone.png", "s", "c", 0, "test", 0.0, 0.0, "", "", "", "")], "the file isn't there"),
    ],
)
def test_synthface_refuses_an_index_that_does_not_fit(tmp_path, rows, message):
    write_video(tmp_path / "raw/v.mp4", frames=10, rate=10)
    index(tmp_path / "raw", rows)
    with pytest.raises(DgError, match=message):
        manifest(tmp_path, "synthface", fps=2)
    assert not (tmp_path / "out").exists() or left_in(tmp_path / "out") == []


@pytest.mark.parametrize("kind", sorted({*get_args(Kind)} - {"synthface"}))
@pytest.mark.parametrize("state", ["missing", "empty", "strange"])
def test_a_missing_or_strange_folder_shows_the_layout(tmp_path, kind, state):
    if state != "missing":
        (tmp_path / "raw").mkdir()
    if state == "strange":
        put(tmp_path / "raw", "holiday.jpg")
    with pytest.raises(DgError) as caught:
        manifest(tmp_path, kind, fps=1)
    assert str(tmp_path / "raw") in str(caught.value)
    assert import_module(f"dg.datasets.{kind}").LAYOUT in str(caught.value)
    assert not (tmp_path / "out").exists() or left_in(tmp_path / "out") == []


def test_a_full_disk_leaves_no_manifest(tmp_path, monkeypatch):
    put(tmp_path / "raw", "anna/1.jpg", "ben/1.jpg")
    monkeypatch.setattr(pq.ParquetWriter, "write_table", disk_is_full)
    with pytest.raises(DgError, match="disk is full"):
        manifest(tmp_path, "faces")
    assert left_in(tmp_path / "out") == []


@given(st.integers(1, 500), st.floats(1, 120), st.floats(0.1, 240))
def test_sampled_frames_are_even_and_as_many_as_asked_for(frames, rate, fps):
    numbers = sampled_frames(VideoInfo(frames, rate), fps)
    assert numbers[0] == 0
    assert numbers[-1] < frames
    assert (np.diff(numbers) >= 1).all()
    assert len(set(np.diff(numbers))) <= 2
    assert abs(len(numbers) - math.ceil(frames * min(1, fps / rate) - 1e-6)) <= 1


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mkv", "a.mov"])
def test_frames_are_counted_in_any_container(tmp_path, name):
    assert read_info(write_video(tmp_path / name, frames=12, rate=10)) == VideoInfo(12, 10)


@pytest.mark.parametrize("batch", [50, 1000])
@pytest.mark.parametrize("shards", [1, 3, 64])
def test_a_row_group_holds_the_rows_of_a_shard_in_their_order(shards, batch, tmp_path, monkeypatch):
    monkeypatch.setattr(by_shard, "_BATCH", batch)
    source = Source("toy", tmp_path, None)
    # A clip's rows come apart from each other; of 64 shards some are empty.
    rows = [source.row(f"{number}.png", subject="a", clip=f"clip {number % 37}") for number in range(300)]
    by_shard.write_by_shard(tmp_path / "m.parquet", iter(rows), shards)
    manifest = Manifest(tmp_path / "m.parquet")
    assert manifest.shards == shards and left_in(tmp_path) == ["m.parquet"]
    for shard in range(shards):
        expected = [row for row in rows if shard_of(row["clip"], shards) == shard]
        assert manifest.rows(shard, list(MANIFEST_COLUMNS)).to_pylist() == expected


def test_a_shards_rows_are_read_alone(tmp_path):
    source, path = Source("toy", tmp_path, None), tmp_path / "m.parquet"
    names = np.random.default_rng(0).bytes(32 * 20_000).hex()
    names = [names[64 * number : 64 * number + 64] for number in range(20_000)]
    by_shard.write_by_shard(path, (source.row(name, subject=name[:2], clip=name[:4]) for name in names), 100)
    manifest, before = Manifest(path), bytes_read()
    rows = len(manifest.rows(7, ["key", "path", "frame"]))
    assert 100 < rows < 300 and bytes_read() - before < 0.02 * path.stat().st_size


def bytes_read():
    """By this process, from wherever."""
    return int(Path("/proc/self/io").read_text().split()[1])
