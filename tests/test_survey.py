"""What `python -m dg check DATASET` tells, against the steps that it speaks of."""

from __future__ import annotations

import json
import os
import shutil
from itertools import product

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dg import params
from dg.cli import main
from dg.datasets import rafd
from dg.datasets.manifest import make_manifest
from dg.errors import DgError
from dg.frames import extract_frames
from dg.params import load
from dg.protocols.pairs import draw_pairs
from dg.steps.data import frames_settings, manifest_settings, pairs_settings
from dg.steps.registry import step_settings
from dg.survey import survey
from tests.videos import write_video


@pytest.fixture
def folder(tmp_path, monkeypatch, shipped_file):
    shutil.copy(shipped_file, tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put_rafd(folder, people, skip=()):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 30, 3), dtype=np.uint8))
    raw = folder / "data/raw/rafd"
    raw.mkdir(parents=True)
    first = None
    for number, (person, angle, expression, gaze) in enumerate(
        product(people, rafd.ANGLES, rafd.EXPRESSIONS, rafd.GAZES)
    ):
        name = raw / f"Rafd{angle}_{person}_Caucasian_male_{expression}_{gaze}.jpg"
        if number not in skip:
            if first is None:
                picture.save(name)
            else:
                os.link(first, name)
            first = first or name


def told(folder, dataset, **benchmarks):
    values = load(folder / "params.yaml")
    return survey(values.model_copy(update={"benchmarks": values.benchmarks.model_copy(update=benchmarks)}), dataset)


def test_rafd_is_told_before_anything_runs(folder, capsys):
    put_rafd(folder, ["01", "02", "03"], skip=(7, 8))
    (folder / "data/raw/rafd/Thumbs.db").touch()
    (folder / "data/raw/rafd/me.jpg").touch()
    assert main(["check", "rafd"]) == 0
    out = capsys.readouterr().out
    assert "rafd: 359 pictures and videos, 358 of them taken: 358 faces of 3 people, train 3 people" in out
    assert "Can't be used: 1 files (me.jpg: the file name isn't RaFD's)." in out
    assert "Left out, neither picture nor video: .db: 1 (Thumbs.db)." in out
    assert "3 of 67 people, 358 of 8,040 pictures." in out
    assert "Missing: 7,682 (Rafd000_01_Caucasian_male_disgusted_left.jpg" in out
    assert "No benchmark of params.yaml is 'rafd'. If it were:\nRaFD: 60 pairs, 3 people as sources." in out
    assert "frames, landmarks, identity not known" in out
    assert not (folder / "data/sets").exists()


def test_it_draws_what_the_pairs_step_draws(folder):
    put_rafd(folder, ["01", "02", "03", "04"])
    values = load(folder / "params.yaml")
    make_manifest(manifest_settings(values, "rafd"), folder / "data/raw/rafd", folder / "m.parquet", 0.0)
    drawn = draw_pairs(pairs_settings(values, "RaFD"), pd.read_parquet(folder / "m.parquet"))
    assert f"RaFD: {len(drawn)} pairs, {drawn['subject'].nunique()} people as sources." in told(folder, "rafd")


def test_too_little_is_an_error_where_a_benchmark_wants_it(folder):
    put_rafd(folder, ["01"])
    assert "RaFD: too little data for its pairs" in told(folder, "rafd")
    with pytest.raises(DgError, match=r"(?s)1 people.*RaFD: too little data.*\nrafd: too little for RaFD, see above"):
        told(folder, "rafd", RaFD="rafd")


def test_what_the_manifest_refuses_is_refused(folder, capsys):
    (folder / "data/raw/mpie").mkdir(parents=True)
    for person in (1, 2):
        (folder / f"data/raw/mpie/{person:03}_01_01_051_07.png").touch()
    assert main(["check", "mpie"]) == 1
    assert "Here are 2, so 0 would be tested" in capsys.readouterr().err
    assert main(["check", "rafd"]) == 1
    assert "data/raw/rafd: no such folder" in capsys.readouterr().err
    assert main(["check", "nosuch"]) == 1
    assert "no data set 'nosuch' under datasets, only synth_rafd" in capsys.readouterr().err
    assert main(["check", "rafd", "-S", "seed=1"]) == 1
    assert "not both" in capsys.readouterr().err


def test_disk_is_as_much_as_the_step_takes(folder):
    put_rafd(folder, ["01", "02"])
    values = load(folder / "params.yaml")
    values.datasets["rafd"].__dict__["crop"] = "whole"
    values.datasets["rafd"].__dict__["shards"] = 1
    make_manifest(manifest_settings(values, "rafd"), folder / "data/raw/rafd", folder / "m.parquet", 0.0)
    raw, out = folder / "data/raw/rafd", folder / "frames/0.arrow"
    extract_frames(frames_settings(values, "rafd"), raw, folder / "m.parquet", 0, out, 0.0)
    (line,) = [line for line in told(folder, "rafd").splitlines() if line.startswith("Disk")]
    number, unit = line.removeprefix("Disk: faces ").split()[:2]
    assert unit == "MB" and float(number) * 1e6 == pytest.approx(out.stat().st_size, rel=0.01)
    assert "by the middle of 8 of its pictures, 128 px png" in line


def test_hours_are_by_jobs_of_the_same_values_alone(folder, monkeypatch):
    put_rafd(folder, ["01", "02"])
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    values = load(folder / "params.yaml")
    for shard, (seconds, changed) in enumerate([(50, {}), (70, {}), (1, {"size": 64})]):
        output = folder / f"data/sets/other/frames/{shard}.arrow"
        output.parent.mkdir(parents=True, exist_ok=True)
        output.touch()
        output.with_suffix(".json").write_text('{"rows": 100}')
        settings = frames_settings(values, "rafd").plain() | {"dataset": "other"} | changed
        timing = folder / f"logs/times/data/sets/other/frames/{shard}.arrow.jsonl"
        timing.parent.mkdir(parents=True, exist_ok=True)
        job = {"rule_name": "frames", "wildcards": {}, "params": {"job": json.dumps(settings)}, "input_size_mb": {}}
        timing.write_text(json.dumps(job | {"threads": 1, "s": seconds, "max_rss": 1}))
    # 240 pictures of 0.6 s on two cores are 72 s.
    lines = told(folder, "rafd").splitlines()
    assert (
        "Time: frames 0.02 hours on 2 cores (by 200 pictures that took 0.6 s each here, with the same values)." in lines
    )
    assert "Time: landmarks, identity not known: with these values none has run on this machine yet." in lines


def test_hours_of_the_codes_are_by_the_faces_that_have_landmarks(folder, monkeypatch):
    put_rafd(folder, ["01", "02"])
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    job = {"rule_name": "identity", "wildcards": {}, "input_size_mb": {}}
    job["params"] = {"job": json.dumps(step_settings(load(folder / "params.yaml"), "identity").plain())}
    written = {
        "logs/times/data/sets/other/identity/0.arrow.jsonl": job | {"threads": 1, "s": 60, "max_rss": 1},
        "data/sets/other/landmarks/0.json": {"faces": 100, "faceless": ["one"]},
        "data/sets/other/identity/0.arrow": {},
    }
    for name, content in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    assert "Time: identity 0.02 hours on 2 cores (by 100 pictures that took 0.6 s each here" in told(folder, "rafd")


def test_of_many_videos_some_are_opened_and_pairs_are_those_of_all(folder, monkeypatch):
    clip = write_video(folder / "clip.mp4", frames=25, rate=25, size=32)
    for person in range(1, 9):
        for number in range(6):
            part = "test" if person > 2 else "dev"
            path = folder / f"data/raw/voxceleb1/{part}/id{10000 + person}/v{number // 3}/{number}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(clip, path)
    values = load(folder / "params.yaml")
    values.datasets["voxceleb1"].__dict__["fps"] = 25.0
    raw = folder / "data/raw/voxceleb1"
    make_manifest(manifest_settings(values, "voxceleb1"), raw, folder / "m.parquet", 0.0)
    report = json.loads((folder / "m.json").read_text())
    assert report["rows"] == 8 * 6 * 25
    faces = pd.read_parquet(folder / "m.parquet")
    expected = [len(draw_pairs(pairs_settings(values, test), faces)) for test in ("VoxCeleb1", "VoxCeleb2")]
    monkeypatch.setattr("dg.survey.glance._OPENED", 4)
    monkeypatch.setattr("dg.survey._TRAINED", 1)
    said = survey(values, "voxceleb1")
    assert "48 of them taken: 1,200 faces of 8 people, test 6 people with 900 faces, train 2 people with 300" in said
    assert f"VoxCeleb1: {expected[0]} pairs" in said and f"VoxCeleb2: {expected[1]} pairs" in said
    (sentence,) = [line for line in said.splitlines() if "were opened" in line]
    assert 8 <= int(sentence.split()[0]) < 40


def test_every_kind_says_which_tests_it_is_for():
    from dg.survey.pairs import _OF_KIND
    from dg.tests import TESTS

    assert {test for tests in _OF_KIND.values() for test in tests} <= set(TESTS)
    assert set(_OF_KIND) <= set(params.Kind.__args__)


def test_whose_faces_are_cut_out_is_told_and_what_could_not_be(folder):
    album = "album: {kind: faces, crop: detect, shards: 1, max_broken: 0, fps: null}"
    text = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(text.replace("\ndatasets:\n", f"\ndatasets:\n  {album}\n"))
    for who in ("anna", "ben"):
        (folder / f"data/raw/album/{who}").mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / f"data/raw/album/{who}/1.png")
    said = told(folder, "album")
    assert "Of several faces in a picture that of the folder's person is cut out" in said and "cut last" not in said
    (folder / "data/sets/album").mkdir(parents=True)
    report = {"rows": 2, "usable": 1, "left_out": [{"key": "album/ben/1.png", "reason": "shows 2 faces, and so on"}]}
    report |= {"several_faces": [], "several_faces_known": ["album/anna/1.png"]}
    (folder / "data/sets/album/left_out.json").write_text(json.dumps(report))
    said = told(folder, "album")
    assert "1 of 2 pictures could be used. Of several faces the person's was told in 1, and in 0 taken by size" in said
    assert "Left out: 1\n  album/ben/1.png: shows 2 faces, and so on\n" in said
