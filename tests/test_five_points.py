"""YuNet's five points against SynthFace's exact landmarks, on people whom it and no loss has seen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dg.metrics.five_points import FivePoints
from dg.metrics.motion import landmark_error
from dg.recognition.alignment import five_points
from dg.synthface import EXPRESSIONS, Action, random_scene, render, sample_person

ALL = np.ones((1, 5), bool)


def shot(head, yaw, number):
    person = sample_person(0, 9_700_000 + number)
    return render(head, person, Action(EXPRESSIONS["neutral"], yaw), random_scene(np.random.default_rng(number)), 128)


@pytest.mark.parametrize(("yaws", "most"), [((0, 10, -10, 0), 8), ((45, -45, 60, -60), 12), ((75, -75, 90, -90), 17)])
def test_points_are_the_rendered_ones_at_every_yaw(head, yaws, most):
    net, shots = FivePoints(), [shot(head, float(yaw), number) for number, yaw in enumerate(yaws)]
    found = np.stack([net(one.image) for one in shots])
    truth = np.stack([five_points(one.landmarks) for one in shots])
    assert landmark_error(found, truth, np.ones((len(shots), 5), bool)).mean() < most


@pytest.mark.parametrize("side", [1, -1])
def test_a_face_that_is_turned_less_far_lies_further_off(head, side):
    net = FivePoints()
    wanted, near, far = (net(shot(head, side * yaw, 0).image)[None] for yaw in (80.0, 70.0, 30.0))
    errors = [float(landmark_error(points, wanted, ALL)[0]) for points in (wanted, near, far)]
    assert errors[0] == 0 and 3 * errors[1] < errors[2] and errors[2] > 10


def test_points_move_with_the_face_and_turn_with_its_mirror_image(head):
    net, image, shift = FivePoints(), shot(head, -60.0, 1).image, 16
    points = net(image)
    moved = cv2.warpAffine(image, np.array([[1.0, 0, shift], [0, 1, 0]]), (128, 128), borderMode=cv2.BORDER_REPLICATE)
    assert landmark_error(net(moved)[None], points[None] + [shift / 128, 0], ALL)[0] < 6
    mirrored = net(np.ascontiguousarray(image[:, ::-1]))
    mirrored[:, 0] = 1 - mirrored[:, 0]
    np.testing.assert_allclose(mirrored[[1, 0, 2, 4, 3]], points, atol=1e-3)


def test_what_is_no_face_has_a_best_guess():
    net, noise = FivePoints(), np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
    for image in (noise, np.zeros_like(noise), np.full_like(noise, 255)):
        assert np.isfinite(net(image)).all()
