"""Manifest rows, in whatever order they come, to a file in which those of a shard lie together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise
from mmap import ACCESS_READ, mmap
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dg.datasets.rows import MANIFEST_SCHEMA, Row
from dg.shards import shard_of

_BATCH = 65536  # rows held in memory: VoxCeleb2 at 25 fps has two hundred million


def write_by_shard(path: Path, rows: Iterator[Row], shards: int) -> None:
    """Write `rows` as Parquet (MANIFEST_SCHEMA): row group k holds those of shard k, in the order in which they came.

    Meanwhile they lie in a file without a name beside `path`, of which nothing is left if this process is killed.
    """
    with TemporaryFile(dir=path.parent) as unsorted:
        ends = _write_batches(unsorted, rows, shards)
        unsorted.flush()
        batches = pa.ipc.open_file(pa.py_buffer(mmap(unsorted.fileno(), 0, access=ACCESS_READ)))
        with pq.ParquetWriter(path, MANIFEST_SCHEMA, compression="zstd", write_statistics=False) as out:
            for first, end in pairwise(ends):
                parts = [
                    batches.get_batch(number).slice(first[number], end[number] - first[number])
                    for number in np.flatnonzero(end > first)
                ]
                shard = pa.Table.from_batches(parts, MANIFEST_SCHEMA)
                out.write_table(shard, row_group_size=max(1, len(shard)))


def _write_batches(file: BinaryIO, rows: Iterator[Row], shards: int) -> np.ndarray:
    """Write batches of rows, each sorted by shard; (shards + 1, batches) where in them a shard begins."""
    ends = []
    with pa.ipc.new_file(file, MANIFEST_SCHEMA) as writer:
        while batch := list(islice(rows, _BATCH)):
            shard = np.array([shard_of(row["clip"], shards) for row in batch])
            order = np.argsort(shard, kind="stable")
            writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=MANIFEST_SCHEMA).take(pa.array(order)))
            ends.append(np.searchsorted(shard[order], np.arange(shards + 1)))
    return np.array(ends, dtype=np.int32).reshape(-1, shards + 1).T
