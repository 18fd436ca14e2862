"""One picture that a method made: the pair behind it, the files of its faces, its scores."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from dg.errors import DgError
from dg.files import read_parquet
from dg.metrics.metric import METRICS
from dg.protocols.results import Results


def picture(path: Path, word: str, inputs: Iterable[str]) -> list[str]:
    """What the picture number `word`, counted from 0, of the results file `path` is; in words, a line each.

    Args:
        inputs: files that the results were made from, manifests among them.

    Raises:
        DgError: there is no such picture.
    """
    results = Results(path)
    if not word.isdecimal() or int(word) >= len(results):
        raise DgError(f"{path}: no picture '{word}'; expected a number from 0 to {len(results) - 1}.")
    pair = results[int(word)]
    faces = {"source": pair.source, "reference": pair.reference, "ground truth": pair.target}
    files = _files({key for key in faces.values() if key}, inputs)
    told = [f"picture {word} of {len(results)}"]
    told += [f"{role}: {key} ({files[key]})" if key else f"{role}: none" for role, key in faces.items()]
    scores = path.with_suffix(".parquet")
    if scores.exists():
        row = read_parquet(scores).iloc[int(word)]
        known = [metric for metric in METRICS if pd.notna(row.get(metric.key))]
        told.append("scores: " + ", ".join(f"{one.title} {one.text(row[one.key])} {one.unit}".strip() for one in known))
    return told


def _files(keys: set[str], inputs: Iterable[str]) -> dict[str, str]:
    """key of a face -> its picture or video file, with the frame."""
    found = dict.fromkeys(keys, "its data set's manifest is not here")
    for manifest in (Path(path) for path in inputs if Path(path).name == "manifest.parquet" and Path(path).exists()):
        table = read_parquet(manifest)
        for row in table[table["key"].isin(keys)].itertuples():
            file = Path("data/raw", manifest.parent.name, row.path)
            found[row.key] = f"{file}" if row.frame < 0 else f"{file}, frame {row.frame}"
    return found
