"""Data sets as their owners ship them go through the steps, by found landmarks alone: no truth is told of them.

`DG_SLOW=1 pytest tests/test_owners_trees.py` runs the whole pipeline on three of them, to Table 4, which takes minutes.
"""

from __future__ import annotations

import os
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


@pytest.mark.skipif("DG_SLOW" not in os.environ, reason="takes minutes: DG_SLOW=1 runs it")
def test_owners_sets_go_through_to_table_4(tmp_path, shown):
    folder = tiny_copy(tmp_path / "repository")
    with modify_yaml(folder / "params.yaml") as values:
        values["benchmarks"] = {
            "VoxCeleb1": "voxceleb1",
            "VoxCeleb2": "voxceleb1",
            "RaFD": "rafd",
            "MPIE": "mpie",
        }
        for name in ("rafd", "mpie", "voxceleb1"):
            values["datasets"][name]["crop"] = "whole"
    for name, lay in {"rafd": lay_rafd, "mpie": lay_mpie, "voxceleb1": lay_faces_of_voxceleb1}.items():
        lay(folder / "data/raw" / name, shown)
    told = run(folder, sys.executable, "-m", "dg", "check", "rafd", "mpie", "voxceleb1")
    assert "MPIE_LP: 6 pairs, 2 people as sources." in told
    run(folder, "snakemake", "--cores", "1", "--", "results/table4.csv")
    assert not (folder / "data/synthface").exists()
    for name, faces in {"rafd": 18, "mpie": 20, "voxceleb1": 24}.items():
        assert len(FaceSet([folder / "data/sets" / name])) == faces
    table = pd.read_csv(folder / "results/table4.csv")
    ours = table[table["method"] == "dg"].set_index("test")
    assert sorted(ours.index) == ["MPIE", "MPIE_LP", "RaFD", "VoxCeleb2"]
    assert ours.loc["RaFD", "pairs"] == 8 and ours["csim"].notna().all()
