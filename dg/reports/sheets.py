"""Sheets of faces: a column per case, a labelled row per kind of picture (the form of the paper's Figs. 2 to 6)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from PIL import Image, ImageDraw, ImageFont

MAX_WIDTH = 1200  # pixels; wider pictures bloat the report
INK, FAINT, PAPER = (20, 20, 20), (110, 110, 110), (255, 255, 255)
_FACE, _GAP, _CAPTION = 128, 6, 22
_LABEL, _LABEL_LINE = 180, 19  # a label's largest width and its lines' height
_TITLE_LINE, _SUBTITLE_LINE = 26, 18
_FRAME = (210, 210, 210)


@dataclass(frozen=True)
class Row:
    """One row: its label (lines joined by \\n; long ones are broken) and a picture per case; None: there is none."""

    label: str
    pictures: list[Image.Image | None]


def draw_sheet(title: str, subtitle: str, rows: list[Row], captions: list[str]) -> Image.Image:
    """The rows under a title; `captions` stand below the columns. At most MAX_WIDTH pixels wide."""
    large, normal, small = (ImageFont.load_default(size) for size in (18, 14, 13))
    labels = [[part for line in row.label.split("\n") for part in broken(line, normal, _LABEL)] for row in rows]
    left = 2 * _GAP + max(round(normal.getlength(line)) for lines in labels for line in lines)
    columns = len(captions)
    face = min(_FACE, (MAX_WIDTH - left - _GAP) // columns - _GAP)
    width = left + columns * (face + _GAP) + _GAP
    # Narrow sheets grow as far as they may before their words are broken.
    words = max(large.getlength(title), small.getlength(subtitle)) + 2 * _GAP
    width = min(max(width, round(words)), MAX_WIDTH)
    titles, subtitles = (broken(text, font, width - 2 * _GAP) for text, font in ((title, large), (subtitle, small)))
    head = 12 + len(titles) * _TITLE_LINE + len(subtitles) * _SUBTITLE_LINE + 10
    tops = list(accumulate((max(face, _LABEL_LINE * len(lines)) + _GAP for lines in labels), initial=head))
    sheet = Image.new("RGB", (width, tops[-1] + _CAPTION), PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, line in enumerate(titles):
        pen.text((_GAP, 10 + number * _TITLE_LINE), line, INK, large)
    for number, line in enumerate(subtitles):
        pen.text((_GAP, 12 + len(titles) * _TITLE_LINE + number * _SUBTITLE_LINE), line, FAINT, small)
    for row, lines, top, end in zip(rows, labels, tops, tops[1:]):
        pen.multiline_text((_GAP, (top + end - _GAP) / 2), "\n".join(lines), INK, normal, anchor="lm", spacing=3)
        for place, picture in enumerate(row.pictures):
            x = left + place * (face + _GAP)
            if picture is None:
                pen.rectangle((x, top, x + face - 1, top + face - 1), outline=_FRAME)
                pen.text((x + face / 2, top + face / 2), "none", FAINT, small, anchor="mm")
            else:
                sheet.paste(picture.resize((face, face), Image.Resampling.LANCZOS), (x, top))
    for place, caption in enumerate(captions):
        x = left + place * (face + _GAP) + face / 2
        pen.text((x, tops[-1] + 2), caption, INK, small, anchor="ma")
    return sheet


def broken(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """`text` broken into lines of at most `width` pixels: between words, and within those that are too long."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
        while font.getlength(lines[-1]) > width:
            fits = next(end for end in range(len(lines[-1]) - 1, 0, -1) if font.getlength(lines[-1][:end]) <= width)
            lines[-1:] = [lines[-1][:fits], lines[-1][fits:]]
    return lines
