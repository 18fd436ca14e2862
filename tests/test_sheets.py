"""Sheets of faces: what must be legible is on the sheet."""

from __future__ import annotations

import numpy as np
from PIL import Image

from dg.reports.sheets import MAX_WIDTH, PAPER, Row, draw_sheet


def sheet(subtitle: str) -> np.ndarray:
    faces = [Image.new("RGB", (64, 64), (200, 30, 30))] * 8
    return np.asarray(draw_sheet("Title", subtitle, [Row("source", faces)], ["0°"] * 8))


def test_long_words_are_broken_into_lines_instead_of_cut_off():
    short, long = sheet("word"), sheet("word " * 150)
    assert short.shape[1] <= long.shape[1] == MAX_WIDTH
    assert long.shape[0] > short.shape[0]
    assert (long[:, -4:] == PAPER).all()
    # All the ink of 150 words is there: that of one, 150 times (letters may overlap by a little).
    ink = [np.sum(255 - np.asarray(picture[36 : len(picture) - 160], float)) for picture in (short, long)]
    assert abs(ink[1] / ink[0] / 150 - 1) < 0.05
