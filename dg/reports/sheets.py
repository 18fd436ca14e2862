"""Sheets of faces: a column per case, a labelled row per kind of picture (the form of the paper's Figs. 2 to 6)."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

MAX_WIDTH = 1200  # pixels; wider pictures bloat the report
INK, FAINT, PAPER = (20, 20, 20), (110, 110, 110), (255, 255, 255)
_FACE, _GAP, _TITLE, _CAPTION = 128, 6, 66, 22
_FRAME = (210, 210, 210)


@dataclass(frozen=True)
class Row:
    """One row: its label (lines joined by \\n) and a picture per case; None: there is none."""

    label: str
    pictures: list[Image.Image | None]


def draw_sheet(title: str, subtitle: str, rows: list[Row], captions: list[str]) -> Image.Image:
    """The rows under a title; `captions` stand below the columns. At most MAX_WIDTH pixels wide."""
    large, normal, small = (ImageFont.load_default(size) for size in (18, 14, 13))
    left = 2 * _GAP + max(round(normal.getlength(line)) for row in rows for line in row.label.split("\n"))
    columns = len(captions)
    face = min(_FACE, (MAX_WIDTH - left - _GAP) // columns - _GAP)
    words = max(large.getlength(title), small.getlength(subtitle))
    width = max(left + columns * (face + _GAP) + _GAP, round(words) + 2 * _GAP)
    sheet = Image.new("RGB", (min(width, MAX_WIDTH), _TITLE + len(rows) * (face + _GAP) + _CAPTION), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((_GAP, 10), title, INK, large)
    pen.text((_GAP, 38), subtitle, FAINT, small)
    for number, row in enumerate(rows):
        top = _TITLE + number * (face + _GAP)
        pen.multiline_text((_GAP, top + face / 2), row.label, INK, normal, anchor="lm", spacing=3)
        for place, picture in enumerate(row.pictures):
            x = left + place * (face + _GAP)
            if picture is None:
                pen.rectangle((x, top, x + face - 1, top + face - 1), outline=_FRAME)
                pen.text((x + face / 2, top + face / 2), "none", FAINT, small, anchor="mm")
            else:
                sheet.paste(picture.resize((face, face), Image.Resampling.LANCZOS), (x, top))
    for place, caption in enumerate(captions):
        x = left + place * (face + _GAP) + face / 2
        pen.text((x, _TITLE + len(rows) * (face + _GAP) + 2), caption, INK, small, anchor="ma")
    return sheet
