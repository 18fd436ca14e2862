"""What the metrics' networks see in a test's original pictures, looked at once for all methods that are tested."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from dg.errors import DgError
from dg.files import read_parquet
from dg.metrics.embedding import embeddings
from dg.metrics.networks import MetricNetworks
from dg.shards import FaceSet, decode_image, fixed_lists, read_shard, write_shard
from dg.steps.evaluate import OriginalsSettings

_SHAPES = {"mesh": (68, 3), "five_points": (5, 2)}  # of the columns that aren't plain rows of numbers


def look_at_originals(settings: OriginalsSettings, folders: list[Path], pairs: Path, out: Path) -> None:
    """Write the shard `out`: key, embedding (of CSIM), features (of FID), mesh (68, 3) and five_points (5, 2) of every
    picture of the data sets that the pair list names, as source, reference or target.

    Args:
        folders: the prepared data sets.
        pairs: their pair list.

    Raises:
        DgError: weights of a network are missing, or the files don't belong together.
    """
    networks, faces = MetricNetworks(settings.csim, settings.fid), FaceSet(folders)
    named = read_parquet(pairs)[["source", "reference", "target"]].to_numpy().ravel()
    keys = list(dict.fromkeys(filter(None, named)))
    rows = [faces.row(key) for key in keys]

    def images(title: str):
        return (decode_image(faces.encoded(row)) for row in tqdm(rows, desc=title, unit="picture", disable=None))

    cut_out = ((faces.encoded(row), faces.points[row]) for row in tqdm(rows, desc="CSIM", unit="picture", disable=None))
    marks = [(networks.face_mesh(image), networks.five_points(image)) for image in images("landmarks")]
    mesh, five_points = (np.stack(each).reshape(len(rows), -1) for each in zip(*marks))
    found = {
        "embedding": np.stack(list(embeddings(networks.embedder, cut_out))),
        "features": np.concatenate(list(networks.features(images("FID"), len(rows)))),
        "mesh": mesh,
        "five_points": five_points,
    }
    columns = [(name, pa.list_(pa.float32(), each.shape[1])) for name, each in found.items()]
    schema = pa.schema([("key", pa.string()), *columns], metadata=_made_by(settings.csim, settings.fid))
    write_shard(out, schema, {"key": keys} | found)


def _made_by(csim: str, fid: str) -> dict[bytes, bytes]:
    return {b"csim": csim.encode(), b"fid": fid.encode()}


class Originals:
    """That shard; only the rows asked for come into memory."""

    def __init__(self, path: Path, csim: str, fid: str) -> None:
        """Open it.

        Raises:
            DgError: it is missing or damaged, or other networks than `csim` and `fid` made it.
        """
        batch = read_shard(path)
        if batch.schema.metadata != _made_by(csim, fid):
            raise DgError(f"{path}: was not made by csim {csim} and fid {fid}. Run the step originals again.")
        self._path, self._batch = path, batch
        self._row = {key: row for row, key in enumerate(batch.column("key").to_pylist())}

    def read(self, column: str, keys: Sequence[str]) -> np.ndarray:
        """What was seen in some pictures, (len(keys), ...) float32.

        Args:
            column: embedding, features, mesh or five_points.

        Raises:
            DgError: a picture isn't there.
        """
        if lacking := [key for key in keys if key not in self._row]:
            raise DgError(
                f"{self._path}: was made from other pairs, without {lacking[0]}. Run the step originals again."
            )
        found = fixed_lists(self._batch, column)[[self._row[key] for key in keys]]
        return found.reshape(len(keys), *_SHAPES.get(column, found.shape[1:]))
