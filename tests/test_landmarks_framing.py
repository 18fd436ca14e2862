"""Crops framed by landmarks, against the framing of SynthFace's camera, which is known exactly."""

import numpy as np
import pytest
import torch

from dg.landmarks.detectors import open_detector
from dg.landmarks.face_crop import find_face_crop
from dg.landmarks.fan import load_landmark_net
from dg.landmarks.framing import framed, mirrored
from dg.synthface import RAFD, Action, Background, Scene, landmarks_in, render, sample_person

SIZE, ROOM = 192, 60
YAWS = (0.0, 45.0, -90.0)


def test_true_points_tell_the_cameras_framing(head):
    """Of people the table has not seen, whatever the expression; shift and size of the face are the scene's."""
    for number in range(6000, 6008):
        person = sample_person(77, number)
        scene = Scene(shift=(0.1, -0.05), scale=0.8)
        shots = [(Action(units, yaw), scene) for yaw in YAWS for units in RAFD.values()]
        found = framed(torch.from_numpy(landmarks_in(head, person, shots))).view(len(YAWS), len(RAFD), 3).numpy()
        sides = found[..., 2] / 0.8
        assert np.abs(sides - 1).max() < 0.12  # heads differ in what lies between bone and chin
        assert (sides.std(1) / sides.mean(1)).max() < 0.015
        # The camera looks at 0.5 of its picture; the face was shifted by shares of it.
        assert np.abs(found[..., :2] - (0.6, 0.45)).max() < 0.04


def test_a_face_and_its_mirror_image_are_framed_alike(head):
    points = torch.from_numpy(landmarks_in(head, sample_person(77, 6000), [(Action({}, yaw), Scene()) for yaw in YAWS]))
    there, back = framed(points), framed(mirrored(points))
    torch.testing.assert_close(back * torch.tensor([-1.0, 1.0, 1.0]).double(), there)


def test_a_frame_moves_and_grows_with_the_points(head):
    points = torch.from_numpy(landmarks_in(head, sample_person(77, 6000), [(Action({}, 30.0), Scene())])).double()
    x, y, side = framed(points)[0].tolist()
    assert framed(3 * points + torch.tensor([0.5, -0.2, 0.0]))[0].tolist() == pytest.approx(
        [3 * x + 0.5, 3 * y - 0.2, 3 * side]
    )


@pytest.fixture(scope="module")
def portraits(head):
    """A person's eight expressions before one camera at each yaw: pictures with room around what SynthFace frames."""
    scene = Scene(background=Background("plain", (0.8,) * 3, (0.8,) * 3))
    person = sample_person(77, 6001)
    return {
        yaw: [
            np.pad(render(head, person, Action(u, yaw), scene, SIZE).image, ((ROOM, 0), (ROOM, ROOM), (0, 0)), "edge")
            for u in RAFD.values()
        ]
        for yaw in YAWS
    }


def test_crops_of_one_person_before_one_camera_are_one_size(portraits):
    """1.5 % of the side is what a smile may cost; framed by a detector's box it was up to 48 %."""
    for yaw, pictures in portraits.items():
        boxes = np.array([find_face_crop(picture) for picture in pictures])
        sides, centres = boxes[:, 2] - boxes[:, 0], (boxes[:, :2] + boxes[:, 2:]) / 2
        assert sides.std() / sides.mean() < 0.015, yaw
        assert np.abs(sides / sides.mean() - 1).max() < 0.025, yaw
        assert np.abs(centres - centres.mean(0)).max() < 0.02 * SIZE, yaw
        assert sides.mean() == pytest.approx(SIZE, rel=0.1)
        assert centres.mean(0) == pytest.approx((ROOM + SIZE / 2,) * 2, abs=0.04 * SIZE)


def test_profiles_are_found_where_dlib_finds_none(portraits):
    pictures = portraits[-90.0]
    assert all(open_detector("yunet")(picture) for picture in pictures)


def test_a_crop_without_landmarks_is_the_detectors(monkeypatch):
    net = load_landmark_net("fan-synthface")
    wall = np.full((200, 200, 3), 90, np.uint8)
    assert net.detect(torch.full((1, 3, 128, 128), 0.35)).score < net.face_threshold
    assert find_face_crop(wall, None, lambda _: [((50, 50, 100, 100), (2.0, 0.0, 0.0))]) == (25.0, 25.0, 125.0, 125.0)
