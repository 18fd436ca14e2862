"""Crops over a clip: steadier than found, and in the pipeline without lag."""

import numpy as np
import pytest

from dg.landmarks.steady import after, steadied

TIMES = np.arange(50) / 25


def boxes(x, side):
    return [(c - s / 2, 40 - s / 2, c + s / 2, 40 + s / 2) for c, s in np.broadcast(x, side)]


def centres_and_sides(made):
    made = np.array(made)
    return (made[:, 0] + made[:, 2]) / 2, made[:, 2] - made[:, 0]


def test_what_moves_evenly_stays_where_it_is():
    x = 100 + 40 * TIMES
    found, sides = centres_and_sides(steadied(TIMES, boxes(x, 80.0)))
    assert np.abs(found - x)[8:-8].max() < 1e-3
    assert sides == pytest.approx(80)


def test_trembling_goes_and_a_nod_stays():
    rng = np.random.default_rng(0)
    noise, nod = rng.normal(0, 0.02, (2, 50)), 10 * np.sin(2 * np.pi * TIMES)
    found, sides = centres_and_sides(steadied(TIMES, boxes(100 + nod, 80 * np.exp(noise[0]))))
    assert sides.std() < 0.4 * (80 * noise[0]).std()
    assert np.abs(found - 100 - nod)[8:-8].max() < 0.13 * 10
    assert np.corrcoef(found[8:-8], nod[8:-8])[0, 1] > 0.9999  # smaller, not later


def test_time_counts_not_the_number_of_frames():
    """A frame a second: each is its own."""
    sides = 80 + 10 * np.arange(5.0)
    assert centres_and_sides(steadied(np.arange(5.0) * 2, boxes(100.0, sides)))[1] == pytest.approx(sides, rel=1e-3)
    assert steadied([], []) == []


def test_while_a_clip_plays_the_side_follows_and_the_place_is_at_once():
    last = (0.0, 0.0, 80.0, 80.0)
    box = (20.0, 20.0, 140.0, 140.0)
    assert after(None, box, 0.0) == box
    for passed, side in ((0.0, 80), (0.4, 80 * 1.5 ** (1 - np.exp(-1))), (60.0, 120)):
        (x,), (found,) = centres_and_sides([after(last, box, passed)])
        assert (x, found) == pytest.approx((80, side))


def test_an_hour_of_video_takes_no_square_of_its_frames():
    """Weights of all frames for all frames would be 65 GB."""
    times = np.arange(90_000) / 25
    found, sides = centres_and_sides(steadied(times, boxes(100 + times, 80.0)))
    assert np.abs(found - 100 - times)[8:-8].max() < 1e-3
    assert sides == pytest.approx(80)
