"""Arrow shards: face crops, landmarks and face codes of one data set, memory-mapped, random access.

`<set>/manifest.parquet` has a row per picture or video frame. `<set>/frames/<k>.arrow` holds the crops,
`<set>/landmarks/<k>.arrow` and `<set>/identity/<k>.arrow` hold what was found on them, row for row. A clip lies whole
in one shard, chosen by a hash of its name, so that a million clips make some thousand jobs.
"""

from __future__ import annotations

import io
import zlib
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from PIL import Image

from dg.errors import DgError
from dg.files import read_parquet, replacing

MANIFEST_COLUMNS = (
    "key", "path", "subject", "clip", "frame", "split", "yaw", "pitch", "expression", "gaze", "light", "session",
)  # fmt: skip

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
    """Memory-map one shard.

    Raises:
        DgError: the file is missing or is no Arrow file.
    """
    try:
        return pa.ipc.open_file(pa.memory_map(str(path), "r")).get_batch(0)
    except FileNotFoundError as error:
        raise DgError(f"{path}: shard not found. Run the step that makes it (snakemake -- {path}).") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise DgError(f"{path}: is no Arrow shard ({error}). Delete it and make it again.") from error


def fixed_lists(batch: pa.RecordBatch, column: str) -> np.ndarray:
    """A fixed-size list column as an (n, d) array, without a copy where Arrow allows it."""
    array = batch.column(column)
    return array.flatten().to_numpy(zero_copy_only=False).reshape(len(array), -1)


def decode_image(data: bytes) -> np.ndarray:
    """PNG or JPEG bytes to (height, width, 3) uint8 RGB."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


class FaceSet:
    """The prepared faces of one or more data sets, read-only, addressed by row number or by key.

    Attributes:
        table: manifest rows of all faces with landmarks, row order of the arrays below. Pictures without a face are
            absent.
        points: (n, 68, 3) float32, crop coordinates in [0, 1].
        visible: (n, 68) bool.
        codes: (n, d) float32 face codes r = E_f(I), looked for once they are asked for; d = 0 where no identity shards
            exist.
    """

    def __init__(self, folders: list[Path], split: str | None = None) -> None:
        """Open the prepared sets in `folders`, all rows or those of one `split` ("train", "test").

        Raises:
            DgError: a folder lacks a manifest or shards, shards don't match, or no row is left.
        """
        tables, points, visible = [], [], []
        self._codes: list[tuple[Path, np.ndarray]] = []
        self._images: list[pa.Array] = []
        self._place: list[tuple[int, int]] = []
        for folder in map(Path, folders):
            manifest = read_parquet(folder / "manifest.parquet").set_index("key", drop=False)
            shard_paths = sorted((folder / "frames").glob("[0-9]*.arrow"), key=lambda path: int(path.stem))
            if not shard_paths:
                raise DgError(
                    f"{folder}/frames: no shards. Run the frames step (snakemake -- {folder}/frames/0.arrow)."
                )
            for path in shard_paths:
                frames, marks = read_shard(path), read_shard(folder / "landmarks" / path.name)
                keys = marks.column("key").to_pylist()
                if keys != frames.column("key").to_pylist():
                    raise DgError(
                        f"{folder}/landmarks/{path.name}: rows don't match {path}. Delete it and run landmarks again."
                    )
                if not keys:
                    continue
                self._images.append(frames.column("image"))
                rows = manifest.loc[keys]
                # The landmarks step gives score 0 to crops on which it found no face.
                wanted = marks.column("score").to_numpy() > 0
                if split:
                    wanted &= (rows["split"] == split).to_numpy()
                keep = np.flatnonzero(wanted)
                if len(keep) == 0:
                    continue
                tables.append(rows.iloc[keep])
                points.append(fixed_lists(marks, "points").reshape(-1, 68, 3)[keep])
                visible.append(fixed_lists(marks, "visible").astype(bool)[keep])
                self._codes.append((folder / "identity" / path.name, keep))
                self._place += [(len(self._images) - 1, int(row)) for row in keep]
        if not tables:
            raise DgError(f"{[str(f) for f in folders]}: no face with split '{split}'. Look at the manifests' reports.")
        self.table: pd.DataFrame = pd.concat(tables, ignore_index=True)
        self.points = np.concatenate(points)
        self.visible = np.concatenate(visible)
        self._row_of_key = {key: row for row, key in enumerate(self.table["key"])}

    @cached_property
    def codes(self) -> np.ndarray:
        """See the class.

        Raises:
            DgError: some shards have codes and others don't.
        """
        there = [(path, keep) for path, keep in self._codes if path.exists()]
        if not there:
            return np.zeros((len(self), 0), np.float32)
        if len(there) < len(self._codes):
            missing = next(path for path, _ in self._codes if not path.exists())
            raise DgError(
                f"{missing}: shard not found, though others of its kind are there. Run the identity step again."
            )
        return np.concatenate([fixed_lists(read_shard(path), "code")[keep] for path, keep in there])

    def __len__(self) -> int:
        return len(self.points)

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
        shard, place = self._place[row]
        return self._images[shard][place].as_py()

    def image(self, row: int) -> np.ndarray:
        """Face crop as (size, size, 3) uint8 RGB."""
        return decode_image(self.encoded(row))
