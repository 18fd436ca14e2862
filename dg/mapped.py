"""A column of many Arrow files as one array of which only the rows asked for come into memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa


class MappedRows:
    """Rows of a column that lies in several memory-mapped files; read-only.

    Attributes:
        shape: (n, ...), of all rows.
    """

    def __init__(self, columns: list[pa.FixedSizeListArray], rows: list[np.ndarray], each: tuple[int, ...]) -> None:
        """Look at nothing yet.

        Args:
            columns: a list of float32 or bool in each row, one column per file, at least one.
            rows: the row numbers in each file that are part of it, at least one each.
            each: shape of a row.
        """
        self._read, self._rows = [_reader(column) for column in columns], rows
        ends = np.cumsum([len(some) for some in rows])
        self._starts = ends - [len(some) for some in rows]
        self._dtype = columns[0].type.value_type.to_pandas_dtype()
        self.shape = (int(ends[-1]), *each)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: int | Sequence[int] | np.ndarray) -> np.ndarray:
        """A copy of one row, or of n, from 0.

        Raises:
            IndexError: there is no such row.
        """
        wanted = np.asarray(rows, int)
        if ((wanted < 0) | (wanted >= len(self))).any():
            raise IndexError(f"rows {wanted.min()} to {wanted.max()} of {len(self)}")
        found = np.empty((wanted.size, *self.shape[1:]), self._dtype)
        file = np.searchsorted(self._starts, wanted.ravel(), "right") - 1
        for number in np.unique(file):
            here = file == number
            places = self._rows[number][wanted.ravel()[here] - self._starts[number]]
            found[here] = self._read[number](places).reshape(-1, *self.shape[1:])
        return found.reshape(*wanted.shape, *self.shape[1:])


def _reader(column: pa.FixedSizeListArray) -> Callable[[np.ndarray], np.ndarray]:
    """Reads n rows of it; Arrow's own `take` needs a hundred times as long for the few rows of a batch."""
    flat, width = column.flatten(), column.type.list_size
    if not pa.types.is_boolean(flat.type):
        return flat.to_numpy().reshape(-1, width).__getitem__
    packed = np.frombuffer(flat.buffers()[1], np.uint8)

    def bits(rows: np.ndarray) -> np.ndarray:
        places = flat.offset + rows[:, None].astype(int) * width + np.arange(width)
        return (packed[places >> 3] >> (places & 7) & 1).astype(bool)

    return bits
