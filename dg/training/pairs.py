"""Which pictures are source, reference and target in a training batch; the same for the same seed and step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dg.errors import DgError


@dataclass(frozen=True)
class Batch:
    """Row numbers of the training table.

    Attributes:
        source, reference: (B,) rows.
        target: (B,) rows of the source subject in the reference's pose and expression, -1 where no such picture exists.
    """

    source: np.ndarray
    reference: np.ndarray
    target: np.ndarray

    def rows(self, which: slice) -> Batch:
        """Some of the pairs."""
        return Batch(self.source[which], self.reference[which], self.target[which])


class PairSampler:
    """Draws training pairs from a table of faces (Sec. 4.1, Implementation Details)."""

    def __init__(self, table: pd.DataFrame, batch: int, seed: int) -> None:
        """Index the table.

        Args:
            table: rows of the training part with the manifest's columns.
            batch: pairs per step.

        Raises:
            DgError: fewer than two subjects have two pictures.
        """
        self.batch, self.seed = batch, seed
        self.subjects = sorted(table["subject"].unique())
        self.subject = table["subject"].map({name: k for k, name in enumerate(self.subjects)}).to_numpy(copy=True)
        self._rows = [np.flatnonzero(self.subject == k) for k in range(len(self.subjects))]
        # Pairs of one subject share light, session and clip: the source can't tell another light or background.
        look = table[["subject", "light", "session", "clip"]].fillna("").astype(str).agg("/".join, axis=1)
        self._alike = {name: rows for name, rows in look.groupby(look).indices.items() if len(rows) >= 2}
        self._of_subject = [sorted({look[i] for i in rows} & set(self._alike)) for rows in self._rows]
        self._usable = [k for k, looks in enumerate(self._of_subject) if looks]
        if len(self._usable) < 2:
            raise DgError(
                f"training needs at least two subjects with two pictures each in one light, session and clip; it holds "
                f"{len(self._usable)} of {len(self.subjects)}. Add data, or look at the manifests' reports."
            )
        self._set = table["key"].str.split("/", n=1).str[0].to_numpy()
        self._action = [self._state(row, ("yaw", "pitch", "expression", "gaze")) for row in table.to_dict("records")]
        self._look = [self._state(row, ("light", "session")) for row in table.to_dict("records")]
        # Video frames have no named expression, so no other frame counts as the same action.
        self._row_of = {
            (self.subject[i], self._action[i], self._look[i]): i
            for i, row in enumerate(table["expression"])
            if isinstance(row, str) and row
        }

    @staticmethod
    def _state(row: dict, columns: tuple[str, ...]) -> tuple:
        return tuple(None if pd.isna(row[c]) else round(v, 3) if isinstance(v := row[c], float) else v for c in columns)

    def _generator(self, step: int, kind: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, kind, step])

    def self_batch(self, step: int) -> Batch:
        """Two different pictures of one subject in one light, session and clip; the reference is the target."""
        rng = self._generator(step, 0)
        chosen = [rng.choice(self._of_subject[k]) for k in rng.choice(self._usable, self.batch)]
        pairs = np.array([rng.choice(self._alike[look], 2, replace=False) for look in chosen])
        return Batch(pairs[:, 0], pairs[:, 1], pairs[:, 1])

    def cross_batch(self, step: int) -> Batch:
        """References of other subjects of the same data set, where the set has others."""
        rng = self._generator(step, 1)
        source = np.array([rng.choice(self._rows[k]) for k in rng.choice(len(self._rows), self.batch)])
        reference = np.empty_like(source)
        for place, row in enumerate(source):
            other = self.subject != self.subject[row]
            near = np.flatnonzero(other & (self._set == self._set[row]))
            reference[place] = rng.choice(near if len(near) else np.flatnonzero(other))
        return Batch(source, reference, np.array([self.target(s, r) for s, r in zip(source, reference)]))

    def target(self, source: int, reference: int) -> int:
        """Row of the source subject in the reference's action under the source's light and session, or -1."""
        return self._row_of.get((self.subject[source], self._action[reference], self._look[source]), -1)


class FrameSampler:
    """Draws pairs among all given frames of one person, for fine-tuning.

    Attributes:
        subject: (n,) zeros: the frames' subject numbers.
    """

    def __init__(self, frames: int, batch: int, seed: int) -> None:
        """`frames`: how many there are, at least two. `batch`: pairs per step."""
        self.batch, self.seed, self.subject = batch, seed, np.zeros(frames, int)

    def self_batch(self, step: int) -> Batch:
        """Two different frames; the reference is the target."""
        rng = np.random.default_rng([self.seed, 0, step])
        pairs = np.array([rng.choice(len(self.subject), 2, replace=False) for _ in range(self.batch)])
        return Batch(pairs[:, 0], pairs[:, 1], pairs[:, 1])
