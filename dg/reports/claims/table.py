"""The form of results/claims.csv."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

_TEXTS = [
    "kind", "what", "test", "data_set", "measure", "metric", "judge", "yaw", "sign", "verdict", "scale", "stand_in",
]  # fmt: skip
COLUMNS = [
    "claim", "kind", "what", "test", "data_set", "measure", "metric", "judge", "yaw", "value", "low", "high", "wanted",
    "sign", "verdict", "won", "seeds", "pairs", "subjects", "scale", "stand_in",
]  # fmt: skip


def read_table(path: Path) -> pd.DataFrame:
    """The claims at `path`; empty texts are "", empty numbers NaN or NA."""
    frame = pd.read_csv(path, dtype=dict.fromkeys(_TEXTS, str))
    return shaped(frame)


def shaped(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with COLUMNS in their types."""
    frame = frame.reindex(columns=COLUMNS)
    frame[_TEXTS] = frame[_TEXTS].astype(object).fillna("")
    return frame.astype(dict.fromkeys(("wanted", "seeds", "pairs", "subjects"), "Int64"))
