"""Raw pictures, which DVC versions only where it is asked to: faces are cut from the right ones, or not at all."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from dvc.utils.serialize import modify_yaml
from PIL import Image

from dg.shards import decode_image, read_shard
from dg.steps.data import FILES_PER_SHARD
from tests.repository import run, tiny_copy

SHARDS = [f"data/sets/{{}}/frames/{shard}.arrow" for shard in range(2)]
STAGE = """
stages:
  landmarks:
    cmd: snakemake --cores 1 -- data/sets/mine/frames/0.arrow data/sets/mine/frames/1.arrow
    params: [datasets]
    outs:
      - made/data/sets: { persist: true, cache: false }
"""


class Sets:
    """The pipeline up to one shard of faces, or two."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, *command, check=True):
        return run(self.folder, *command, check=check)

    def cut(self, dataset, shards=1, check=True):
        """What Snakemake says while it makes the shards."""
        targets = [shard.format(dataset) for shard in SHARDS[:shards]]
        return self("snakemake", "--cores", "1", "--", *targets, check=check)

    def faces(self, dataset, shards=1):
        """Key -> pixels."""
        batches = [read_shard(self.folder / shard.format(dataset)) for shard in SHARDS[:shards]]
        return {
            key: decode_image(image)
            for batch in batches
            for key, image in zip(batch.column("key").to_pylist(), batch.column("image").to_pylist())
        }

    def set(self, **values):
        with modify_yaml(self.folder / "params.yaml") as there:
            for dataset, shards in values.pop("shards", {}).items():
                there["datasets"][dataset]["shards"] = shards
            there |= values

    def commit(self):
        self("git", "add", "--all")
        self("git", "commit", "--quiet", "--message", "State")

    def back(self):
        """To what was committed, as a user goes back."""
        self("git", "checkout", "--force", "--quiet", "HEAD")
        self("dvc", "checkout", "--force", "data/sets", ".snakemake/metadata")


def same(found, expected):
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[key], expected[key]) for key in expected)


@pytest.fixture
def sets(tmp_path):
    folder = tiny_copy(tmp_path / "repository")
    with modify_yaml(folder / "params.yaml") as values:
        values["scales"]["tiny"]["image_size"] = 32
        values["datasets"]["mine"] = {"kind": "faces", "crop": "whole", "shards": 1, "max_broken": 0.5}
    run(folder, "git", "commit", "--quiet", "--all", "--message", "Small")
    return Sets(folder)


def test_faces_are_cut_from_the_pictures_of_todays_values(sets):
    sets.cut("synth_rafd")
    sets.commit()
    expected = sets.faces("synth_rafd")
    sets.set(seed=1)
    sets.cut("synth_rafd")
    others = sets.faces("synth_rafd")
    assert others.keys() == expected.keys() and not any(np.array_equal(others[key], expected[key]) for key in expected)
    # Back again: DVC brings the faces and the records, and the pictures are still the others.
    sets.back()
    assert "Nothing to be done" in sets.cut("synth_rafd")
    sets.set(shards={"synth_rafd": 2})
    sets.cut("synth_rafd", 2)
    same(sets.faces("synth_rafd", 2), expected)
    # As in a clone: no pictures at all.
    sets.back()
    for folder in ("data/raw", "data/synthface"):
        shutil.rmtree(sets.folder / folder)
    assert "Nothing to be done" in sets.cut("synth_rafd")
    sets.set(shards={"synth_rafd": 2})
    sets.cut("synth_rafd", 2)
    same(sets.faces("synth_rafd", 2), expected)


def test_real_pictures_that_are_not_here_are_asked_for_where_they_are_needed(sets, tmp_path):
    raw = sets.folder / "data/raw/mine"
    for number in range(2 * FILES_PER_SHARD):
        path = raw / ("anna", "ben")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), (number, 0, 0)).save(path)
    sets.cut("mine")
    expected = sets.faces("mine")
    assert len(expected) == 2 * FILES_PER_SHARD
    raw.rename(tmp_path / "mine")
    assert "Nothing to be done" in sets.cut("mine")
    sets.set(shards={"mine": 2})
    said = sets.cut("mine", 2, check=False)
    assert "data/raw/mine: no such folder" in said and "dvc add data/raw/mine" in said
    assert not (sets.folder / SHARDS[1].format("mine")).exists()
    # In a folder of DVC's own too, once DVC knows them.
    shutil.move(tmp_path / "mine", raw)
    sets("git", "checkout", "--quiet", "params.yaml")
    sets.cut("mine")
    (sets.folder / "dvc.yaml").write_text(STAGE)
    sets("dvc", "add", "data/raw/mine")
    sets.commit()
    assert "data/raw/mine.dvc" in sets("git", "ls-files")
    sets("dvc", "exp", "run", "--temp", "--set-param", "datasets.mine.shards=2", "--name", "two")
    same(sets.faces("mine"), expected)
    # DVC also names what of results.dvc nobody has made.
    sets("dvc", "exp", "apply", "two", check=False)
    same(sets.faces("mine", 2), expected)
