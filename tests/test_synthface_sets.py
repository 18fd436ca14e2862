"""SynthFace's data sets on disk."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from dg.errors import DgError
from dg.steps.data import SynthfaceSettings
from dg.synthface import SynthGrid, SynthMpie, SynthPeople, SynthRafd, SynthVox, make_set, sized
from dg.synthface import make as maker
from dg.synthface.sets import SETS, planned
from dg.synthface.sets.mpie import POSES
from dg.synthface.video import write_video

MPIE_OF_TWO = SynthMpie(train_people=1, test_people=1, expressions=("neutral",), size=16)
CLIPS = SynthVox(train_people=1, test_people=1, clips=2, seconds=0.2, size=32)
ONE = SynthPeople(people=1, pictures=1, size=16)


def _files(folder):
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


@pytest.mark.parametrize("plan", [SynthPeople(people=3, pictures=2, size=32), CLIPS], ids=lambda plan: plan.name)
def test_one_and_two_processes_make_the_same_bytes(tmp_path, head_file, plan):
    for workers in (1, 2):
        make_set(plan, tmp_path / str(workers), head_file, workers)
    one, two = _files(tmp_path / "1"), _files(tmp_path / "2")
    assert one == two
    assert not [f for f in one if f.endswith(".tmp") or ".rows" in f]


def test_index_and_tags_of_pictures(tmp_path, head_file):
    from PIL import Image

    make_set(MPIE_OF_TWO, tmp_path, head_file)
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
    assert "digitalsourcetype/algorithmicMedia<" in picture.text["XML:com.adobe.xmp"]
    assert "no real person" in (tmp_path / "README.txt").read_text()


def test_videos_have_their_frames_and_tag(tmp_path, head_file):
    import av

    make_set(CLIPS, tmp_path, head_file)
    index = pd.read_parquet(tmp_path / "index.parquet")
    assert sorted(index["clip"].unique()) == ["v000_00", "v000_01", "v001_00", "v001_01"]
    assert index.groupby("clip").frame.apply(list).map(lambda f: f == list(range(5))).all()
    assert index[index.subject == "v001"].split.eq("test").all()
    with av.open(str(tmp_path / index.path[0])) as video:
        assert video.metadata["comment"] == "synthetic: SynthFace"
        assert video.streams.video[0].average_rate == 25
        assert len(list(video.decode(video=0))) == 5
    assert b"digitalsourcetype/algorithmicMedia<" in (tmp_path / index.path[0]).read_bytes()


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
    made = SynthRafd(people=2, gazes=("frontal", "left"))
    plan = [shot for job in made.jobs() for shot in made.shots(job)]
    assert len(plan) == 2 * 8 * 2 * 5
    assert {s.split for s in plan} == {"train"}
    assert len({s.path for s in plan}) == len(plan)


def test_params_yaml_counts_expressions_and_lights():
    sizes = {"train_people": 2, "test_people": 3, "expressions": 4, "lights": 5}
    made = sized(SynthfaceSettings(set="synth_mpie", seed=7, size=64, sizes=sizes))
    lights = ("frontal", "left", "right", "top", "room")
    assert made.expressions == ("neutral", "smile", "surprise", "squint") and made.lights == lights
    assert (made.count, made.seed, made.size) == (5, 7, 64)
    plan = made.shots(made.jobs()[0])
    assert len({s.path for s in plan}) == len(plan) == len(POSES) * 4 * 5


@pytest.mark.parametrize(
    ("made", "sizes"),
    [
        (SynthRafd(people=3, seed=1, size=32), {"people": 3}),
        (
            SynthVox(train_people=4, test_people=2, clips=3, seconds=1.5, fps=5, seed=1, size=32),
            {"train_people": 4, "test_people": 2, "clips": 3, "seconds": 1.5, "fps": 5},
        ),
    ],
    ids=["synth_rafd", "synth_vox"],
)
def test_a_set_is_rendered_in_the_sizes_of_params_yaml(made, sizes):
    assert sized(SynthfaceSettings(set=made.name, seed=1, size=32, sizes=sizes)) == made


def test_no_two_sets_share_a_person():
    people, subjects = [], []
    for name in SETS:
        for seed in (0, 1):
            all_jobs = SETS[name](seed=seed).jobs()
            people.append({job.person[1] for job in all_jobs})
            subjects.append({job.subject for job in all_jobs})
    for i in range(len(people)):
        for k in range(i):
            if i // 2 != k // 2:
                assert not people[i] & people[k]
                assert not subjects[i] & subjects[k]


def test_grid_is_every_combination():
    made = SynthGrid(people=2, yaws=(-10, 40), pitches=(0, 12.5), gazes=("frontal", "left"))
    plan = [shot for job in made.jobs() for shot in made.shots(job)]
    assert len({s.path for s in plan}) == len(plan) == 2 * 2 * 2 * 2 * 2  # the last: neutral and happiness
    assert {(s.action.yaw, s.action.pitch) for s in plan} == {(-10, 0), (-10, 12.5), (40, 0), (40, 12.5)}


def test_hand_held_clips_shake_a_little_and_landmarks_follow():
    made = SynthVox(train_people=8, test_people=0, clips=1, seconds=2)
    shifts = [np.array([shot.scene.shift for shot in made.shots(job)]) for job in made.jobs()]
    spread = np.array([shift.std(0).max() for shift in shifts])
    still = spread < 1e-9
    assert 1 <= still.sum() <= 7  # some stand on a tripod
    assert (spread < 0.02).all() and (spread[~still] > 0.001).all()
    assert max(np.abs(np.diff(shift, axis=0)).max() for shift in shifts) < 0.01  # smooth from frame to frame


def test_other_settings_do_not_mix_in(tmp_path, head_file):
    make_set(ONE, tmp_path, head_file)
    before = _files(tmp_path)
    with pytest.raises(DgError, match=r"seed: 0 there, 1 now.*Delete the folder"):
        make_set(SynthPeople(people=1, pictures=1, size=16, seed=1), tmp_path, head_file)
    assert _files(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("synth_people", {"peeple": 1}, "synth_people: .*peeple: unknown key, did you mean 'people'"),
        ("synth_cats", {}, "'synth_cats'; there are synth_rafd"),
        ("synth_mpie", {"lights": ["moon"]}, r"lights\.0: Input should be 'frontal', .* \(got 'moon'\)"),
        ("synth_grid", {"yaws": [0, 120]}, r"yaws\.1: Input should be less than or equal to 90 \(got 120\)"),
        ("synth_vox", {"size": 33}, r"size: Input should be a multiple of 2 \(got 33\)"),
        ("synth_vox", {"seconds": 0.01}, "0.01 s at 25 fps is no frame at all"),
    ],
)
def test_bad_settings_are_named(name, values, message):
    with pytest.raises(DgError, match=f"(?s){message}"):
        planned(name, values)


def test_goes_on_after_a_kill(tmp_path, head_file, monkeypatch):
    plan = SynthPeople(people=2, pictures=3, size=16)
    make_set(plan, tmp_path / "whole", head_file)
    real, count = maker.render, []

    def killed(*args):
        count.append(1)
        if len(count) == 5:  # in the middle of the second person
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(maker, "render", killed)
    with pytest.raises(KeyboardInterrupt):
        make_set(plan, tmp_path / "cut", head_file)
    assert not (tmp_path / "cut" / "index.parquet").exists()
    kept = {f: f.stat().st_mtime_ns for f in (tmp_path / "cut").rglob("*.png")}
    assert len(kept) == 4
    make_set(plan, tmp_path / "cut", head_file)
    assert len(count) == 5 + 2  # only what was missing
    assert all(f.stat().st_mtime_ns == t for f, t in kept.items())
    assert _files(tmp_path / "cut") == _files(tmp_path / "whole")


def test_a_whole_set_is_left_alone(tmp_path, head_file, monkeypatch):
    make_set(ONE, tmp_path, head_file)
    monkeypatch.setattr(maker, "_run", lambda *a: pytest.fail("made again"))
    make_set(ONE, tmp_path, head_file)
    assert json.loads((tmp_path / "parameters.json").read_text())["settings"]["people"] == 1


def test_progress_is_quiet_without_a_terminal(tmp_path, head_file):
    code = (
        "from pathlib import Path; from dg.synthface import SynthPeople, make_set;"
        f"make_set(SynthPeople(people=1, size=16), Path({str(tmp_path)!r}), Path({str(head_file)!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout == ""


def test_the_pipeline_replaces_a_set_made_otherwise(tmp_path, head_file):
    two = SynthPeople(people=1, pictures=2, size=16)
    make_set(ONE, tmp_path, head_file, code="a")
    make_set(two, tmp_path, head_file, code="b", replace=True)
    assert len(pd.read_parquet(tmp_path / "index.parquet")) == 2
    with pytest.raises(DgError, match="code: 'b' there, 'c' now"):
        make_set(two, tmp_path, head_file, code="c")


def test_a_kill_while_a_set_is_replaced_leaves_no_half_of_it(tmp_path, head_file, monkeypatch):
    plan, out = SynthPeople(people=1, pictures=2, size=16), tmp_path / "set"
    other = SynthPeople(people=1, pictures=2, size=16, seed=1)
    make_set(plan, out, head_file)
    (out / "recipe-of-seed-0").touch()
    expected = _files(out)

    def killed(folder, **_):
        if folder.exists():
            next(folder.rglob("*.png")).unlink()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(maker.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            make_set(other, out, head_file, replace=True)
    assert list(out.iterdir()) == []
    make_set(other, out, head_file, replace=True)
    make_set(plan, out, head_file, replace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    del expected["recipe-of-seed-0"]
    assert _files(out) == expected
