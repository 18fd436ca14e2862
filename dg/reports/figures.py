"""Grids of source, reference, result and ground truth, from the best pair to the worst (beside Figs. 4 and 5)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from dg.errors import DgError
from dg.files import read_parquet, replacing
from dg.protocols.results import Results
from dg.provenance import REENACTED, save_png
from dg.reports.sheets import broken
from dg.shards import FaceSet, decode_image
from dg.steps.figures import FigureSettings
from dg.tests import TESTS
from dg.xmp import SourceType

EXAMPLES = 8
_MAX_WIDTH = 1200  # pixels; wider pictures bloat Snakemake's report
_MAX_FACE = 256
_COLUMNS = ("source", "reference", "result", "ground truth")
_GAP, _CAPTION, _HEAD, _TITLE, _LINE = 8, 40, 24, 46, 18
_INK, _FAINT, _PAPER = (20, 20, 20), (110, 110, 110), (255, 255, 255)


def make_grid(settings: FigureSettings, folder: Path, pairs: Path, generated: Path, per_pair: Path, out: Path) -> None:
    """Write the picture `out` (PNG, at most 1200 pixels wide, provenance text chunk): 8 pairs of one test.

    Pairs are ranked by SSIM (by CSIM where SSIM is empty) and taken at equal distances from the best to the worst, so
    the grid shows the whole range and nobody's choice.

    Args:
        folder: the prepared data set.
        pairs: its pair list.
        generated: DG's results.
        per_pair: evaluate's values for each pair.

    Raises:
        DgError: a file is missing, or they don't belong together.
    """
    faces, results, values = FaceSet([Path(folder)]), Results(generated), read_parquet(per_pair)
    table = read_parquet(pairs)
    for path, keys in ((generated, results.keys("source")), (per_pair, values["source"].tolist())):
        if keys != table["source"].tolist():
            raise DgError(f"{path}: was made from other pairs than {pairs}. Run its step again.")
    ranked_by, chosen = _spread(values)
    examples = [_example(faces, results, values, number) for number in chosen]
    title = f"DG on {TESTS[settings.test].title}: {Path(folder).name}"
    subtitle = (
        f"{len(chosen)} of {len(table)} pairs, evenly from the best to the worst {ranked_by.upper()}. "
        f"Results are {REENACTED}. {settings.note}"
    ).strip()
    with replacing(out) as temporary:
        save_png(_draw(title, subtitle, examples), temporary, f"{title}. {subtitle}", SourceType.SHEET)


def _spread(values: pd.DataFrame) -> tuple[str, list[int]]:
    ranked_by = "ssim" if values["ssim"].notna().any() else "csim"
    order = values[ranked_by].dropna().sort_values(ascending=False, kind="stable").index
    places = np.linspace(0, len(order) - 1, min(EXAMPLES, len(order))).round().astype(int)
    return ranked_by, [int(order[place]) for place in places]


def _example(
    faces: FaceSet, results: Results, values: pd.DataFrame, number: int
) -> list[tuple[Image.Image | None, list[str]]]:
    """Picture (None: there is none) and caption lines of each column."""
    result, value = results[number], values.iloc[number]

    def picture(key: str) -> Image.Image | None:
        return Image.fromarray(faces.image(faces.row(key))) if key else None

    scores = [f"{name.upper()} {value[name]:.3f}" for name in ("ssim", "csim") if pd.notna(value[name])]
    return [
        (picture(result.source), _turned(value["source_yaw"])),
        (picture(result.reference), _turned(value["reference_yaw"])),
        (Image.fromarray(decode_image(result.image)), scores),
        (picture(result.target), [] if result.target else ["none exists"]),
    ]


def _turned(yaw: float) -> list[str]:
    return [] if pd.isna(yaw) else [f"yaw {round(yaw):+d}°" if round(yaw) else "yaw 0°"]


def _draw(title: str, subtitle: str, examples: list[list[tuple[Image.Image | None, list[str]]]]) -> Image.Image:
    """Rows of examples, two blocks side by side where faces are small."""
    largest = examples[0][0][0].width
    blocks = 2 if largest <= 128 else 1
    face = min(largest, _MAX_FACE, (_MAX_WIDTH - _GAP) // (blocks * len(_COLUMNS)) - _GAP)
    # Small faces are enlarged by a whole factor to stay as they are.
    face *= max(1, ((_MAX_WIDTH - _GAP) // (blocks * len(_COLUMNS)) - _GAP) // face) if largest <= 64 else 1
    rows = -(-len(examples) // blocks)
    block_width = len(_COLUMNS) * (face + _GAP)
    width = max(blocks * block_width + _GAP * (2 * blocks - 1), 560)
    large, normal, small = (ImageFont.load_default(size) for size in (18, 14, 13))
    lines = broken(subtitle, small, width - 2 * _GAP)
    head = _TITLE + _LINE * len(lines)
    sheet = Image.new("RGB", (width, head + _HEAD + rows * (face + _CAPTION)), _PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((_GAP, 10), title, _INK, large)
    for number, line in enumerate(lines):
        pen.text((_GAP, 36 + number * _LINE), line, _FAINT, small)
    for block in range(blocks):
        for place, name in enumerate(_COLUMNS):
            left = _GAP + block * (block_width + 2 * _GAP) + place * (face + _GAP)
            pen.text((left + face / 2, head + 4), name, _INK, normal, anchor="ma")
    for number, example in enumerate(examples):
        # Down the first block, then down the second: best at the top left, worst at the bottom right.
        block, row = divmod(number, rows)
        top = head + _HEAD + row * (face + _CAPTION)
        for place, (picture, lines) in enumerate(example):
            left = _GAP + block * (block_width + 2 * _GAP) + place * (face + _GAP)
            if picture is None:
                pen.rectangle((left, top, left + face - 1, top + face - 1), outline=(210, 210, 210))
            else:
                resample = Image.Resampling.NEAREST if face > picture.width else Image.Resampling.LANCZOS
                sheet.paste(picture.resize((face, face), resample), (left, top))
            pen.multiline_text(
                (left + face / 2, top + face + 3), "\n".join(lines), _INK, small, anchor="ma", spacing=1, align="center"
            )
    return sheet
