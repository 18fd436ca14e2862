"""SynthFace's data sets on disk."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from dg.errors import DgError
from dg.synthface import make as maker
from dg.synthface import make_set
from dg.synthface.sets import SETS, planned
from dg.synthface.sets.mpie import POSES
from dg.synthface.video import write_video

SMALL = {
    "synth_rafd": {"people": 1, "size": 16},
    "synth_mpie": {"train_people": 1, "test_people": 1, "expressions": ["neutral"], "size": 16},
    "synth_vox": {"train_people": 1, "test_people": 1, "clips": 2, "seconds": 0.2, "size": 32},
    "synth_people": {"people": 3, "pictures": 2, "size": 32},
}


def _files(folder):
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


@pytest.mark.parametrize("name", ["synth_people", "synth_vox"])
def test_one_and_two_processes_make_the_same_bytes(tmp_path, head_file, name):
    for workers in (1, 2):
        make_set(name, tmp_path / str(workers), head_file, SMALL[name], workers)
    one, two = _files(tmp_path / "1"), _files(tmp_path / "2")
    assert one == two
    assert not [f for f in one if f.endswith(".tmp") or ".rows" in f]


def test_index_and_tags_of_pictures(tmp_path, head_file):
    from PIL import Image

    make_set("synth_mpie", tmp_path, head_file, SMALL["synth_mpie"])
    index = pd.read_parquet(tmp_path / "index.parquet")
    assert len(index) == 2 * 15
    assert index.groupby("subject").split.nunique().eq(1).all()
    assert set(index.split) == {"train", "test"}
    assert sorted(index[index.subject == "m000"].yaw) == sorted([*range(-90, 91, 15), -45, 45])
    assert index.landmarks.map(len).eq(204).all()
    assert index.visible.map(len).eq(68).all()
    assert np.stack(index.landmarks).dtype == np.float32
    picture = Image.open(tmp_path / index.path[0])
    assert picture.size == (16, 16)
    assert picture.text["Source"] == "synthetic: SynthFace"
    assert "no real person" in (tmp_path / "README.txt").read_text()


def test_videos_have_their_frames_and_tag(tmp_path, head_file):
    import av

    make_set("synth_vox", tmp_path, head_file, SMALL["synth_vox"])
    index = pd.read_parquet(tmp_path / "index.parquet")
    assert sorted(index["clip"].unique()) == ["v000_00", "v000_01", "v001_00", "v001_01"]
    assert index.groupby("clip").frame.apply(list).map(lambda f: f == list(range(5))).all()
    assert index[index.subject == "v001"].split.eq("test").all()
    with av.open(str(tmp_path / index.path[0])) as video:
        assert video.metadata["comment"] == "synthetic: SynthFace"
        assert video.streams.video[0].average_rate == 25
        assert len(list(video.decode(video=0))) == 5


def test_the_same_pictures_give_the_same_video(tmp_path):
    rng = np.random.default_rng(0)
    wall = np.cumsum(np.cumsum(rng.normal(0, 3, (84, 84, 3)), 0), 1)
    wall = (255 * (wall - wall.min()) / np.ptp(wall)).astype(np.uint8)
    pictures, seen = [wall[k : k + 64, k : k + 64] for k in range(10)], set()
    for k in range(25):
        # Memory that others used before: an encoder that reads some of it unasked shows here.
        used = [rng.bytes(rng.integers(1, 200_000)) for _ in range(20)]
        write_video(tmp_path / "other.mp4", rng.integers(0, 255, (3, 64, 64, 3), np.uint8), 64, 25, 1 + k, "")
        del used
        write_video(tmp_path / "one.mp4", pictures, 64, 25, 23, "a comment")
        seen.add((tmp_path / "one.mp4").read_bytes())
    assert len(seen) == 1


def test_rafd_is_all_train_and_complete():
    made = planned("synth_rafd", {"people": 2, "gazes": ["frontal", "left"]})
    plan = [shot for job in made.jobs() for shot in made.shots(job)]
    assert len(plan) == 2 * 8 * 2 * 5
    assert {s.split for s in plan} == {"train"}
    assert len({s.path for s in plan}) == len(plan)


def test_mpie_takes_numbers_of_expressions_and_lights():
    made = planned("synth_mpie", {"expressions": 4, "lights": 5})
    assert made.expressions == ("neutral", "smile", "surprise", "squint")
    assert len(made.lights) == 5
    plan = made.shots(made.jobs()[0])
    assert len({s.path for s in plan}) == len(plan) == len(POSES) * 4 * 5
    with pytest.raises(DgError, match="lights is 9"):
        planned("synth_mpie", {"lights": 9})


def test_no_two_sets_share_a_person():
    people, subjects = [], []
    for name in SETS:
        for seed in (0, 1):
            all_jobs = planned(name, {"seed": seed}).jobs()
            people.append({job.person[1] for job in all_jobs})
            subjects.append({job.subject for job in all_jobs})
    for i in range(len(people)):
        for k in range(i):
            if i // 2 != k // 2:
                assert not people[i] & people[k]
                assert not subjects[i] & subjects[k]


def test_grid_is_every_combination():
    made = planned("synth_grid", {"people": 2, "yaws": [-10, 40], "pitches": [0, 12.5], "gazes": ["frontal", "left"]})
    plan = [shot for job in made.jobs() for shot in made.shots(job)]
    assert len({s.path for s in plan}) == len(plan) == 2 * 2 * 2 * 2 * 2  # the last: neutral and happiness
    assert {(s.action.yaw, s.action.pitch) for s in plan} == {(-10, 0), (-10, 12.5), (40, 0), (40, 12.5)}
    with pytest.raises(DgError, match=r"yaws has 120; it must be in -90"):
        planned("synth_grid", {"yaws": [120]})


def test_hand_held_clips_shake_a_little_and_landmarks_follow():
    made = planned("synth_vox", {"train_people": 8, "test_people": 0, "clips": 1, "seconds": 2})
    shifts = [np.array([shot.scene.shift for shot in made.shots(job)]) for job in made.jobs()]
    spread = np.array([shift.std(0).max() for shift in shifts])
    still = spread < 1e-9
    assert 1 <= still.sum() <= 7  # some stand on a tripod
    assert (spread < 0.02).all() and (spread[~still] > 0.001).all()
    assert max(np.abs(np.diff(shift, axis=0)).max() for shift in shifts) < 0.01  # smooth from frame to frame


def test_other_settings_do_not_mix_in(tmp_path, head_file):
    make_set("synth_people", tmp_path, head_file, {"people": 1, "pictures": 1, "size": 16})
    before = _files(tmp_path)
    with pytest.raises(DgError, match=r"seed: 0 there, 1 now.*Delete the folder"):
        make_set("synth_people", tmp_path, head_file, {"people": 1, "pictures": 1, "size": 16, "seed": 1})
    assert _files(tmp_path) == before


def test_bad_settings_are_named(tmp_path, head_file):
    with pytest.raises(DgError, match="peeple"):
        make_set("synth_people", tmp_path, head_file, {"peeple": 1})
    with pytest.raises(DgError, match="synth_rafd"):
        make_set("synth_cats", tmp_path, head_file, {})
    with pytest.raises(DgError, match="lights"):
        make_set("synth_mpie", tmp_path, head_file, {"lights": ["moon"]})
    assert not list(tmp_path.iterdir())


def test_goes_on_after_a_kill(tmp_path, head_file, monkeypatch):
    settings = {"people": 2, "pictures": 3, "size": 16}
    make_set("synth_people", tmp_path / "whole", head_file, settings)
    real, count = maker.render, []

    def killed(*args):
        count.append(1)
        if len(count) == 5:  # in the middle of the second person
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(maker, "render", killed)
    with pytest.raises(KeyboardInterrupt):
        make_set("synth_people", tmp_path / "cut", head_file, settings)
    assert not (tmp_path / "cut" / "index.parquet").exists()
    kept = {f: f.stat().st_mtime_ns for f in (tmp_path / "cut").rglob("*.png")}
    assert len(kept) == 4
    make_set("synth_people", tmp_path / "cut", head_file, settings)
    assert len(count) == 5 + 2  # only what was missing
    assert all(f.stat().st_mtime_ns == t for f, t in kept.items())
    assert _files(tmp_path / "cut") == _files(tmp_path / "whole")


def test_a_whole_set_is_left_alone(tmp_path, head_file, monkeypatch):
    settings = {"people": 1, "pictures": 1, "size": 16}
    make_set("synth_people", tmp_path, head_file, settings)
    monkeypatch.setattr(maker, "_run", lambda *a: pytest.fail("made again"))
    make_set("synth_people", tmp_path, head_file, settings)
    assert json.loads((tmp_path / "parameters.json").read_text())["settings"]["people"] == 1


def test_progress_is_quiet_without_a_terminal(tmp_path, head_file):
    code = (
        "from pathlib import Path; from dg.synthface import make_set;"
        f"make_set('synth_people', Path({str(tmp_path)!r}), Path({str(head_file)!r}), dict(people=1, size=16))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout == ""


def test_the_pipeline_replaces_a_set_made_otherwise(tmp_path, head_file):
    settings = {"people": 1, "pictures": 1, "size": 16}
    make_set("synth_people", tmp_path, head_file, settings, code="a")
    make_set("synth_people", tmp_path, head_file, {**settings, "pictures": 2}, code="b", replace=True)
    assert len(pd.read_parquet(tmp_path / "index.parquet")) == 2
    with pytest.raises(DgError, match="code: 'b' there, 'c' now"):
        make_set("synth_people", tmp_path, head_file, {**settings, "pictures": 2}, code="c")


def test_a_kill_while_a_set_is_replaced_leaves_no_half_of_it(tmp_path, head_file, monkeypatch):
    settings, out = {"people": 1, "pictures": 2, "size": 16}, tmp_path / "set"
    make_set("synth_people", out, head_file, settings)
    (out / "recipe-of-seed-0").touch()
    expected = _files(out)

    def killed(folder, **_):
        if folder.exists():
            next(folder.rglob("*.png")).unlink()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(maker.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            make_set("synth_people", out, head_file, {**settings, "seed": 1}, replace=True)
    assert list(out.iterdir()) == []
    make_set("synth_people", out, head_file, {**settings, "seed": 1}, replace=True)
    make_set("synth_people", out, head_file, settings, replace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    del expected["recipe-of-seed-0"]
    assert _files(out) == expected
