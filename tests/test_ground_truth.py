"""The ground truth of a pair, by cases worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from dg.ground_truth import GroundTruth

COLUMNS = ["subject", "yaw", "pitch", "expression", "gaze", "light", "session"]


def faces(*rows):
    return pd.DataFrame(rows, columns=COLUMNS)


def found(table, source, reference):
    return GroundTruth(table).rows([source], [reference]).tolist()[0]


A = ("anna", 0.0, 0.0, "neutral", "frontal", "left", "1")
B = ("ben", 45.0, 0.0, "fear", "frontal", "right", "1")
FITTING = ("anna", 45.0, 0.0, "fear", "frontal", "left", "1")


def changed(row, **values):
    return tuple(values.get(name, value) for name, value in zip(COLUMNS, row))


def test_it_has_the_source_s_person_light_and_session_and_the_reference_s_pose_expression_and_gaze():
    assert found(faces(A, B, FITTING), 0, 1) == 2
    for name in COLUMNS:
        other = changed(FITTING, **{name: 30.0 if name in ("yaw", "pitch") else "other"})
        assert found(faces(A, B, other), 0, 1) == -1, name


def test_of_several_the_first_of_the_table_counts():
    assert found(faces(A, B, FITTING, FITTING), 0, 1) == 2
    assert found(faces(FITTING, A, FITTING, B), 1, 3) == 0
    assert found(faces(A, B, changed(FITTING, yaw=45.04), FITTING), 0, 1) == 2


@pytest.mark.parametrize(
    ("yaw", "same"),
    [(45.04, True), (44.96, True), (45.0 + 1e-9, True), (45.06, False), (44.94, False), (45.1, False), (-45.0, False)],
)
def test_angles_are_the_same_to_a_tenth_of_a_degree(yaw, same):
    assert (found(faces(A, B, changed(FITTING, yaw=yaw)), 0, 1) == 2) == same
    pitched = changed(B, pitch=45.0), changed(FITTING, pitch=yaw)
    assert (found(faces(A, *pitched), 0, 1) == 2) == same


@pytest.mark.parametrize("missing", [{"yaw": np.nan}, {"pitch": np.nan}, {"expression": ""}, {"expression": None}])
def test_what_shows_nobody_knows_what_has_none_and_is_none(missing):
    assert found(faces(A, changed(B, **missing), changed(FITTING, **missing)), 0, 1) == -1
    assert found(faces(A, B, changed(FITTING, **missing)), 0, 1) == -1
    # A source may show anything: its subject, light and session are all that counts.
    assert found(faces(changed(A, **missing), B, FITTING), 0, 1) == 2


@pytest.mark.parametrize("nothing", ["", None])
@pytest.mark.parametrize("name", ["gaze", "light", "session"])
def test_other_words_that_are_not_told_are_alike(name, nothing):
    rows = [changed(row, **{name: nothing}) for row in (A, B, FITTING)]
    assert found(faces(*rows), 0, 1) == 2
    assert found(faces(*rows[:2], changed(rows[2], **{name: ""})), 0, 1) == 2
    assert found(faces(*rows[:2], changed(rows[2], **{name: "told"})), 0, 1) == -1


def test_a_reference_like_the_source_gives_the_source_itself():
    assert found(faces(A, changed(A, subject="ben")), 0, 1) == 0


def test_many_pairs_at_once_and_a_table_without_any():
    table = faces(A, B, FITTING, changed(A, subject="ben", light="right"))
    assert GroundTruth(table).rows(np.array([0, 1, 1]), np.array([1, 0, 3])).tolist() == [2, 3, 3]
    videos = faces(changed(A, expression=""), changed(B, expression=""))
    assert GroundTruth(videos).rows([0], [1]).tolist() == [-1]
    assert GroundTruth(table).rows([], []).tolist() == []
