"""Which pictures are source, reference and target in a training batch; the same for the same seed and step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dg.errors import DgError
from dg.ground_truth import GroundTruth


@dataclass(frozen=True)
class Batch:
    """Row numbers of the training table.

    Attributes:
        source, reference: (B,) rows.
        target: (B,) rows of the ground truth, -1 where no such picture exists (`GroundTruth`).
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
            table: rows of the training part, `FaceSet.labels` or with the manifest's columns.
            batch: pairs per step.

        Raises:
            DgError: fewer than two subjects have two pictures.
        """
        self.batch, self.seed = batch, seed
        # Numbers from the start: a table of millions of rows has few different words.
        words = [_numbered(table[name]) for name in ("subject", "light", "session", "clip")]
        self.subject, self.subjects = words[0]
        self._rows, self._every = _groups(self.subject, len(self.subjects)), np.arange(len(table))
        # Pairs of one subject share light, session and clip: the source can't tell another light or background.
        look, names = _joined(words)
        self._alike = _groups(look, len(names))
        in_pairs = np.array([len(rows) >= 2 for rows in self._alike])[look]
        owner, kinds = np.divmod(np.unique((self.subject * len(names) + look)[in_pairs]), len(names))
        self._of_subject = [kinds[places] for places in _groups(owner, len(self.subjects))]
        self._usable = [k for k, looks in enumerate(self._of_subject) if len(looks)]
        if len(self._usable) < 2:
            raise DgError(
                f"training needs at least two subjects with two pictures each in one light, session and clip; it holds "
                f"{len(self._usable)} of {len(self.subjects)}. Add data, or look at the manifests' reports."
            )
        self._index_sets(table["set"] if "set" in table else table["key"].str.split("/", n=1).str[0])
        self._truth = GroundTruth(table)

    def _index_sets(self, names: pd.Series) -> None:
        self._set, sets = pd.factorize(names)
        self._of_set = _groups(self._set, len(sets))
        place = np.empty(len(names), int)
        for rows in self._of_set:
            place[rows] = np.arange(len(rows))
        self._home, homes = pd.factorize(self._set * len(self.subjects) + self.subject)
        self._left_out = [place[rows] - np.arange(len(rows)) for rows in _groups(self._home, len(homes))]

    def _generator(self, step: int, kind: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, kind, step])

    def self_batch(self, step: int) -> Batch:
        """Two different pictures of one subject in one light, session and clip; the reference is the target."""
        rng = self._generator(step, 0)
        looks = _draw(rng, [self._of_subject[k] for k in rng.choice(self._usable, self.batch)])
        pairs = np.array([rng.choice(self._alike[look], 2, replace=False) for look in looks])
        return Batch(pairs[:, 0], pairs[:, 1], pairs[:, 1])

    def cross_batch(self, step: int) -> Batch:
        """References of other subjects of the same data set, where the set has others."""
        rng = self._generator(step, 1)
        source = _draw(rng, [self._rows[k] for k in rng.choice(len(self._rows), self.batch)])
        pools = [self._others(row) for row in source]
        places = rng.integers(0, [len(rows) - len(left_out) for rows, left_out in pools])
        chosen = zip(pools, places)
        reference = np.array([rows[k + np.searchsorted(left_out, k, "right")] for (rows, left_out), k in chosen])
        return Batch(source, reference, self._truth.rows(source, reference))

    def _others(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Ascending rows among which `row` finds references, and how many of them lie before each one of its subject.

        Made once: a table of a million rows is never looked through for a pair.
        """
        rows, left_out = self._of_set[self._set[row]], self._left_out[self._home[row]]
        if len(rows) > len(left_out):
            return rows, left_out
        own = self._rows[self.subject[row]]
        return self._every, own - np.arange(len(own))


Words = tuple[np.ndarray, list[str]]
"""(n,) numbers of n words among the different ones, and these, sorted."""


def _numbered(words: pd.Series) -> Words:
    """None and NaN are ""."""
    numbers, found = pd.factorize(words, use_na_sentinel=False)
    order, different = pd.factorize(pd.Series(np.asarray(found, object)).fillna(""), sort=True)
    return order[numbers], list(different)


def _joined(columns: list[Words]) -> Words:
    """The words of each row, joined by "/"."""
    table = pd.DataFrame({number: numbers for number, (numbers, _) in enumerate(columns)})
    rows = table.drop_duplicates().itertuples(index=False)
    found = ["/".join(words[k] for k, (_, words) in zip(row, columns)) for row in rows]
    order, different = _numbered(pd.Series(found))
    return order[table.groupby(list(table), sort=False).ngroup()], different


def _groups(codes: np.ndarray, count: int) -> list[np.ndarray]:
    """The rows that have code 0, 1, ... count - 1, each ascending."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.searchsorted(codes[order], np.arange(1, count)))


def _draw(rng: np.random.Generator, pools: list[np.ndarray]) -> np.ndarray:
    """One element of each pool."""
    places = rng.integers(0, [len(pool) for pool in pools])
    return np.array([pool[place] for pool, place in zip(pools, places)])


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
