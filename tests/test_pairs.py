import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dg.errors import DgError
from dg.protocols.pairs import draw_pairs, make_pairs
from dg.protocols.rules import PAIR_COLUMNS, subset
from tests.prepared import disk_is_full, face_table, left_in, prepare
from tests.told import pairs_settings

ACTION, SETTING = ["yaw", "pitch", "expression", "gaze"], ["light", "session"]


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


def video_of(clips):
    """The video that a clip of clip_table is a part of, "<person>/<video>", whatever the session says."""
    return clips.str.rsplit("/", n=1).str[0]


@st.composite
def video_tables(draw):
    """Videos of test people, in one clip or several, some frames missing; one person more in the training part."""
    people, clips, frames = draw(st.integers(1, 5)), draw(st.integers(1, 6)), draw(st.integers(1, 9))
    table = clip_table(people, clips, frames, utterances=draw(st.integers(0, 3)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    kept = table[rng.uniform(size=len(table)) > draw(st.sampled_from([0, 0.2]))]
    return pd.concat([kept, clip_table(9, 2, 30, split="train").tail(30)])


def long_videos(faces, frames):
    """How many videos with so many test frames each person has."""
    test = faces[faces["split"] == "test"]
    lengths = test.groupby(["subject", video_of(test["clip"])]).size()
    return lengths[lengths >= frames].groupby("subject").size()


def hold_to_turns(used, available):
    """Somebody's next video is only taken when everybody else's is, or theirs are used up."""
    used = used.reindex(available.index, fill_value=0)
    assert ((used >= used.max() - 1) | (used == available)).all()


def in_order(rows):
    places = list(zip(rows["clip"], rows["frame"]))
    return places == sorted(set(places))


def drawn(faces, **which):
    """The pairs, or None where the data are said to be too few."""
    try:
        return draw_pairs(pairs_settings(**which), faces)
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


@given(face_tables(), st.integers(0, 3), st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_rafd_lists_follow_their_rules(faces, seed, references):
    pairs = drawn(faces, test="RaFD", seed=seed, references=references)
    # What shows just what the source shows is no reference; all sources are neutral and frontal here.
    is_source = (faces["expression"] == "neutral") & (faces["yaw"] == 0)
    people = set(faces["subject"])
    fitting = {name: (~is_source & (faces["subject"] != name)).sum() for name in set(faces[is_source]["subject"])}
    enough = len(people) >= 2 and set(fitting) == people and min(fitting.values()) >= references
    assert (pairs is not None) == enough
    if pairs is None:
        return
    hold_to_common_rules(faces, pairs)
    hold_targets_to_their_rule(faces, pairs)
    sources, _ = looked_up(faces, pairs)
    assert (sources["expression"] == "neutral").all()
    assert (sources["yaw"].abs() < 30).all()
    assert (pairs.groupby("subject")["source"].nunique() == 1).all()
    assert pairs["subject"].value_counts().to_dict() == dict.fromkeys(people, references)


def fitting_references(faces, large_pose):
    """How many references each test person has: those beside which it has a source that shows something else."""
    test = faces[faces["split"] == "test"]
    sources = test[test["yaw"].abs() < 30] if large_pose else test
    references = test[test["yaw"].abs() > 60] if large_pose else test
    shown = {
        name: set(sources[sources["subject"] == name][ACTION].apply(tuple, axis=1)) for name in set(test["subject"])
    }
    return {
        name: sum(
            bool(own - {action}) for action in references[references["subject"] != name][ACTION].apply(tuple, axis=1)
        )
        for name, own in shown.items()
    }


@given(face_tables(), st.integers(0, 3), st.integers(1, 20), st.booleans())
@settings(max_examples=40, deadline=None)
def test_mpie_lists_follow_their_rules(faces, seed, references, large_pose):
    test = "MPIE_LP" if large_pose else "MPIE"
    pairs = drawn(faces, test=test, seed=seed, references=references)
    fitting = fitting_references(faces, large_pose)
    assert (pairs is not None) == (len(fitting) >= 2 and min(fitting.values()) >= references)
    if pairs is None:
        return
    hold_to_common_rules(faces, pairs)
    hold_targets_to_their_rule(faces, pairs)
    assert pairs["subject"].value_counts().to_dict() == dict.fromkeys(fitting, references)
    sources, picked = looked_up(faces, pairs)
    assert (sources["split"] == "test").all()
    assert (picked["split"] == "test").all()
    if large_pose:
        assert (pairs["source_yaw"].abs() < 30).all()
        assert (pairs["reference_yaw"].abs() > 60).all()
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
        pairs = draw_pairs(pairs_settings("MPIE", seed=seed, references=11), faces)
        assert pairs["subject"].value_counts().to_dict() == {"p0": 11, "p1": 11, "p2": 11}
    assert drawn(faces, test="MPIE", references=12) is None


@given(video_tables(), st.integers(2, 9), st.integers(0, 3), st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_voxceleb2_lists_follow_their_rules(faces, wanted, seed, vox_frames):
    pairs = drawn(faces, test="VoxCeleb2", seed=seed, videos=wanted, vox_frames=vox_frames)
    available = long_videos(faces, vox_frames)
    assert (pairs is not None) == (len(available) >= 2 and available.sum() >= wanted)
    if pairs is None:
        return
    assert (pairs["subject"] != pairs["reference_subject"]).all()
    assert (pairs["target"] == "").all()
    sources, references = looked_up(faces, pairs)
    assert (sources["split"] == "test").all() and (references["split"] == "test").all()
    videos = pd.DataFrame({"subject": sources["subject"], "video": video_of(sources["clip"]), "source": sources.index})
    videos["driving"] = video_of(references["clip"]).to_numpy()
    assert videos["video"].nunique() == wanted
    assert (videos.groupby("video")[["source", "driving"]].nunique() == 1).all(axis=None)
    for video in videos["video"].unique():
        driven = references[(videos["video"] == video).to_numpy()]
        assert len(driven) == vox_frames and in_order(driven)
    hold_to_turns(videos.groupby("subject")["video"].nunique(), available)


@given(video_tables(), st.integers(2, 9), st.integers(1, 6), st.integers(1, 6), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_voxceleb1_never_tests_on_a_frame_it_tunes_on(faces, wanted, tuning, tested, seed):
    pairs = drawn(faces, test="VoxCeleb1", seed=seed, videos=wanted, tuning=tuning, vox1_frames=tested)
    available = long_videos(faces, tuning + tested)
    assert (pairs is not None) == (len(available) >= 2 and available.sum() >= wanted)
    if pairs is None:
        return
    assert tuple(pairs.columns) == (*PAIR_COLUMNS, "tuning")
    # Self-reenactment: the person itself, and the frame that is asked for is the truth.
    assert (pairs["subject"] == pairs["reference_subject"]).all()
    assert (pairs["reference"] == pairs["target"]).all()
    sources, references = looked_up(faces, pairs)
    assert (video_of(sources["clip"]).to_numpy() == video_of(references["clip"]).to_numpy()).all()
    assert (sources["split"] == "test").all()
    named = pairs.assign(video=video_of(sources["clip"]).to_numpy())
    by_video = named.groupby("video", sort=False)
    assert len(by_video) == wanted
    by_key = faces.set_index("key")
    for name, video in by_video:
        keys = set(video["tuning"].iloc[0])
        assert len(keys) == tuning and all(set(some) == keys for some in video["tuning"])
        assert len(video) == tested == video["reference"].nunique()
        assert not keys & set(video["reference"])
        assert set(video["source"]) <= keys and video["source"].nunique() == 1
        tuned = by_key.loc[video["tuning"].iloc[0]]
        assert (video_of(tuned["clip"]) == name).all()
        assert in_order(tuned) and in_order(by_key.loc[video["reference"]])
        # Pairs of one video follow each other: the tests tune once for each.
        assert np.ptp(video.index) == len(video) - 1
    hold_to_turns(named.groupby("subject")["video"].nunique(), available)


def test_a_video_is_all_its_utterances():
    """Five utterances of 8 frames make the 40 that VoxCeleb1's protocol takes; each alone has too few."""
    faces = clip_table(2, 1, 8, utterances=5)
    pairs = draw_pairs(pairs_settings("VoxCeleb1", tuning=8, vox1_frames=32), faces)
    for _, video in pairs.groupby("subject"):
        assert looked_up(faces, video)[1]["clip"].nunique() == 5
        assert len({*video["reference"], *video["tuning"].iloc[0]}) == 40
    pairs = draw_pairs(pairs_settings("VoxCeleb2", vox_frames=40), faces)
    assert (pairs.groupby("subject")["reference"].nunique() == 40).all()
    assert drawn(faces, test="VoxCeleb2", videos=3) is None  # not ten videos: two


def extreme_faces(people, frames):
    drivers = face_table(people).assign(key=lambda t: t["key"].str.replace("toy/", "mpie/"))
    videos = clip_table(people, 2, frames).assign(
        key=lambda t: t["key"].str.replace("toy/", "vox/"), subject=lambda t: "v" + t["subject"]
    )
    return pd.concat([drivers, videos], ignore_index=True)


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 12), st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_extreme_lists_drive_voxcelebs_people_by_mpies_large_poses(people, frames, references, seed):
    faces = extreme_faces(people, frames)
    pairs = drawn(faces, test="Extreme", seed=seed, references=references, sets=["vox", "mpie"])
    assert (pairs is not None) == (people >= 2 and references <= people * 2 * 2)
    if pairs is None:
        return
    assert pairs["source"].str.startswith("vox/").all() and pairs["reference"].str.startswith("mpie/").all()
    assert (pairs["reference_yaw"].abs() > 60).all()
    assert (pairs["target"] == "").all()
    assert not pairs.duplicated(["source", "reference"]).any()
    assert pairs["subject"].value_counts().to_dict() == {f"vp{k}": references for k in range(people)}


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


@pytest.mark.parametrize("test", ["RaFD", "MPIE", "MPIE_LP"])
def test_lists_depend_on_the_seed_and_not_on_the_order(test):
    faces = face_table(4)
    first = draw_pairs(pairs_settings(test), faces)
    pd.testing.assert_frame_equal(first, draw_pairs(pairs_settings(test), faces.sample(frac=1, random_state=1)))
    assert not first.equals(draw_pairs(pairs_settings(test, seed=1), faces))


def test_complete_sets_give_ground_truth_to_every_pair():
    for test in ("RaFD", "MPIE", "MPIE_LP"):
        pairs = draw_pairs(pairs_settings(test), face_table(4))
        assert len(pairs) == 20
        assert (pairs["target"] != "").all()


def uneven(*lengths):
    """One video each of people with so many frames."""
    table = clip_table(len(lengths), 1, max(lengths))
    return table[[frame < lengths[int(name[1:])] for name, frame in zip(table["subject"], table["frame"])]]


ONE_LEFT = face_table(4)[lambda t: ~t["subject"].isin(["p1", "p2"]) | t["key"].str.contains("neutral_.0")]
NO_SOURCE = face_table(4)[lambda t: (t["subject"] != "p2") | (t["yaw"] > 30)]


@pytest.mark.parametrize(
    ("test", "faces", "message"),
    [
        (
            "RaFD",
            face_table(3, yaws=(45.0, 90.0)),
            r"RaFD: .*Needed: two or more .*a neutral picture with \|yaw\| < 30 as source and 9 pictures of others "
            r".* as references\. Found: 12 pictures, 3 test subjects, 0 neutral with \|yaw\| < 30\. Short, .*: "
            r"p0 with 0 pairs, p1 with 0 pairs, p2 with 0 pairs\. Add data, or let benchmarks",
        ),
        ("RaFD", face_table(2, yaws=(0.0, 90.0)), r"p0 with 3 pairs, p1 with 3 .*protocols\.references in .* to 3\."),
        ("RaFD", NO_SOURCE, r"3 neutral .*worst first: p2 with 0 pairs\. Add data, or take the subjects with 0 pairs"),
        ("MPIE", face_table(3, split="train"), r"9 test pictures of others .*Found: 0 pictures, 0 test subjects\. Add"),
        ("MPIE", face_table(1), r"two or more test subjects.*Found: 10 pictures, 1 test subjects\. Short.* p0 with 0"),
        ("MPIE", face_table(5, yaws=(0.0,)), r"p0 with 8 pairs, p1 with 8 pairs, p2 with 8 pairs and 2 more\. Add"),
        ("MPIE_LP", face_table(3, yaws=(0.0, 45.0)), r"6 with \|yaw\| < 30, 0 with \|yaw\| > 60"),
        ("MPIE_LP", ONE_LEFT, r"worst first: p0 with 4 pairs, p3 with 4 pairs, p1 with 8 pairs and 1 more.* to 4\."),
        (
            "Extreme",
            face_table(3, yaws=(0.0, 60.0)),
            r"12 pictures, 3 test subjects, 0 test pictures with \|yaw\| > 60",
        ),
        (
            "Extreme",
            face_table(2, yaws=(0.0, 90.0)),
            r"p0 with 2 pairs, p1 with 2 .*protocols\.references in .* to 2\.",
        ),
        (
            "VoxCeleb1",
            clip_table(3, 2, 39),
            r"VoxCeleb1: .*2 test videos of two or more people, 40 frames each \(8 to tune on and 32 others\)\. "
            r"Found: 6 test videos, 3 people, 0 long enough\. Short, .*: p0's video v0 with 39 frames, .* and 3 more\. "
            r"Add videos, .*scales\.<scale>\.protocols\.videos or .*vox1_frames or .*fine_tune\.frames in params\.yaml",
        ),
        (
            "VoxCeleb1",
            uneven(50, 39, 7),
            r"3 people, 1 long .* first: p2's video v0 with 7 frames, p1's .* 39 frames\.",
        ),
        (
            "VoxCeleb2",
            clip_table(1, 3, 9),
            r"two or more people, 4 frames each\. Found: 3 test videos, 1 people, 3 long",
        ),
        ("VoxCeleb2", uneven(9, 9, 3, 2), r"3 test videos of .*2 long enough.* p3's video v0 with 2 frames, p2's"),
        (
            "VoxCeleb2",
            clip_table(2, 1, 9, utterances=0),
            r"2 test videos, 2 people, 2 long enough\. Add .*vox_frames in",
        ),
    ],
)
def test_too_little_data_is_counted(test, faces, message):
    sizes = {"references": 9, "tuning": 8, "vox1_frames": 32, "sets": ["toy", "toy"]}
    with pytest.raises(DgError, match=message):
        draw_pairs(pairs_settings(test, videos=3 if test == "VoxCeleb2" else 2, **sizes), faces)


def test_an_unknown_test_is_refused():
    with pytest.raises(DgError, match="no pair list for the test 'VoxCeleb3', only for"):
        draw_pairs(pairs_settings("VoxCeleb3"), face_table())


def test_the_list_of_a_prepared_set_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    folder = prepare(tmp_path / "set", face_table(3))
    make_pairs(pairs_settings("RaFD", max_pairs=7), [folder], tmp_path / "pairs/RaFD.parquet")
    pairs = pd.read_parquet(tmp_path / "pairs/RaFD.parquet")
    assert len(pairs) == 7
    hold_to_common_rules(face_table(3), pairs)
    monkeypatch.setattr(pd.DataFrame, "to_parquet", disk_is_full)
    with pytest.raises(DgError, match="disk is full"):
        make_pairs(pairs_settings("RaFD"), [folder], tmp_path / "full/RaFD.parquet")
    assert left_in(tmp_path / "full") == []
