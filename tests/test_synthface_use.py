"""SynthFace for people: the command, the plain folder, and the aligned truth of any pair."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dg.cli import main
from dg.errors import DgError
from dg.synthface import SynthVox, make_set
from dg.synthface.aligned import aligned_truth


@pytest.fixture(scope="module")
def grid(tmp_path_factory, head_file):
    folder = tmp_path_factory.mktemp("grid")
    words = (
        f"--kind grid --people 2 --yaws 0 45 --expressions neutral surprise --size 48 --threads 1 --head {head_file}"
    )
    assert main(["synthface", *words.split(), "--out", str(folder / "set"), "--plain", str(folder / "plain")]) == 0
    return folder


def test_plain_folder_holds_the_same_pictures_and_truth(grid):
    index, plain = pd.read_parquet(grid / "set/index.parquet"), pd.read_csv(grid / "plain/index.csv")
    assert len(plain) == len(index) == 2 * 2 * 2
    for path in plain["path"]:
        assert (grid / "plain" / path).read_bytes() == (grid / "set" / path).read_bytes()
    points = plain[[f"{axis}{k}" for k in range(68) for axis in "xyz"]].to_numpy()
    np.testing.assert_allclose(points, np.stack(index["landmarks"]), atol=1e-6)
    assert (plain[[f"v{k}" for k in range(68)]].to_numpy() == np.stack(index["visible"])).all()
    assert "no real person" in (grid / "plain/README.txt").read_text()


def test_plain_folder_of_videos_holds_tagged_frames(tmp_path, head_file):
    words = f"--kind video --people 1 --clips 1 --seconds 0.12 --size 32 --threads 1 --head {head_file}"
    assert main(["synthface", *words.split(), "--out", str(tmp_path / "set"), "--plain", str(tmp_path / "plain")]) == 0
    plain = pd.read_csv(tmp_path / "plain/index.csv")
    assert list(plain["path"]) == [f"videos/v000/v000_00/{k:05d}.png" for k in range(3)]
    with Image.open(tmp_path / "plain" / plain["path"][2]) as picture:
        assert picture.size == (32, 32)
        assert picture.text["Source"] == "synthetic: SynthFace"


def test_options_of_another_kind_are_refused(tmp_path, capsys):
    assert main(["synthface", "--out", str(tmp_path / "x"), "--kind", "video", "--yaws", "3"]) == 1
    assert "--kind video has no --yaws; it has --people, --clips" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def _keys(grid):
    index = pd.read_parquet(grid / "set/index.parquet")
    return index, [(path, 0) for path in index["path"]]


def test_a_picture_is_the_aligned_truth_of_itself(grid, head):
    _, keys = _keys(grid)
    made = aligned_truth(grid / "set", head, keys[0], keys[0])
    assert np.array_equal(made.image, np.asarray(Image.open(grid / "set" / keys[0][0])))


def test_aligned_truth_is_the_source_doing_what_the_reference_does(grid, head):
    index, keys = _keys(grid)
    source = index.index[(index["subject"] == "g000") & (index["yaw"] == 0)][0]
    reference = index.index[(index["subject"] == "g001") & (index["yaw"] == 45) & (index["expression"] == "surprise")][
        0
    ]
    twin = index.index[(index["subject"] == "g000") & (index["yaw"] == 45) & (index["expression"] == "surprise")][0]
    made = aligned_truth(grid / "set", head, keys[source], keys[reference])
    assert made.yaw == 45
    # The set's own picture of the source person differs only in framing and in the person's way of being surprised.
    own = np.asarray(Image.open(grid / "set" / keys[twin][0])).astype(float)
    other = np.asarray(Image.open(grid / "set" / keys[reference][0])).astype(float)
    assert np.abs(made.image - own).mean() < 0.5 * np.abs(made.image - other).mean()
    truth = np.stack(index["landmarks"]).reshape(-1, 68, 3)
    assert np.abs(made.landmarks - truth[twin]).mean() < 0.5 * np.abs(truth[reference] - truth[twin]).mean()


def test_unknown_pictures_and_folders_are_named(grid, head, tmp_path):
    key = ("pictures/g000/no.png", 0)
    with pytest.raises(DgError, match=r"no picture pictures/g000/no\.png"):
        aligned_truth(grid / "set", head, key, key)
    with pytest.raises(DgError, match=r"parameters\.json: not found"):
        aligned_truth(tmp_path, head, key, key)


def test_aligned_truth_of_video_frames(tmp_path, head, head_file):
    make_set(SynthVox(train_people=2, test_people=0, clips=1, seconds=0.12, size=32), tmp_path, head_file)
    index = pd.read_parquet(tmp_path / "index.parquet")
    reference = index[(index["subject"] == "v001") & (index["frame"] == 2)].iloc[0]
    made = aligned_truth(tmp_path, head, ("videos/v000/v000_00.mp4", 1), (reference["path"], 2))
    assert made.yaw == pytest.approx(reference["yaw"], abs=1e-4)
