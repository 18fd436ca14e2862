"""Crops and landmarks on pictures as people have them: cut, crowded, tiny, huge, in every form of file."""

import numpy as np
import pytest
import torch
from PIL import Image

from dg.errors import DgError
from dg.landmarks.detectors import FaceAlignmentDetector, open_detector
from dg.landmarks.face_crop import find_face_crop
from dg.landmarks.fan import load_landmark_net
from dg.pictures import BrokenPicture, crop, read_picture
from dg.synthface import Action, Scene, render, sample_person
from tests.beside import LONDON, YUNET, needs

SIZE = 320


@pytest.fixture(scope="module")
def net():
    return load_landmark_net("fan-synthface")


@pytest.fixture(scope="module")
def face(head):
    """A frontal SynthFace person: picture (320, 320, 3) and true points (68, 2) in pixels."""
    made = render(head, sample_person(2, 11), Action(), Scene(), SIZE)
    return made.image, made.landmarks[:, :2] * SIZE


def _error(net, image, truth):
    """Mean error of the inner points in shares of the distance between the outer eye corners; None: no face found."""
    box = find_face_crop(image)
    if box is None:
        return None
    face = torch.from_numpy(crop(image, box, 128).copy()).permute(2, 0, 1)[None] / 255
    found = net.detect(face).points[0, :, :2].numpy() * (box[2] - box[0]) + box[:2]
    return np.linalg.norm(found - truth, axis=1)[17:].mean() / np.linalg.norm(truth[36] - truth[45])


def test_plain(net, face):
    assert _error(net, *face) < 0.08


def test_face_cut_by_the_border(net, face):
    image, truth = face
    top = int(truth[:, 1].min()) - 30  # just over the brows
    assert _error(net, image[top:], truth - [0, top]) < 0.1


def test_of_several_faces_the_largest_or_the_one_before(face):
    image, _ = face
    small = np.asarray(Image.fromarray(image).resize((SIZE * 2 // 3,) * 2, Image.Resampling.LANCZOS))
    both = np.full((SIZE, SIZE + len(small), 3), 128, np.uint8)
    both[: len(small), : len(small)], both[:, len(small) :] = small, image
    left, _, right, _ = find_face_crop(both)
    assert (left + right) / 2 > len(small)  # the large one
    before = find_face_crop(small)
    followed = find_face_crop(both, before)
    assert np.abs(np.subtract(followed, before)).max() < 0.1 * len(small)


def test_no_face_and_eight_pixels(face):
    assert find_face_crop(np.full((200, 300, 3), 90, np.uint8)) is None
    tiny = np.asarray(Image.fromarray(face[0]).resize((8, 8), Image.Resampling.BOX))
    box = find_face_crop(tiny)  # nothing to see in it, or a box: never an error
    assert box is None or box[2] > box[0]
    assert crop(tiny, (0, 0, 8, 8), 128).shape == (128, 128, 3)


def test_eight_thousand_pixels(net, face):
    image, truth = face
    large = np.asarray(Image.fromarray(image).resize((8000, 8000), Image.Resampling.BICUBIC))
    assert _error(net, large, truth * 8000 / SIZE) < 0.08


@pytest.mark.parametrize("form", ["grey", "cmyk", "16 bit", "alpha", "exif", "gif"])
def test_forms_of_files(net, face, tmp_path, form):
    image, truth = face
    picture = Image.fromarray(image)
    if form == "grey":
        picture.convert("L").save(path := tmp_path / "a.png")
    elif form == "cmyk":
        picture.convert("CMYK").save(path := tmp_path / "a.jpg", quality=95)
    elif form == "16 bit":
        Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257).save(path := tmp_path / "a.png")
    elif form == "alpha":
        picture.putalpha(255)
        picture.save(path := tmp_path / "a.png")
    elif form == "exif":
        exif = Image.Exif()
        exif[0x0112] = 6  # lies on its side until turned
        picture.transpose(Image.Transpose.ROTATE_90).save(path := tmp_path / "a.jpg", quality=95, exif=exif)
    else:
        picture.save(path := tmp_path / "a.gif", save_all=True, append_images=[Image.new("RGB", picture.size)])
    assert _error(net, read_picture(path), truth) < 0.1


def test_truncated_jpeg_is_refused(face, tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(face[0]).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(BrokenPicture, match=r"a\.jpg: can't be read"):
        read_picture(path)


@needs(YUNET, LONDON)
def test_every_detector_leads_to_the_same_crop():
    others = [open_detector("yunet", str(YUNET)), open_detector("dlib")]
    for path in sorted(LONDON.glob("*/smiling.jpg"))[:6]:
        picture = read_picture(path)
        crops = np.array([find_face_crop(picture), *(find_face_crop(picture, None, other) for other in others)])
        assert np.ptp(crops, axis=0).max() < 0.02 * (crops[0, 2] - crops[0, 0])


@pytest.mark.parametrize("name", ["sfd", "retinaface", "scrfd", "yunet"])
def test_detector_weights_that_do_not_load_are_named(tmp_path, name):
    path = tmp_path / "weights.bin"
    with pytest.raises(DgError, match=r"detector_weights: .*not found"):
        open_detector(name, str(path))
    path.write_bytes(b"no weights")
    with pytest.raises(DgError, match=f"weights.bin: can't be read as face_alignment's detector {name}"):
        open_detector(name, str(path))


@pytest.mark.parametrize("name", ["sfd", "retinaface"])
def test_detectors_load_files_of_the_right_form_and_run(tmp_path, name):
    if name == "sfd":
        from face_alignment.detection.sfd.net_s3fd import s3fd

        net = s3fd()
    else:
        from face_alignment.detection.retinaface.net_retinaface import RetinaFace, cfg_mnet

        net = RetinaFace(cfg=cfg_mnet)
    torch.manual_seed(0)
    torch.save(net.state_dict(), tmp_path / "weights.pth")
    detector = FaceAlignmentDetector(name, tmp_path / "weights.pth", tmp_path)
    found = detector(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    assert all(len(box) == 4 and framing == detector.framing for box, framing in found)
    assert detector.framing[0] > 1
