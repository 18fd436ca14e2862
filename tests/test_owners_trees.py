"""Data sets as their owners ship them go through the steps, by found landmarks alone: no truth is told of them."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from dvc.utils.serialize import modify_yaml

from dg.datasets.manifest import make_manifest
from dg.files import read_json
from dg.frames import extract_frames
from dg.ground_truth import GroundTruth
from dg.landmarks.extract import find_landmarks
from dg.protocols.pairs import make_pairs
from dg.shards import LANDMARK_SCHEMA, FaceSet, read_shard, write_shard
from dg.steps.data import FramesSettings, ManifestSettings, PairsSettings
from dg.synthface import Scene
from tests.owners_trees import (
    lay_faces,
    lay_faces_of_voxceleb1,
    lay_mpie,
    lay_rafd,
    lay_videos_of_voxceleb1,
    painter,
)
from tests.repository import run, tiny_copy


@pytest.fixture(scope="module")
def shown(head):
    return painter(head)


def prepared(folder, kind, lay, shown, marked=None):
    """The set in `folder`/set, cut and marked: by the FAN, or, to spare its time, with a point where each crop is."""
    lay(folder / "raw", shown)
    out = folder / "set"
    settings = ManifestSettings(dataset="toy", kind=kind, fps=1, shards=1)
    make_manifest(settings, folder / "raw", out / "manifest.parquet", 0.0)
    frames = FramesSettings(dataset="toy", size=64, format="png", shards=1, detector=None)
    extract_frames(frames, folder / "raw", out / "manifest.parquet", 0, out / "frames/0.arrow", 0.0)
    if marked == "fan":
        find_landmarks("fan-synthface", out / "frames/0.arrow", out / "landmarks/0.arrow")
        return out
    keys = read_shard(out / "frames/0.arrow").column("key").to_pylist()
    columns = {"key": keys, "points": np.full((len(keys), 204), 0.5), "visible": np.ones((len(keys), 68), bool)}
    columns |= {"score": np.ones(len(keys)), "pose": np.zeros((len(keys), 6))}
    write_shard(out / "landmarks/0.arrow", LANDMARK_SCHEMA, columns)
    return out


def pairs_of(folder, test, **sizes):
    out = folder / f"pairs/{test}.parquet"
    make_pairs(PairsSettings(test=test, seed=0, max_pairs=None, **sizes), [folder], out)
    return pd.read_parquet(out)


def test_rafd_is_marked_by_the_fan_and_paired(tmp_path, shown):
    folder = prepared(tmp_path, "rafd", lay_rafd, shown, "fan")
    faces = FaceSet([folder])
    assert len(faces) == 18 and read_json(folder / "landmarks/0.json")["faceless"] == []
    pairs = pairs_of(folder, "RaFD", references=3)
    assert len(pairs) == 9 and (pairs["target"] != "").all()
    for pair in pairs.itertuples():
        source, reference, target = (pair.source.split("_"), pair.reference.split("_"), pair.target.split("_"))
        assert target[1] == source[1] != reference[1] and source[4] == "neutral"
        assert (target[0], target[4]) == (reference[0], reference[4])


def test_mpie_is_paired_frontal_with_profiles(tmp_path, shown):
    folder = prepared(tmp_path, "mpie", lay_mpie, shown)
    table = FaceSet([folder]).table
    assert table.groupby("split")["subject"].unique().map(sorted).to_dict() == {
        "train": ["001", "002"],
        "test": ["003", "004"],
    }
    pairs = pairs_of(folder, "MPIE_LP", references=3)
    assert len(pairs) == 6 and (pairs["source_yaw"] == 0).all() and (pairs["reference_yaw"].abs() > 60).all()
    assert all(pair.target.split("_")[-4] == pair.reference.split("_")[-4] for pair in pairs.itertuples())
    assert len(pairs_of(folder, "MPIE", references=3)) == 6


@pytest.mark.parametrize("lay", [lay_faces_of_voxceleb1, lay_videos_of_voxceleb1])
def test_voxceleb1_is_paired_by_video(tmp_path, shown, lay):
    folder = prepared(tmp_path, "voxceleb", lay, shown)
    faces = FaceSet([folder])
    assert len(faces) == 24
    tuned = pairs_of(folder, "VoxCeleb1", videos=2, tuning=3, vox1_frames=2)
    assert len(tuned) == 4 and (tuned["subject"] == tuned["reference_subject"]).all()
    # In the order in which they were filmed, and never one that is tuned on.
    frames = faces.table.set_index("key")["frame"]
    for pair in tuned.itertuples():
        order = [frames[key] for key in pair.tuning]
        assert order == sorted(order) and pair.reference not in pair.tuning and pair.source in pair.tuning
    assert len(pairs_of(folder, "VoxCeleb2", videos=2, vox_frames=2)) == 4


def test_folders_of_people_are_cut_and_split(tmp_path, shown):
    folder = prepared(tmp_path, "faces", lay_faces, shown)
    table = FaceSet([folder], "test").table
    assert sorted(table["subject"].unique()) == ["carl", "dora"] and len(FaceSet([folder], "train")) == 6
    assert (GroundTruth(table).rows([0], [3]) == -1).all()


def test_owners_sets_go_through_to_table_4(tmp_path, head):
    """Pictures of more than the face, so that the shipped detector finds what is cut; as few jobs and steps as do."""
    scene, size = Scene(scale=0.5, shift=(0.1, 0.05)), 128
    shown = painter(head, size, scene)
    folder = tiny_copy(tmp_path / "repository")
    with modify_yaml(folder / "params.yaml") as values:
        values["benchmarks"] = {test: test.lower() for test in ("VoxCeleb1", "VoxCeleb2", "RaFD", "MPIE")}
        for network in ("idsg", "rfg"):
            values["scales"]["tiny"][network].update(self_steps=2, cross_steps=2)
        values["methods"] = {"ground_truth": {**values["methods"]["ground_truth"], "tests": ["RaFD"]}}
    people = {"rafd": 3, "mpie": 4, "voxceleb1": 4, "voxceleb2": 4}
    laid = {}
    for name, lay in zip(people, (lay_rafd, lay_mpie, lay_faces_of_voxceleb1, lay_videos_of_voxceleb1), strict=True):
        lay(folder / "data/raw" / name, shown)
        laid[name] = sum(path.is_file() for path in (folder / "data/raw" / name).rglob("*"))
    checked = run(folder, sys.executable, "-m", "dg", "check", *people)
    run(folder, "snakemake", "--cores", "1", "--", "results/table4.csv", warm=True)
    assert not (folder / "data/synthface").exists()
    for name, count in people.items():
        faces = laid[name] * (6 if name == "voxceleb2" else 1)
        told = f"{name}: {laid[name]} pictures and videos, {laid[name]} of them taken: {faces} faces of {count} people"
        assert told in checked
        here = folder / "data/sets" / name
        assert len(FaceSet([here])) == faces and read_json(here / "left_out.json")["left_out"] == []
        assert read_json(here / "frames/0.json")["detector"]["name"] == "yunet"
        # As the scene has the face in the picture.
        boxes = np.array(read_shard(here / "frames/0.arrow").column("box").to_pylist())
        assert np.allclose(boxes[:, 2:] - boxes[:, :2], scene.scale * size, rtol=0.15)
        assert np.allclose((boxes[:, 2:] + boxes[:, :2]) / 2, size * (0.5 + np.array(scene.shift)), atol=0.05 * size)
    table = pd.read_csv(folder / "results/table4.csv").set_index(["method", "test"])
    ours = table.loc["dg"]
    assert sorted(ours.index) == ["MPIE", "MPIE_LP", "RaFD", "VoxCeleb2"]
    assert all(f"{test}: {pairs:.0f} pairs" in checked for test, pairs in ours["pairs"].items())
    assert ours[["csim", "fid", "landmark_error_fl"]].notna().all(axis=None)
    assert table.loc[("ground_truth", "RaFD"), "ssim"] == pytest.approx(1)
