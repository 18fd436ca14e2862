"""The pictures one method made of a pair list: an Arrow file, written and read piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from dg.errors import DgError
from dg.files import replacing

RESULT_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("reference", pa.string()),
        ("target", pa.string()),  # "" where no ground truth exists
        ("image", pa.binary()),  # PNG or JPEG
        ("points", pa.list_(pa.float32(), 204)),  # 68 x (x, y, z) the image was made from or found on, crop coordinates
    ]
)


@dataclass(frozen=True)
class Result:
    """One pair and the picture made of it. image: PNG or JPEG bytes; points: (68, 3) float32, crop coordinates."""

    source: str
    reference: str
    target: str
    image: bytes
    points: np.ndarray


class ResultWriter:
    """Writes batches of results; see `writing_results`."""

    def __init__(self, writer: pa.RecordBatchFileWriter) -> None:
        self._writer = writer

    def write(self, results: list[Result]) -> None:
        """Append `results` to the file."""
        flat = pa.array(np.concatenate([r.points.reshape(-1) for r in results]), pa.float32())
        columns = [pa.array([getattr(r, name) for r in results]) for name in ("source", "reference", "target")]
        columns.append(pa.array([r.image for r in results], pa.binary()))
        columns.append(pa.FixedSizeListArray.from_arrays(flat, type=RESULT_SCHEMA.field("points").type))
        self._writer.write_batch(pa.record_batch(columns, schema=RESULT_SCHEMA))


@contextmanager
def writing_results(path: Path) -> Iterator[ResultWriter]:
    """Open `path` for writing; it appears only when everything is written.

    Raises:
        DgError: the disk is full or the folder can't be written.
    """
    with (
        replacing(path) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, RESULT_SCHEMA) as writer,
    ):
        yield ResultWriter(writer)


class Results:
    """A results file, memory-mapped: len(), iteration and results[i]."""

    def __init__(self, path: Path) -> None:
        """Open `path`.

        Raises:
            DgError: the file is missing or no results file.
        """
        try:
            reader = pa.ipc.open_file(pa.memory_map(str(path), "r"))
        except FileNotFoundError as error:
            raise DgError(f"{path}: not found. Run the step that makes it (snakemake -- {path}).") from error
        except (pa.ArrowInvalid, OSError) as error:
            raise DgError(f"{path}: is no Arrow file ({error}). Delete it and run the step generate again.") from error
        if reader.schema != RESULT_SCHEMA:
            raise DgError(
                f"{path}: holds no results, its columns are {reader.schema.names}. Run the step generate again."
            )
        batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
        self._table = pa.Table.from_batches(batches, schema=RESULT_SCHEMA)

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, row: int) -> Result:
        values = {name: self._table.column(name)[row] for name in RESULT_SCHEMA.names}
        points = values.pop("points").values.to_numpy().reshape(68, 3)
        return Result(**{name: value.as_py() for name, value in values.items()}, points=points)

    def __iter__(self) -> Iterator[Result]:
        return (self[row] for row in range(len(self)))

    def encoded(self, row: int) -> bytes:
        """PNG or JPEG bytes of one result's picture."""
        return self._table.column("image")[row].as_py()

    def keys(self, column: str) -> list[str]:
        """The keys in column "source", "reference" or "target"."""
        return self._table.column(column).to_pylist()
