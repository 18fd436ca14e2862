"""The face mesh against SynthFace's exact landmarks, on people whom it and no loss has seen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dg.metrics.ace import PIXELS
from dg.metrics.face_mesh import LARGEST_YAW, FaceMesh
from dg.metrics.motion import head_angles, landmark_error
from dg.synthface import EXPRESSIONS, Action, random_scene, render, sample_person


@pytest.fixture(scope="module")
def shots(head):
    """Six people at yaws to both sides."""
    yaws = (0.0, -20.0, 30.0, -45.0, 45.0, float(LARGEST_YAW))
    people = [sample_person(0, 9_600_000 + number) for number in range(len(yaws))]
    scenes = [random_scene(np.random.default_rng(number)) for number in range(len(yaws))]
    return [
        render(head, person, Action(EXPRESSIONS["smile"], yaw), scene, 128)
        for person, yaw, scene in zip(people, yaws, scenes)
    ]


def test_landmarks_and_poses_are_the_rendered_ones(shots):
    net = FaceMesh()
    found = np.stack([net(shot.image) for shot in shots])
    truth = np.stack([shot.landmarks for shot in shots])
    assert landmark_error(found, truth, np.stack([shot.visible for shot in shots])).max() < 13
    turned = head_angles(found)[:, 0] - head_angles(truth)[:, 0]
    assert np.abs(turned).max() < 12 and np.abs(turned[:-1]).mean() < 5


def test_landmarks_move_with_the_face_and_turn_with_its_mirror_image(shots):
    net, shot = FaceMesh(), shots[1]
    points, shift = net(shot.image), 4
    moved = net(
        cv2.warpAffine(shot.image, np.array([[1.0, 0, shift], [0, 1, 0]]), (128, 128), borderMode=cv2.BORDER_REPLICATE)
    )
    assert np.abs(moved[:, 0] - points[:, 0] - shift / 128).mean() * PIXELS < 2
    mirrored = net(np.ascontiguousarray(shot.image[:, ::-1]))
    np.testing.assert_allclose(head_angles(mirrored[None])[0, 0], -head_angles(points[None])[0, 0], atol=2)
