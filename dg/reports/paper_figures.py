"""The paper's Figures 2 to 6, made from our runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from dg.errors import DgError
from dg.files import read_parquet, replacing
from dg.landmarks.regions import EDGES
from dg.protocols.results import Results
from dg.provenance import REENACTED, save_png
from dg.reports.sheets import Row, draw_sheet
from dg.shards import FaceSet, decode_image
from dg.steps.figures import PaperFigureSettings
from dg.study.figures import FIGURES
from dg.tests import TESTS
from dg.xmp import SourceType

CASES = 8
_SIDE = 256  # of the drawn landmarks, pixels
_REFERENCE, _GENERATED = (176, 176, 176), (20, 90, 200)


def make_figure(
    settings: PaperFigureSettings, folders: list[Path], pairs: Path, generated: list[Path], out: Path
) -> None:
    """Write the figure `out` (PNG, at most 1200 pixels wide, provenance text chunk).

    The cases follow from a rule, not from anybody's taste: "turned" takes from each subject in turn the pair with the
    largest difference of yaw between source and reference, "spread" takes pairs at equal distances in the list.

    Args:
        folders: the prepared data sets.
        pairs: the pair list.
        generated: results of each method or model, in the rows' order.

    Raises:
        DgError: a file is missing, or they don't belong together.
    """
    faces, table = FaceSet(folders), read_parquet(pairs)
    results = [Results(path) for path in generated]
    for path, made in zip(generated, results):
        if made.keys("reference") != table["reference"].tolist():
            raise DgError(f"{path}: was made from other pairs than {pairs}. Run its step again.")
    chosen = _turned(table) if settings.choice == "turned" else _spread(table)
    cases = table.iloc[chosen]
    self_reenactment = cases["target"].eq(cases["reference"]).all()

    def pictures(column: str) -> list[Image.Image | None]:
        return [Image.fromarray(faces.image(faces.row(key))) if key else None for key in cases[column]]

    rows = [
        Row("source", pictures("source")),
        Row("reference =\nground truth" if self_reenactment else "reference", pictures("reference")),
    ]
    if settings.landmarks:
        rows.append(Row("landmarks of\nreference (grey),\nIDSG (blue)", _landmarks(faces, cases, results, chosen)))
    for label, made in zip(settings.labels, results):
        rows.append(Row(label, [Image.fromarray(decode_image(made.encoded(number))) for number in chosen]))
    if not self_reenactment and cases["target"].ne("").any():
        rows.append(Row("ground truth", pictures("target")))
    sets = ", ".join(folder.name for folder in folders)
    title = f"{FIGURES[settings.figure].heading}. {TESTS[settings.test].title}: {sets}"
    rule = {
        "turned": "the largest differences of yaw, subject by subject",
        "spread": "evenly from the list",
    }[settings.choice]
    subtitle = f"{len(chosen)} of {len(table)} pairs, {rule}. Results are {REENACTED}. {settings.note}".strip()
    with replacing(out) as temporary:
        save_png(
            draw_sheet(title, subtitle, rows, _captions(cases)), temporary, f"{title}. {subtitle}", SourceType.SHEET
        )


def _spread(table: pd.DataFrame) -> list[int]:
    return sorted({int(place) for place in np.linspace(0, len(table) - 1, min(CASES, len(table))).round()})


def _turned(table: pd.DataFrame) -> list[int]:
    turn = (table["reference_yaw"] - table["source_yaw"]).abs()
    turn = turn.fillna(table["reference_yaw"].abs())  # of video frames nobody noted the yaw
    ranked = turn.sort_values(ascending=False, kind="stable").index
    # Every subject's largest, then every subject's second, and so on.
    rank = table.loc[ranked].groupby("subject").cumcount().sort_values(kind="stable")
    return [int(number) for number in rank.index[:CASES]]


def _captions(cases: pd.DataFrame) -> list[str]:
    def degrees(yaw: float) -> str:
        return "" if pd.isna(yaw) else f"{yaw:+.0f}°" if round(yaw) else "0°"

    pairs = zip(cases["source_yaw"], cases["reference_yaw"])
    return [" to ".join(filter(None, map(degrees, pair))) for pair in pairs]


def _landmarks(faces: FaceSet, cases: pd.DataFrame, results: list[Results], chosen: list[int]) -> list[Image.Image]:
    drawn = []
    for number, key in zip(chosen, cases["reference"]):
        image = Image.new("RGB", (_SIDE, _SIDE), (255, 255, 255))
        _lines(image, faces.points[faces.row(key)], _REFERENCE)
        for made in results:
            points = made[number].points
            # Methods that are commands say nothing of landmarks.
            if np.isfinite(points).all():
                _lines(image, points, _GENERATED)
        drawn.append(image)
    return drawn


def _lines(image: Image.Image, points: np.ndarray, colour: tuple[int, int, int]) -> None:
    pen = ImageDraw.Draw(image)
    for ends in EDGES:
        pen.line([tuple(points[point, :2] * _SIDE) for point in ends], fill=colour, width=4)
