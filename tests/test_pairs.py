import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dg.errors import DgError
from dg.protocols.pairs import draw_pairs, make_pairs
from dg.protocols.rules import PAIR_COLUMNS, subset
from tests.prepared import disk_is_full, face_table, left_in, prepare

ACTION, SETTING = ["yaw", "pitch", "expression", "gaze"], ["light", "session"]


def options(benchmark, seed=0, references=5, vox_frames=4, max_pairs=None, **more):
    return more | {
        "benchmark": benchmark,
        "seed": seed,
        "references": references,
        "vox_frames": vox_frames,
        "max_pairs": max_pairs,
    }


@st.composite
def face_tables(draw):
    """Complete sets of at least two people with some pictures missing and some people in the training part."""
    lights = draw(st.sampled_from([("a",), ("a", "b")]))
    table = face_table(draw(st.integers(2, 5)), lights=lights)
    seed = draw(st.integers(0, 99))
    rng = np.random.default_rng(seed)
    kept = table[rng.uniform(size=len(table)) > draw(st.sampled_from([0, 0.2, 0.5]))].copy()
    kept.loc[kept["subject"].isin(draw(st.sampled_from([[], ["p0"]]))), "split"] = "train"
    return kept.sample(frac=1, random_state=seed)


def clip_table(people, clips, frames, split="test", utterances=1):
    """Videos as in VoxCeleb: `clips` a person, each a session of `utterances` clips; 0: clips without a session."""
    rows = [
        {
            "key": f"toy/p{p}/{c}/{u}.mp4#{f}",
            "subject": f"p{p}",
            "clip": f"p{p}/{c}/{u}",
            "frame": f,
            "split": split,
            "yaw": np.nan,
            "pitch": np.nan,
            **dict.fromkeys(["path", "expression", "gaze", "light"], ""),
            # One person's video is named like another's: a session is a video of one person.
            "session": f"v{c}" if utterances else "",
        }
        for p in range(people)
        for c in range(clips)
        for u in range(max(1, utterances))
        for f in range(frames)
    ]
    return pd.DataFrame(rows)


def drawn(faces, **which):
    """The pairs, or None where the data are said to be too few."""
    try:
        return draw_pairs(options(**which), faces)
    except DgError as error:
        if "too little data" not in str(error):
            raise
        return None


def looked_up(faces, pairs):
    faces = faces.set_index("key")
    return faces.loc[pairs["source"]], faces.loc[pairs["reference"]]


def hold_to_common_rules(faces, pairs):
    assert tuple(pairs.columns) == PAIR_COLUMNS
    assert pairs["subject"].nunique() >= 2
    sources, references = looked_up(faces, pairs)
    assert sources["subject"].tolist() == pairs["subject"].tolist()
    assert references["subject"].tolist() == pairs["reference_subject"].tolist()
    assert (pairs["subject"] != pairs["reference_subject"]).all()
    assert not pairs.duplicated(["subject", "reference"]).any()
    np.testing.assert_array_equal(sources["yaw"], pairs["source_yaw"])
    np.testing.assert_array_equal(references["yaw"], pairs["reference_yaw"])
    assert (pairs["source"] != pairs["target"]).all()


def hold_targets_to_their_rule(faces, pairs):
    """A target is the one picture of the source's subject that fits, and there is one whenever one exists."""
    wanted = faces.set_index(["subject", *ACTION, *SETTING])["key"].to_dict()
    sources, references = looked_up(faces, pairs)
    for pair, source, reference in zip(pairs.itertuples(), sources.itertuples(), references.itertuples()):
        fitting = (pair.subject, *(getattr(reference, n) for n in ACTION), *(getattr(source, n) for n in SETTING))
        assert pair.target == wanted.get(fitting, "")


@given(face_tables(), st.integers(0, 3), st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_rafd_lists_follow_their_rules(faces, seed, references):
    pairs = drawn(faces, benchmark="RaFD", seed=seed, references=references)
    if pairs is None:
        return
    hold_to_common_rules(faces, pairs)
    hold_targets_to_their_rule(faces, pairs)
    sources, _ = looked_up(faces, pairs)
    assert (sources["expression"] == "neutral").all()
    assert (sources["yaw"].abs() < 30).all()
    assert (pairs.groupby("subject")["source"].nunique() == 1).all()
    for subject, count in pairs["subject"].value_counts().items():
        others = (faces["subject"] != subject).sum()
        # At most one picture of each other person shows what the source shows.
        assert min(references, others - 4 * 2) <= count <= references


@given(face_tables(), st.integers(0, 3), st.integers(1, 30), st.booleans())
@settings(max_examples=40, deadline=None)
def test_mpie_lists_follow_their_rules(faces, seed, references, large_pose):
    benchmark = "MPIE_LP" if large_pose else "MPIE"
    pairs = drawn(faces, benchmark=benchmark, seed=seed, references=references)
    if pairs is None:
        return
    hold_to_common_rules(faces, pairs)
    hold_targets_to_their_rule(faces, pairs)
    sources, picked = looked_up(faces, pairs)
    assert (sources["split"] == "test").all()
    assert (picked["split"] == "test").all()
    if large_pose:
        assert (pairs["source_yaw"].abs() < 30).all()
        assert (pairs["reference_yaw"].abs() > 60).all()
    assert pairs["subject"].value_counts().max() <= references
    # A pair goes without ground truth only where no allowed source has one.
    test = faces[faces["split"] == "test"]
    for pair, reference in zip(pairs.itertuples(), picked.itertuples()):
        if not pair.target:
            own = test[test["subject"] == pair.subject]
            same = (own[ACTION] == [getattr(reference, name) for name in ACTION]).all(axis=1)
            allowed = own[own["yaw"].abs() < 30] if large_pose else own
            shared = allowed.merge(own[same], on=SETTING)
            assert (shared["key_x"] == shared["key_y"]).all()


def test_a_reference_that_no_source_fits_is_replaced():
    """p0 has one picture: two of the others' twenty show just that. p1 and p2 have eleven references, which all fit."""
    faces = face_table(3)
    faces = faces[(faces["subject"] != "p0") | (faces["key"] == "toy/p0/happy_+45_a.png")]
    for seed in range(5):
        pairs = draw_pairs(options("MPIE", seed=seed, references=11), faces)
        assert pairs["subject"].value_counts().to_dict() == {"p0": 11, "p1": 11, "p2": 11}


@given(st.integers(1, 6), st.integers(1, 12), st.integers(1, 9), st.integers(0, 3), st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_voxceleb2_lists_follow_their_rules(people, clips, frames, seed, vox_frames):
    faces = pd.concat([clip_table(people, clips, frames), clip_table(9, 2, 3, split="train").tail(3)])
    pairs = drawn(faces, benchmark="VoxCeleb2", seed=seed, vox_frames=vox_frames)
    if people < 2:
        assert pairs is None
        return
    assert (pairs["subject"] != pairs["reference_subject"]).all()
    assert (pairs["target"] == "").all()
    sources, references = looked_up(faces, pairs)
    assert (sources["split"] == "test").all()
    videos = sources.assign(driving=references["clip"].to_numpy(), frame_of_reference=references["frame"].to_numpy())
    per_video = videos.groupby("clip")
    assert len(per_video) == min(50, people * clips)
    assert (per_video.size() == min(vox_frames, frames)).all()
    assert (per_video["driving"].nunique() == 1).all()
    assert (per_video["frame"].nunique() == 1).all()
    assert per_video["frame_of_reference"].apply(lambda f: f.is_monotonic_increasing and f.is_unique).all()
    used = videos.groupby("subject")["clip"].nunique()
    assert used.max() - used.min() <= 1


@given(
    st.integers(1, 5), st.integers(1, 12), st.integers(1, 12), st.integers(1, 6), st.integers(1, 6), st.integers(0, 3)
)
@settings(max_examples=60, deadline=None)
def test_voxceleb1_never_tests_on_a_frame_it_tunes_on(people, clips, frames, tuning, tested, seed):
    faces = pd.concat([clip_table(people, clips, frames), clip_table(9, 2, 30, split="train").tail(30)])
    pairs = drawn(faces, benchmark="VoxCeleb1", seed=seed, tuning=tuning, vox1_frames=tested)
    if people < 2 or frames < tuning + tested:
        assert pairs is None
        return
    assert tuple(pairs.columns) == (*PAIR_COLUMNS, "tuning")
    # Self-reenactment: the person itself, and the frame that is asked for is the truth.
    assert (pairs["subject"] == pairs["reference_subject"]).all()
    assert (pairs["reference"] == pairs["target"]).all()
    sources, references = looked_up(faces, pairs)
    assert (sources["clip"].to_numpy() == references["clip"].to_numpy()).all()
    assert (sources["split"] == "test").all()
    videos = pairs.assign(clip=sources["clip"].to_numpy()).groupby("clip", sort=False)
    assert len(videos) == min(50, people * clips)
    for clip, video in videos:
        keys = set(video["tuning"].iloc[0])
        assert len(keys) == tuning and all(set(some) == keys for some in video["tuning"])
        assert len(video) == tested == video["reference"].nunique()
        assert not keys & set(video["reference"])
        assert set(video["source"]) <= keys and video["source"].nunique() == 1
        assert (faces.set_index("key").loc[list(keys), "clip"] == clip).all()
        # Pairs of one video follow each other: the tests tune once for each.
        assert np.ptp(video.index) == len(video) - 1
    used = pairs.assign(clip=sources["clip"].to_numpy()).groupby("subject")["clip"].nunique()
    assert used.max() - used.min() <= 1


def test_a_video_is_all_its_utterances():
    """Five utterances of 8 frames make the 40 that VoxCeleb1's protocol takes; each alone has too few."""
    faces = clip_table(2, 1, 8, utterances=5)
    pairs = draw_pairs(options("VoxCeleb1", tuning=8, vox1_frames=32), faces)
    for _, video in pairs.groupby("subject"):
        assert looked_up(faces, video)[1]["clip"].nunique() == 5
        assert len({*video["reference"], *video["tuning"].iloc[0]}) == 40
    pairs = draw_pairs(options("VoxCeleb2", vox_frames=40), faces)
    assert (pairs.groupby("subject")["reference"].nunique() == 40).all()


def extreme_faces(people, frames):
    drivers = face_table(people).assign(key=lambda t: t["key"].str.replace("toy/", "mpie/"))
    videos = clip_table(people, 2, frames).assign(
        key=lambda t: t["key"].str.replace("toy/", "vox/"), subject=lambda t: "v" + t["subject"]
    )
    return pd.concat([drivers, videos], ignore_index=True)


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 9), st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_extreme_lists_drive_voxcelebs_people_by_mpies_large_poses(people, frames, references, seed):
    faces = extreme_faces(people, frames)
    pairs = drawn(faces, benchmark="Extreme", seed=seed, references=references, sets=["vox", "mpie"])
    if people < 2:
        assert pairs is None
        return
    assert pairs["source"].str.startswith("vox/").all() and pairs["reference"].str.startswith("mpie/").all()
    assert (pairs["reference_yaw"].abs() > 60).all()
    assert (pairs["target"] == "").all()
    assert not pairs.duplicated(["source", "reference"]).any()
    assert (pairs["subject"].value_counts() == min(references, people * 2 * 2)).all()


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 40), st.integers(0, 5))
def test_a_subset_is_spread_evenly(sizes, count, seed):
    pairs = pd.DataFrame({"subject": np.repeat([f"p{i}" for i in range(len(sizes))], sizes)})
    pairs["number"] = range(len(pairs))
    part = subset(pairs, count, np.random.default_rng(seed))
    assert len(part) == min(count, len(pairs))
    assert part["number"].is_monotonic_increasing
    assert part["number"].is_unique
    taken = part["subject"].value_counts().reindex(pairs["subject"].unique(), fill_value=0)
    for subject, size in zip(taken.index, sizes):
        assert taken[subject] == size or taken[subject] >= taken.max() - 1


@pytest.mark.parametrize("benchmark", ["RaFD", "MPIE", "MPIE_LP"])
def test_lists_depend_on_the_seed_and_not_on_the_order(benchmark):
    faces = face_table(4)
    first = draw_pairs(options(benchmark), faces)
    pd.testing.assert_frame_equal(first, draw_pairs(options(benchmark), faces.sample(frac=1, random_state=1)))
    assert not first.equals(draw_pairs(options(benchmark, seed=1), faces))


def test_complete_sets_give_ground_truth_to_every_pair():
    for benchmark in ("RaFD", "MPIE", "MPIE_LP"):
        pairs = draw_pairs(options(benchmark), face_table(4))
        assert len(pairs) == 20
        assert (pairs["target"] != "").all()


@pytest.mark.parametrize(
    ("benchmark", "faces", "message"),
    [
        ("RaFD", face_table(3, yaws=(45.0, 90.0)), r"neutral pictures.*12 pictures, 3 subjects, 0 neutral"),
        ("MPIE", face_table(3, split="train"), r"test pictures of two.*Found: 0 pictures, 0 subjects"),
        ("MPIE", face_table(1), r"two or more subjects.*Found: 10 pictures, 1 subjects"),
        ("MPIE_LP", face_table(3, yaws=(0.0, 45.0)), r"6 \|yaw\| < 30, 0 \|yaw\| > 60"),
        (
            "VoxCeleb1",
            clip_table(3, 2, 39),
            r"8 frames to tune on and 32 others.*: 6 test videos of 3 .* 39, 39, 39",
        ),
        ("Extreme", face_table(3, yaws=(0.0, 60.0)), r"12 pictures, 3 subjects, 0 test pictures with \|yaw\| > 60"),
        ("VoxCeleb2", clip_table(1, 3, 2), r"videos of two or more test people.*1 subjects"),
    ],
)
def test_too_little_data_is_counted(benchmark, faces, message):
    with pytest.raises(DgError, match=message):
        draw_pairs(options(benchmark, tuning=8, vox1_frames=32, sets=["toy", "toy"]), faces)


def test_an_unknown_benchmark_is_refused():
    with pytest.raises(DgError, match="no pair list for the benchmark 'VoxCeleb3', only for"):
        draw_pairs(options("VoxCeleb3"), face_table())


def test_the_list_of_a_prepared_set_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    folder = prepare(tmp_path / "set", face_table(3))
    make_pairs(options("RaFD", max_pairs=7), [folder], tmp_path / "pairs/RaFD.parquet")
    pairs = pd.read_parquet(tmp_path / "pairs/RaFD.parquet")
    assert len(pairs) == 7
    hold_to_common_rules(face_table(3), pairs)
    monkeypatch.setattr(pd.DataFrame, "to_parquet", disk_is_full)
    with pytest.raises(DgError, match="disk is full"):
        make_pairs(options("RaFD"), [folder], tmp_path / "full/RaFD.parquet")
    assert left_in(tmp_path / "full") == []
