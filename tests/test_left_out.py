"""How many pictures a data set may lose is asked of the whole set, while its shards are made one by one."""

import json

import numpy as np
import pytest
from PIL import Image

from dg.datasets.manifest import make_manifest
from dg.errors import DgError
from dg.files import read_json, write_json
from dg.frames import extract_frames
from dg.landmarks.extract import find_landmarks
from dg.left_out import left_out_of_landmarks
from dg.shards import Manifest
from dg.steps.data import FramesSettings, ManifestSettings
from dg.synthface import Action, Scene, render, sample_person

SHARDS = 2


@pytest.fixture
def folder(tmp_path):
    """A manifest of two shards and 60 pictures, of which one is broken in each."""
    for person in range(6):
        for number in range(10):
            path = tmp_path / f"raw/p{person}/{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (person, number, 0)).save(path)
    values = ManifestSettings(dataset="toy", kind="faces", fps=None, shards=SHARDS)
    make_manifest(values, tmp_path / "raw", tmp_path / "manifest.parquet", max_broken=0)
    for shard in range(SHARDS):
        first = Manifest(tmp_path / "manifest.parquet").rows(shard, ["path"])["path"][0].as_py()
        (tmp_path / "raw" / first).write_bytes(b"")
    return tmp_path


def cut(folder, shard, max_broken, **changes):
    values = {"dataset": "toy", "size": 8, "format": "png", "shards": SHARDS, "detector": None} | changes
    out = folder / f"frames/{shard}.arrow"
    extract_frames(FramesSettings(**values), folder / "raw", folder / "manifest.parquet", shard, out, max_broken)


def test_a_bad_picture_of_a_small_shard_does_not_end_the_set(folder):
    """One of a shard of ten to fifty pictures may be is over 3 %, and so are two of the set's 60; one of 60 isn't."""
    cut(folder, 0, 0.03)
    with pytest.raises(DgError) as refused:
        cut(folder, 1, 0.03)
    assert "2 of 60 pictures are broken or hold no face (2 of 2 shards looked at)" in str(refused.value)
    assert "landmarks.detector" in str(refused.value) and "datasets.toy.max_broken" in str(refused.value)
    assert not (folder / "frames/1.arrow").exists()
    cut(folder, 1, 0.04)


def test_reports_of_other_values_do_not_count(folder):
    cut(folder, 0, 1.0)
    cut(folder, 1, 0.03, size=16)


def test_crops_without_a_face_are_counted_and_listed(folder, head):
    """The landmark network is asked about crops that no detector chose: of ten pictures one shows somebody."""
    face = render(head, sample_person(2, 11), Action(), Scene(), 64).image
    for path in (folder / "raw").glob("p*/*.png"):
        Image.fromarray(face if path.stem == "1" else np.full((64, 64, 3), 90, np.uint8)).save(path)
    for shard in range(SHARDS):
        cut(folder, shard, 0.0, size=64)
        assert not (folder / "left_out.json").exists()
        find_landmarks("fan-synthface", folder / f"frames/{shard}.arrow", folder / f"landmarks/{shard}.arrow")
        found = left_out_of_landmarks(folder, shard)
        assert found.seen == shard + 1
    told = read_json(folder / "left_out.json")
    assert (told["rows"], told["usable"], len(told["left_out"])) == (60, 6, 54)
    assert not any(item["key"].endswith("/1.png") for item in told["left_out"])
    with pytest.raises(
        DgError, match=r"54 of 60 pictures .*\(2 of 2 shards looked at\)(?s:.*)landmark network finds none"
    ):
        found.check(0.89)
    found.check(0.91)
    # Cut anew, a shard's landmarks are those of pictures that are no more.
    report = folder / "frames/0.json"
    write_json(report, json.loads(report.read_text()) | {"several": ["toy/p0/1.png"]})
    assert left_out_of_landmarks(folder, 1).seen == 1
