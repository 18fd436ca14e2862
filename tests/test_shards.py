"""Prepared faces stay in their files: rows of many shards as one array, no file kept open, nothing read whole."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pytest

from dg.errors import DgError
from dg.mapped import MappedRows
from dg.shards import FaceSet, fixed_lists, read_shard
from dg.training.pairs import PairSampler
from tests.prepared import face_table, prepare


def test_rows_of_many_files_are_those_of_one_array():
    rng = np.random.default_rng(0)
    kept = [np.array([0, 3, 4]), np.array([0]), np.array([8, 2])]
    for kind, values in (
        (pa.float32(), lambda size: rng.random((size, 12), np.float32)),
        (pa.bool_(), lambda size: rng.random((size, 12)) < 0.5),
    ):
        files = [values(size) for size in (5, 1, 9)]
        columns = [
            # Cut out of a longer one, so that its bits begin within a byte.
            pa.FixedSizeListArray.from_arrays(
                pa.array(np.concatenate([some[:1], some]).ravel(), kind), type=pa.list_(kind, 12)
            )[1:]
            for some in files
        ]
        whole = np.concatenate([some[rows] for some, rows in zip(files, kept)]).reshape(-1, 4, 3)
        mapped = MappedRows(columns, kept, (4, 3))
        assert mapped.shape == whole.shape and len(mapped) == 6
        for rows in (3, [5, 0, 3, 3], np.array([], int), np.array([[1, 2], [4, 0]]), np.arange(6)):
            found = mapped[rows]
            assert found.dtype == whole.dtype
            np.testing.assert_array_equal(found, whole[rows])
        for rows in (6, [0, -1]):
            with pytest.raises(IndexError):
                mapped[rows]


def test_a_set_gives_what_its_shards_hold(tmp_path):
    table = face_table(3)
    folder = prepare(tmp_path / "toy", table, hidden=0.4)
    faces, rows = FaceSet([folder]), [7, 0, 12, 7]
    marks = read_shard(folder / "landmarks/0.arrow")
    np.testing.assert_array_equal(faces.points[rows], fixed_lists(marks, "points").reshape(-1, 68, 3)[rows])
    np.testing.assert_array_equal(faces.visible[rows], fixed_lists(marks, "visible")[rows])
    np.testing.assert_array_equal(faces.codes[rows], fixed_lists(read_shard(folder / "identity/0.arrow"), "code")[rows])
    assert faces.table["key"].tolist() == table["key"].tolist() and faces.row(table["key"][5]) == 5
    assert faces.encoded(12) == read_shard(folder / "frames/0.arrow").column("image")[12].as_py()
    assert not [file.path for file in psutil.Process().open_files() if file.path.endswith(".arrow")]


def test_labels_draw_the_pairs_that_the_table_draws(tmp_path):
    table = pd.concat([face_table(4, lights=("b", "a")), face_table(3).assign(light=None)], ignore_index=True)
    table["key"] = [f"{'ab'[k % 2]}/{k}" for k in range(len(table))]
    faces = FaceSet([prepare(tmp_path / "toy", table.sample(frac=1, random_state=0, ignore_index=True))])
    plain, labelled = (PairSampler(some, 16, 3) for some in (faces.table, faces.labels))
    for step in range(20):
        for one, other in (
            (plain.self_batch(step), labelled.self_batch(step)),
            (plain.cross_batch(step), labelled.cross_batch(step)),
        ):
            for name in ("source", "reference", "target"):
                np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert plain.subjects == labelled.subjects


def test_pictures_that_the_manifest_does_not_list_are_refused(tmp_path):
    folder = prepare(tmp_path / "toy", face_table(2))
    pd.read_parquet(folder / "manifest.parquet").iloc[1:].to_parquet(folder / "manifest.parquet", index=False)
    with pytest.raises(DgError, match=r"frames/0\.arrow: holds pictures that the manifest"):
        FaceSet([folder], split="train")


def test_a_set_is_not_read_into_memory(tmp_path):
    """While a training's table is indexed and all of it read in batches, less is held than any of its columns has."""
    count = len(table := face_table(400, split="train"))
    folder, held = prepare(tmp_path / "toy", table, size=8, codes=160), pa.total_allocated_bytes()
    tracemalloc.start()
    faces = FaceSet([folder], split="train")
    assert len(faces) == count and faces.codes.shape == (count, 160)
    for first in range(0, count, 40):
        for column in (faces.points, faces.visible, faces.codes):
            column[np.arange(first, first + 40)].sum()
        faces.image(first)
        assert pa.total_allocated_bytes() - held < 100 * count
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 0.5 * count * 160 * 4
