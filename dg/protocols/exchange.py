"""The folder through which any other method gets a pair list and hands back its pictures.

`pairs.csv` has a row per pair: `pair` (a name), `source` and `reference` (picture files), `tuning` (picture files
joined by ";", empty but in VoxCeleb1's protocol). `landmarks.csv` has a row per picture: `picture` and, for each of the
68 points, x, y, z in crop coordinates and whether it is visible. File names are relative to the CSV's folder. The
method writes `<pair>.png` (or .jpg) for every pair into the folder it is given. `truth.csv`, for ceilings, is pairs.csv
with the picture of the ground truth in a further column `target` (empty where there is none); it is only there for
commands that ask for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from dg.errors import DgError
from dg.files import replacing, write_csv
from dg.pictures import UNREADABLE
from dg.shards import FaceSet

POINT_COLUMNS = tuple(f"{axis}{point}" for axis in ("x", "y", "z") for point in range(68))
VISIBLE_COLUMNS = tuple(f"visible{point}" for point in range(68))
SUFFIXES = (".png", ".jpg", ".jpeg")
_PNG = b"\x89PNG"


def write_exchange(faces: FaceSet, pairs: pd.DataFrame, folder: Path, truths: bool = False) -> Path:
    """Write the pictures, landmarks and pairs into `folder`; returns the path of pairs.csv, which is written last.

    Args:
        faces: the prepared faces.
        pairs: a pair list (PAIR_COLUMNS, perhaps `tuning`).
        truths: write truth.csv in the place of pairs.csv.
    """
    tuning = [list(keys) for keys in pairs["tuning"]] if "tuning" in pairs else [[]] * len(pairs)
    targets = [key for key in pairs["target"] if key] if truths else []
    shown = [*pairs["source"], *pairs["reference"], *(key for some in tuning for key in some), *targets]
    keys = list(dict.fromkeys(shown))
    rows = [faces.row(key) for key in keys]
    files = dict(zip(keys, write_pictures(faces, rows, folder)))
    names = pd.Series(list(files.values()), name="picture")
    write_csv(folder / "landmarks.csv", pd.concat([names, landmark_columns(faces, rows)], axis=1))
    table = pd.DataFrame(
        {
            "pair": pair_names(len(pairs)),
            "source": pairs["source"].map(files),
            "reference": pairs["reference"].map(files),
            "tuning": [";".join(files[key] for key in some) for some in tuning],
        }
    )
    if truths:
        table["target"] = pairs["target"].map(files).fillna("").to_numpy()
    path = folder / ("truth.csv" if truths else "pairs.csv")
    write_csv(path, table)
    return path


def write_pictures(faces: FaceSet, rows: list[int], folder: Path) -> list[str]:
    """Write the pictures of some rows as they are stored, PNG or JPEG; returns their names, relative to `folder`."""
    names = []
    for number, row in enumerate(rows):
        data = faces.encoded(row)
        names.append(f"pictures/{number:06d}{'.png' if data.startswith(_PNG) else '.jpg'}")
        with replacing(folder / names[-1]) as temporary:
            temporary.write_bytes(data)
    return names


def landmark_columns(faces: FaceSet, rows: list[int]) -> pd.DataFrame:
    """POINT_COLUMNS and VISIBLE_COLUMNS (0 or 1) of some rows."""
    points = pd.DataFrame(faces.points[rows].transpose(0, 2, 1).reshape(len(rows), -1), columns=list(POINT_COLUMNS))
    return pd.concat([points, pd.DataFrame(faces.visible[rows].astype(int), columns=list(VISIBLE_COLUMNS))], axis=1)


def pair_names(count: int) -> list[str]:
    """The names of `count` pairs, in the pair list's order."""
    return [f"{number:06d}" for number in range(count)]


def read_exchange(path: Path) -> pd.DataFrame:
    """What a method reads: pairs.csv or truth.csv with full paths, and the reference's landmarks.

    Returns:
        pair, source, reference (paths), tuning (lists of paths), points ((68, 3) float32), visible ((68,) bool), of
        truth.csv also target (path or None).

    Raises:
        DgError: a file is missing.
    """
    folder = Path(path).parent
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        marks = pd.read_csv(folder / "landmarks.csv").set_index("picture")
    except FileNotFoundError as error:
        raise DgError(f"{error.filename}: not found. The pipeline writes it; give the path of its pairs.csv.") from None
    reference = marks.loc[table["reference"]]
    points = reference[list(POINT_COLUMNS)].to_numpy(np.float32).reshape(-1, 3, 68).transpose(0, 2, 1)
    table["points"], table["visible"] = list(points), list(reference[list(VISIBLE_COLUMNS)].to_numpy(bool))
    table["tuning"] = [[folder / name for name in names.split(";") if name] for names in table["tuning"]]
    for column in ("source", "reference", "target"):
        if column in table:
            table[column] = [folder / name if name else None for name in table[column]]
    return table


def read_answers(folder: Path, count: int, size: int, method: str) -> Iterator[np.ndarray]:
    """The method's pictures in the pairs' order, (size, size, 3) uint8 RGB each.

    Raises:
        DgError: a picture is missing, unreadable or of another size. All are looked for before the first is read.
    """
    answers, missing = [], []
    for name in pair_names(count):
        found = next((folder / f"{name}{end}" for end in SUFFIXES if (folder / f"{name}{end}").exists()), None)
        answers.append(found)
        if found is None:
            missing.append(name)
    if missing:
        raise DgError(
            f"methods.{method}: wrote {count - len(missing)} of {count} pictures into {folder}; missing: "
            f"{', '.join(f'{name}.png' for name in missing[:5])}{', …' if len(missing) > 5 else ''}. Its command must "
            "write a picture for every row of pairs.csv. What it wrote is kept there; the same run goes on."
        )
    for path in answers:
        try:
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB"))
        except UNREADABLE as error:
            raise DgError(f"methods.{method}: {path} can't be read as a picture ({error}). Write it again.") from error
        if pixels.shape != (size, size, 3):
            raise DgError(
                f"methods.{method}: {path} has {pixels.shape[1]} x {pixels.shape[0]} pixels, expected {size} x {size}, "
                "the size of the source picture."
            )
        yield pixels
