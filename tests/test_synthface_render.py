"""Pictures of SynthFace and the truth about them, against geometry done another way."""

import dataclasses
import importlib

import dlib
import numpy as np
import pytest

from dg.packaged import dlib_weights
from dg.synthface import (
    INNER,
    Action,
    Light,
    Scene,
    landmark_vertices,
    render,
    sample_person,
    truth,
    units,
)
from dg.synthface.body import body_of
from dg.synthface.camera import DISTANCE
from dg.synthface.choose_landmarks import PREDICTOR, predict68
from dg.synthface.rays import Tracer


@pytest.fixture(scope="module")
def bald():
    return dataclasses.replace(sample_person(11, 0), cut="bald", beard=0.0)


def _rotated(points, yaw, pitch, roll):
    """Yaw about y, then pitch about x, then roll about z, written out."""
    a, b, c = np.radians([yaw, pitch, roll])
    x, y, z = points.T
    x, z = x * np.cos(a) + z * np.sin(a), z * np.cos(a) - x * np.sin(a)
    y, z = y * np.cos(b) + z * np.sin(b), z * np.cos(b) - y * np.sin(b)
    x, y = x * np.cos(c) + y * np.sin(c), y * np.cos(c) - x * np.sin(c)
    return np.stack([x, y, z], 1)


@pytest.mark.parametrize("pose", [(0, 0, 0), (30, 0, 0), (-75, 10, 0), (90, 0, 0), (45, -28, 0), (20, 15, -25)])
def test_landmarks_are_the_rotated_points_seen_in_perspective(head, bald, pose):
    body = body_of(head, bald)
    action = Action(units(jawOpen=0.5, mouthSmile=0.5), *pose)
    points = head.act(body.rest, action.weights())[landmark_vertices()].astype(float)
    p = _rotated(points - body.aim, *pose)
    x = 0.5 + 0.02 + p[:, 0] * DISTANCE / (DISTANCE - p[:, 2]) / body.reach * 1.1
    y = 0.5 - 0.03 - p[:, 1] * DISTANCE / (DISTANCE - p[:, 2]) / body.reach * 1.1
    z = (p[:, 2] - p[:, 2].mean()) / body.reach * 1.1 + 0.5
    landmarks, _ = truth(head, bald, action, Scene(shift=(0.02, -0.03), scale=1.1))
    assert np.abs(landmarks - np.stack([x, y, z], 1)).max() < 1e-5


def test_signs_of_the_pose(head, bald):
    def mark(**pose):
        return truth(head, bald, Action(**pose), Scene())[0]

    front = mark()
    assert front[36, 0] < 0.5 < front[45, 0]  # the person's right eye is at the picture's left
    assert front[30, 2] == front[17:, 2].max()  # the nose tip is nearest, so z is largest
    assert mark(yaw=30)[30, 0] > front[30, 0] + 0.05
    assert mark(pitch=20)[30, 1] < front[30, 1] - 0.03
    rolled = mark(roll=20)
    assert rolled[27, 0] > rolled[8, 0] + 0.1


def test_framing_depends_on_pose_and_person_only(head, bald):
    a, b = (truth(head, bald, Action(u, yaw=20), Scene())[0] for u in ({}, units(mouthSmile=1.0)))
    assert np.abs(a[27] - b[27])[:2].max() < 1e-3  # the nose bridge does not move when the mouth does


@pytest.mark.parametrize("size", [128])
def test_the_picture_shows_what_the_landmarks_say(head, bald, size):
    made = render(head, bald, Action(yaw=90), Scene(), size)
    x, y = made.landmarks[30, :2] * size
    row = np.flatnonzero(made.mask[int(y)] > 127)
    assert abs(row.max() + 1 - x) < 2.0  # in profile the nose tip is the outline
    front = render(head, bald, Action(), Scene(), size)
    chin = front.landmarks[:, 1].max() * size
    assert front.mask[int(chin) - 2, size // 2] == 255
    height = front.landmarks[:, 1].max() - front.landmarks[:, 1].min()
    assert 0.38 < height < 0.56  # brows to chin


def test_front_and_profile_visibility(head, bald):
    # Shut lips may hide their own inner edges, and always fold over the corners of the mouth.
    assert truth(head, bald, Action(), Scene())[1][17:60].all()
    front = truth(head, bald, Action(units(jawOpen=0.2)), Scene())[1]
    assert front[np.setdiff1d(INNER, [60, 64])].all()
    profile = truth(head, bald, Action(yaw=90), Scene())[1]
    left = np.r_[10:17, 22:27, 42:48]  # turned to their left, they show the camera their right half
    assert not profile[left].any()
    assert profile[[0, 1, 2, 17, 18, 36, 30]].all()
    other = truth(head, bald, Action(yaw=-90), Scene())[1]
    assert other[left].sum() >= 12
    assert not other[[1, 2, 3, 4, 5, 36]].any()


def test_visibility_equals_brute_force(head, bald):
    """Moeller and Trumbore's test of every point against every triangle."""
    module = importlib.import_module("dg.synthface.render")  # the function has the same name
    action, scene = Action(units(jawOpen=0.3), yaw=38, pitch=8), Scene(body_turn=0.4)
    body = body_of(head, bald)
    camera = module.camera_for(body, action, scene)
    vertices, _rays, _landmarks, visible = module._geometry(head, body, camera, action, scene)
    moved = head.act(body.rest, action.weights())
    points, normals = module.landmark_points(moved, head)
    a, b, c = (vertices[head.faces[:, k]].astype(float) for k in range(3))
    expected = []
    for point, normal in zip(points.astype(float), normals.astype(float), strict=True):
        start = point + 0.01 * normal
        d = camera.position - start
        d /= np.linalg.norm(d)
        start = start + 0.02 * d
        e1, e2 = b - a, c - a
        h = np.cross(d, e2)
        det = (e1 * h).sum(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            s = start - a
            u = (s * h).sum(1) / det
            q = np.cross(s, e1)
            v = (q @ d) / det
            t = (e2 * q).sum(1) / det
        expected.append(not ((u >= 0) & (v >= 0) & (u + v <= 1) & (t > 1e-6)).any())
    assert 15 < np.sum(expected) < 68
    assert (np.array(expected) != visible).sum() <= 1  # a ray along an edge may fall to either side


def test_folds_thinner_than_a_pixel_hide_nothing_and_cheeks_do():
    """A plate in front of a point: 1 mm before it is a fold, 6 mm before it is another part of the face."""
    module = importlib.import_module("dg.synthface.render")
    normal, camera = np.array([[0.0, 0, 1]], np.float32), np.array([0.0, 0, 13], np.float32)
    for distance, seen in ((0.01, True), (0.06, False)):
        plate = np.array([[-1, -1, distance], [1, -1, distance], [0, 1, distance]], np.float32)
        tracer = Tracer(plate, np.array([[0, 1, 2]]))
        assert module.visible_from(camera, np.zeros((1, 3), np.float32), normal, tracer)[0] == seen


def test_same_arguments_same_bytes(head):
    person, scene = sample_person(2, 3), Scene(light=Light(-30, 40))
    a, b = (render(head, person, Action(yaw=12), scene, 64) for _ in range(2))
    assert np.array_equal(a.image, b.image)
    assert np.array_equal(a.landmarks, b.landmarks)
    assert a.image.shape == (64, 64, 3)
    assert a.image.dtype == np.uint8
    assert a.mask.shape == (64, 64)
    assert a.landmarks.dtype == np.float32
    assert a.visible.dtype == bool


def test_truth_is_renders_truth(head):
    person, action, scene = sample_person(2, 4), Action(yaw=-50, pitch=10, roll=5), Scene(body_turn=0.3)
    made = render(head, person, action, scene, 32)
    landmarks, visible = truth(head, person, action, scene)
    assert np.array_equal(made.landmarks, landmarks)
    assert np.array_equal(made.visible, visible)


def test_too_small_a_picture_is_refused(head, bald):
    with pytest.raises(ValueError, match="16"):
        render(head, bald, Action(), Scene(), 8)


def test_dlib_sees_the_landmarks_where_they_are(head):
    """Mean distance of the 51 inner points under 4 % of the distance of the outer eye corners."""
    predictor, size, errors = dlib.shape_predictor(dlib_weights(PREDICTOR)), 192, []
    for i in range(6):
        person = dataclasses.replace(sample_person(21, i), beard=0.0)
        made = render(head, person, Action(), Scene(), size)
        truth_xy = made.landmarks[:, :2] * size - 0.5
        error = np.linalg.norm(predict68(predictor, made.image) - truth_xy, axis=1)[INNER].mean()
        errors.append(error / np.linalg.norm(truth_xy[36] - truth_xy[45]))
    assert np.mean(errors) < 0.04, errors


def test_a_face_recogniser_tells_people_apart(head):
    """dlib's recogniser, never used to make the faces: same person at other yaws is nearer than another person."""
    recogniser = dlib.face_recognition_model_v1(dlib_weights("dlib_face_recognition_resnet_model_v1.dat"))
    codes, who, size = [], [], 192
    for i in range(8):
        person = sample_person(31, i)
        for yaw in (-40, 0, 40):
            made = render(head, person, Action(yaw=yaw), Scene(), size)
            p = np.round(made.landmarks[:, :2] * size).astype(int)
            box = dlib.rectangle(*p.min(0).tolist(), *p.max(0).tolist())
            shape = dlib.full_object_detection(box, [dlib.point(*q) for q in p.tolist()])
            codes.append(np.array(recogniser.compute_face_descriptor(dlib.get_face_chip(made.image, shape, 150, 0.25))))
            who.append(i)
    codes, who = np.array(codes), np.array(who)
    first, second = np.triu_indices(len(codes), 1)
    distance, same = np.linalg.norm(codes[first] - codes[second], axis=1), who[first] == who[second]
    auc = (distance[same][:, None] < distance[~same]).mean()
    assert auc > 0.92, auc
