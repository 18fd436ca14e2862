"""Features of many pictures on disk, so that memory doesn't grow with their number."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_PIECE = 4096  # rows in memory at once; smaller ones make the interval of FID slower


class FeatureStore:
    """A growing table (m, d) of float32 in a file without a name, which vanishes with the process."""

    def __init__(self, folder: Path) -> None:
        """Open an empty table on the disk that holds `folder`; /tmp may be memory."""
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self.dimension = 0

    def append(self, features: np.ndarray) -> None:
        """Add (k, d) rows."""
        self.dimension = features.shape[1]
        self._file.write(np.ascontiguousarray(features, np.float32).tobytes())

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Copies of some rows, (len(rows), d) float32."""
        self._file.flush()
        # Mapped anew each time: pages once read count as this process's memory until they are unmapped.
        with mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            table = np.frombuffer(mapped, np.float32).reshape(-1, self.dimension)
            found = table[rows]
            del table
        return found


@dataclass(frozen=True)
class Features:
    """The features of a set of pictures, one row each, repeats allowed; read in pieces.

    Attributes:
        store: where they lie.
        rows: (n,) row of each picture there.
    """

    store: FeatureStore
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def dimension(self) -> int:
        """d, numbers per picture."""
        return self.store.dimension

    def pieces(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Slices of the set and their features, (<= 4096, d) float64."""
        for start in range(0, len(self.rows), _PIECE):
            place = slice(start, start + _PIECE)
            yield place, self.store.read(self.rows[place]).astype(float)

    def chosen(self, places: np.ndarray) -> Features:
        """The pictures at `places` of this set."""
        return Features(self.store, self.rows[places])

    def whole(self) -> np.ndarray:
        """All of them at once, (n, d) float32."""
        return self.store.read(self.rows)
