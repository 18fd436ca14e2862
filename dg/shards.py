"""Arrow shards: face crops, landmarks and face codes of one data set, memory-mapped, random access.

`<set>/manifest.parquet` has a row per picture or video frame. `<set>/frames/<k>.arrow` holds the crops,
`<set>/landmarks/<k>.arrow` and `<set>/identity/<k>.arrow` hold what was found on them, row for row. A clip lies whole
in one shard, chosen by a hash of its name, so that a million clips make some thousand jobs. The manifest has one row
group per shard, so that each job reads its own rows alone.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image

from dg.errors import DgError
from dg.files import replacing
from dg.mapped import MappedRows

MANIFEST_COLUMNS = (
    "key", "path", "subject", "clip", "frame", "split", "yaw", "pitch", "expression", "gaze", "light", "session",
)  # fmt: skip
_WORDS = ("subject", "clip", "expression", "gaze", "light", "session")

FRAME_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("image", pa.binary()),  # PNG or JPEG
        ("box", pa.list_(pa.float32(), 4)),  # left, top, right, bottom of the crop in pixels of the original
        ("original_size", pa.list_(pa.int32(), 2)),  # width, height
    ]
)
LANDMARK_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("points", pa.list_(pa.float32(), 204)),  # 68 x (x, y, z), crop coordinates
        ("visible", pa.list_(pa.bool_(), 68)),
        ("score", pa.float32()),
        ("pose", pa.list_(pa.float32(), 6)),  # yaw, pitch, roll in degrees; shift x, y and scale in crop units
    ]
)


def identity_schema(dimension: int) -> pa.Schema:
    """Schema of an identity shard with face codes of `dimension` numbers."""
    return pa.schema([("key", pa.string()), ("code", pa.list_(pa.float32(), dimension))])


def shard_of(clip: str, shards: int) -> int:
    """The shard in [0, shards) that holds `clip`; the same on every machine."""
    return zlib.crc32(clip.encode()) % shards


def write_shard(path: Path, schema: pa.Schema, columns: dict[str, list]) -> None:
    """Write one uncompressed Arrow IPC file with a single record batch.

    Args:
        columns: column name -> values in row order; an array of shape (n, d) fills a fixed-size list column.
    """
    arrays = []
    for field in schema:
        values = columns[field.name]
        if pa.types.is_fixed_size_list(field.type):
            flat = pa.array(np.asarray(values).reshape(-1), type=field.type.value_type)
            arrays.append(pa.FixedSizeListArray.from_arrays(flat, type=field.type))
        else:
            arrays.append(pa.array(values, type=field.type))
    with replacing(path) as temporary, pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.record_batch(arrays, schema=schema))


def read_shard(path: Path) -> pa.RecordBatch:
    """Memory-map one shard; its file isn't kept open.

    Raises:
        DgError: the file is missing or is no Arrow file.
    """
    try:
        with pa.memory_map(str(path), "r") as file:
            return pa.ipc.open_file(file).get_batch(0)
    except FileNotFoundError as error:
        raise DgError(f"{path}: shard not found. Run the step that makes it (snakemake -- {path}).") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise DgError(f"{path}: is no Arrow shard ({error}). Delete it and make it again.") from error


def fixed_lists(batch: pa.RecordBatch, column: str) -> np.ndarray:
    """A fixed-size list column as an (n, d) array, without a copy where Arrow allows it."""
    array = batch.column(column)
    return array.flatten().to_numpy(zero_copy_only=False).reshape(len(array), array.type.list_size)


def decode_image(data: bytes) -> np.ndarray:
    """PNG or JPEG bytes to (height, width, 3) uint8 RGB."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


class Manifest:
    """What is known of the pictures of a data set, read shard by shard.

    Attributes:
        shards: how many the set is cut into.
    """

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            DgError: the file is missing or is no Parquet file.
        """
        try:
            self._file = pq.ParquetFile(path)
        except FileNotFoundError as error:
            raise DgError(f"{path}: not found. Run the step that makes it (snakemake -- {path}).") from error
        except (pa.ArrowInvalid, OSError) as error:
            raise DgError(f"{path}: can't be read as Parquet ({error}). Delete it and make it again.") from error
        self.shards = self._file.num_row_groups

    def rows(self, shard: int, columns: list[str]) -> pa.Table:
        """Some of MANIFEST_COLUMNS of a shard's pictures, in the order in which the set's reader found them."""
        return self._file.read_row_group(shard, columns=columns)


@dataclass(frozen=True)
class _Part:
    """The faces of one shard of the set in `folder`; `rows`: numbers of those that are wanted."""

    folder: Path
    shard: int
    manifest: Manifest
    frames: pa.RecordBatch
    marks: pa.RecordBatch
    rows: np.ndarray

    @property
    def codes(self) -> Path:
        """The shard of their face codes."""
        return self.folder / "identity" / f"{self.shard}.arrow"

    @property
    def keys(self) -> pa.Array:
        """Of the wanted ones."""
        return self.frames.column("key").take(pa.array(self.rows))

    def told(self, columns: list[str]) -> pa.Table:
        """What the manifest says of the wanted ones."""
        listed = self.manifest.rows(self.shard, ["key", *columns])
        places = pc.index_in(self.keys, value_set=listed["key"])
        if places.null_count:
            raise DgError(
                f"{self.folder}/frames/{self.shard}.arrow: holds pictures that the manifest beside it doesn't list for "
                "this shard. Delete it and run the frames step again."
            )
        return listed.take(places)

    def labels(self) -> pa.Table:
        """See `FaceSet.labels`."""
        told = self.told([*_WORDS, "yaw", "pitch"])
        words = {"set": pc.list_element(pc.split_pattern(told["key"], "/", max_splits=1), 0)}
        words |= {name: pc.fill_null(told[name].cast(pa.string()), "") for name in _WORDS}
        angles = {name: told[name].cast(pa.float64()) for name in ("yaw", "pitch")}
        return pa.table({name: column.dictionary_encode() for name, column in words.items()} | angles)


class FaceSet:
    """The prepared faces of one or more data sets, read-only, addressed by row number or by key.

    Pictures without a face are absent. In memory is little more than a number per face: pictures, landmarks and codes
    are read from the mapped files where they are asked for, and so is the manifest.

    Attributes:
        points: (n, 68, 3) float32, crop coordinates in [0, 1].
        visible: (n, 68) bool.
    """

    def __init__(self, folders: list[Path], split: str | None = None) -> None:
        """Open the prepared sets in `folders`, all rows or those of one `split` ("train", "test").

        Raises:
            DgError: a folder lacks a manifest or shards, shards don't match, or no row is left.
        """
        self._parts = [part for folder in map(Path, folders) for part in _parts(folder, split) if len(part.rows)]
        if not self._parts:
            raise DgError(f"{[str(f) for f in folders]}: no face with split '{split}'. Look at the manifests' reports.")
        self._rows = [part.rows for part in self._parts]
        self._ends = np.cumsum([len(rows) for rows in self._rows])
        self.points = MappedRows([part.marks.column("points") for part in self._parts], self._rows, (68, 3))
        self.visible = MappedRows([part.marks.column("visible") for part in self._parts], self._rows, (68,))

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def codes(self) -> MappedRows | np.ndarray:
        """(n, d) float32 face codes r = E_f(I), looked for once they are asked for; d = 0 where none were made.

        Raises:
            DgError: some shards have codes and others don't.
        """
        missing = [part.codes for part in self._parts if not part.codes.exists()]
        if len(missing) == len(self._parts):
            return np.zeros((len(self), 0), np.float32)
        if missing:
            raise DgError(
                f"{missing[0]}: shard not found, though others of its kind are there. Run the identity step again."
            )
        columns = [read_shard(part.codes).column("code") for part in self._parts]
        return MappedRows(columns, self._rows, (columns[0].type.list_size,))

    @cached_property
    def table(self) -> pd.DataFrame:
        """The manifest's rows of all faces."""
        parts = [part.told(list(MANIFEST_COLUMNS[1:])).to_pandas() for part in self._parts]
        return pd.concat(parts, ignore_index=True)

    @property
    def labels(self) -> pd.DataFrame:
        """What a training asks of `table`, in 44 bytes a face: words as categories, "" where they aren't told, and
        `set`, the data set's name, in place of the key."""
        return pa.concat_tables([part.labels() for part in self._parts]).unify_dictionaries().to_pandas()

    @cached_property
    def _row_of_key(self) -> dict[str, int]:
        return {key: row for row, key in enumerate(key for part in self._parts for key in part.keys.to_pylist())}

    def row(self, key: str) -> int:
        """Row number of `key`.

        Raises:
            DgError: no such face, for example because its picture was skipped.
        """
        try:
            return self._row_of_key[key]
        except KeyError:
            raise DgError(f"'{key}': no such face in the prepared data. Make the pair lists again.") from None

    def encoded(self, row: int) -> bytes:
        """Face crop as its stored PNG or JPEG bytes."""
        number = int(np.searchsorted(self._ends, row, "right"))
        part = self._parts[number]
        place = part.rows[row - self._ends[number]]  # counted from the shard's end
        return part.frames.column("image")[int(place)].as_py()

    def image(self, row: int) -> np.ndarray:
        """Face crop as (size, size, 3) uint8 RGB."""
        return decode_image(self.encoded(row))


def _parts(folder: Path, split: str | None) -> Iterator[_Part]:
    """The shards of a prepared set."""
    manifest = Manifest(folder / "manifest.parquet")
    for shard in range(manifest.shards):
        frames, marks = (read_shard(folder / kind / f"{shard}.arrow") for kind in ("frames", "landmarks"))
        if not marks.column("key").equals(frames.column("key")):
            raise DgError(
                f"{folder}/landmarks/{shard}.arrow: rows don't match {folder}/frames/{shard}.arrow. Delete it and run "
                "landmarks again."
            )
        # The landmarks step gives score 0 to crops on which it found no face.
        rows = np.flatnonzero(marks.column("score").to_numpy() > 0).astype(np.int32)
        part = _Part(folder, shard, manifest, frames, marks, rows)
        if split:
            wanted = pc.equal(part.told(["split"])["split"], split).to_numpy()
            part = replace(part, rows=rows[wanted])
        yield part
