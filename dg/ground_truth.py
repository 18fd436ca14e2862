"""The ground truth of a pair: the picture that a method should make of its source and its reference (Sec. 4.1)."""

from __future__ import annotations

import numpy as np
import pandas as pd

_ANGLES = ["yaw", "pitch"]


class GroundTruth:
    """Finds it in a table of faces, for test pairs and for training pairs alike.

    It is a picture of the source's subject that shows the reference's yaw, pitch, expression and gaze in the source's
    light and session. Angles are the same if they are to a tenth of a degree: rendered and computed ones differ in
    their last digits. Where a picture's yaw, pitch or expression isn't told (video frames), nobody knows whether
    another one shows the same: it is nobody's ground truth, and as a reference it has none. Other words that the set
    doesn't tell are alike. Of several fitting pictures the first of the table counts.
    """

    def __init__(self, faces: pd.DataFrame) -> None:
        """`faces`: the manifest's columns; None, NaN and "" are words that aren't told, NaN such angles."""
        tenths = faces[_ANGLES].astype(float).mul(10).round()
        words = faces[["subject", "expression", "gaze", "light", "session"]].fillna("")
        self._told = (tenths.notna().all(axis=1) & (words["expression"] != "")).to_numpy()
        self._subject = _numbers(words["subject"])
        self._action = _numbers(tenths["yaw"], tenths["pitch"], words["expression"], words["gaze"])
        self._setting = _numbers(words["light"], words["session"])
        self._base = (self._action.max(initial=0) + 1, self._setting.max(initial=0) + 1)
        known = np.flatnonzero(self._told)
        self._keys, first = np.unique(self._key(known, known), return_index=True)
        self._row_of = known[first]

    def rows(self, source: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """The ground truth of n pairs.

        Args:
            source, reference: (n,) row numbers of the table, from 0.

        Returns:
            (n,) row numbers, -1 where the table holds none; the source itself where it shows what the reference shows.
        """
        source, reference = np.asarray(source, int), np.asarray(reference, int)
        if not len(self._keys):
            return np.full(len(source), -1)
        wanted = self._key(source, reference)
        place = np.searchsorted(self._keys, wanted).clip(max=len(self._keys) - 1)
        return np.where(self._told[reference] & (self._keys[place] == wanted), self._row_of[place], -1)

    def _key(self, source: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """A number for (source's subject, reference's action, source's light and session)."""
        actions, settings = self._base
        return (self._subject[source] * actions + self._action[reference]) * settings + self._setting[source]


def _numbers(*columns: pd.Series) -> np.ndarray:
    """(n,) numbers from 0, equal where all columns are."""
    total = np.zeros(len(columns[0]), int)
    for column in columns:
        codes, values = pd.factorize(column, use_na_sentinel=False)
        total = pd.factorize(total * len(values) + codes)[0]
    return total
