"""Sheets of faces: what must be legible is on the sheet."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dg.reports.sheets import MAX_WIDTH, PAPER, Row, draw_sheet

FACE = (200, 30, 30)


def sheet(subtitle: str, label: str = "source") -> np.ndarray:
    faces = [Image.new("RGB", (64, 64), FACE)] * 8
    return np.asarray(draw_sheet("Title", subtitle, [Row(label, faces), Row("result", faces)], ["0°"] * 8))


def test_long_words_are_broken_into_lines_instead_of_cut_off():
    short, long = sheet("word"), sheet("word " * 150)
    assert short.shape[1] <= long.shape[1] == MAX_WIDTH
    assert long.shape[0] > short.shape[0]
    assert (long[:, -4:] == PAPER).all()
    # All the ink of 150 words is there: that of one, 150 times (letters may overlap by a little).
    ink = [np.sum(255 - np.asarray(picture[36 : len(picture) - 294], float)) for picture in (short, long)]
    assert abs(ink[1] / ink[0] / 150 - 1) < 0.05


@pytest.mark.parametrize("label", ["A method with a long title " * 8, "averylongword" * 20])
def test_long_labels_are_broken_and_leave_the_faces_their_room(label):
    picture = sheet("word", label)
    assert picture.shape[1] <= MAX_WIDTH
    columns = (picture == FACE).all(axis=2).any(axis=0)
    # Faces keep nearly the size that they have beside short labels, and no letter lies on another row's.
    assert columns.sum() > 0.8 * (sheet("word") == FACE).all(axis=2).any(axis=0).sum()
    first = int(np.flatnonzero(columns)[0])
    inked = (picture[70:-30, :first] != PAPER).any(axis=(1, 2))
    assert inked.sum() > 2 * 14
    rows = np.flatnonzero((picture == FACE).all(axis=2)[:, first + 4])
    starts = rows[np.flatnonzero(np.diff(rows, prepend=-9) > 1)]
    assert len(starts) == 2 and not inked[starts[1] - 70 - 5 : starts[1] - 70].any()
