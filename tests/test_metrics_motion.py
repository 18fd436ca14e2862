"""Landmark and pose errors, yaw bins, LPIPS, and what evaluate makes of methods that hand over pictures alone."""

from __future__ import annotations

import json
import os
import signal
import socket

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.spatial.transform import Rotation

from dg import params
from dg.errors import DgError
from dg.identity.encoder import load_face_encoder
from dg.landmarks.fan import LandmarkNet, load_landmark_net
from dg.landmarks.pose import face_model
from dg.metrics import embedding
from dg.metrics.csim import open_embedder
from dg.metrics.evaluate import evaluate
from dg.metrics.features import FeatureNet
from dg.metrics.five_points import FivePoints
from dg.metrics.motion import head_angles, landmark_error, turns
from dg.metrics.yaw import yaw_bins
from dg.pictures import encode
from dg.protocols.methods import NO_POINTS
from dg.protocols.pairs import make_pairs
from dg.protocols.results import Result, writing_results
from dg.ready import require_weights
from dg.shards import FaceSet
from tests.prepared import face_table, left_in, prepare
from tests.scales import params_at, values_at
from tests.told import evaluate_settings, pairs_settings


def heads(angles):
    """The mean face turned by yaw, pitch, roll (degrees), as landmarks in crop coordinates."""
    mean = face_model().mean.numpy()
    turned = [Rotation.from_euler("ZXY", [-roll, -pitch, yaw], degrees=True).apply(mean) for yaw, pitch, roll in angles]
    return np.stack(turned) * [0.3, -0.3, 0.3] + 0.5


def test_pose_errors_are_differences_of_known_turns():
    asked = [(0, 0, 0), (70, 5, 0), (-40, 0, 10), (10, 0, 175)]
    made = [(0, 0, 0), (64, 5, 0), (-40, 3, 4), (10, 0, -179)]
    found = head_angles(heads(asked))
    np.testing.assert_allclose(found, asked, atol=1e-4)
    turned = turns(head_angles(heads(made)), found)
    np.testing.assert_allclose(turned.mean(axis=1), [0, 2, 3, 2], atol=1e-4)
    np.testing.assert_allclose(turned[:, 0], [0, 6, 0, 0], atol=1e-4)


def test_the_landmark_error_counts_visible_points_in_the_picture_plane():
    rng = np.random.default_rng(0)
    found, wanted = rng.random((3, 68, 3)), rng.random((3, 68, 3))
    visible = rng.random((3, 68)) < 0.5
    visible[2] = False
    by_hand = [
        np.mean([256 * np.hypot(*(found[n, p, :2] - wanted[n, p, :2])) for p in range(68) if visible[n, p]])
        for n in range(2)
    ]
    error = landmark_error(found, wanted, visible)
    np.testing.assert_allclose(error[:2], by_hand)
    assert np.isnan(error[2])


def test_yaw_bins_hold_each_pair_once_and_say_where_none_is():
    yaw = [0, 14.9, 15, 44, 75, 89, 90, 120]
    table = pd.DataFrame({"yaw": yaw, "subject": list("abcabcab"), "csim": np.arange(8) / 10.0})
    table["ssim"] = 1.0
    bins = yaw_bins(table, ["csim", "ssim"], lambda name, rows: {"value": rows[name].mean()})
    assert [(part["from"], part["to"], part["pairs"], part["subjects"]) for part in bins] == [
        (0, 15, 2, 2), (15, 30, 1, 1), (30, 45, 1, 1), (75, 90, 4, 3),
    ]  # fmt: skip
    np.testing.assert_allclose([part["csim"]["value"] for part in bins], [0.05, 0.2, 0.3, 0.55])


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = prepare(tmp_path_factory.mktemp("toy") / "toy", face_table(3, yaws=(0.0, 90.0)))
    pairs = folder / "pairs/RaFD.parquet"
    make_pairs(pairs_settings(references=2), [folder], pairs)
    return folder, pairs


def made_by(toy, path, picture):
    """A results file without landmarks: picture(faces, pair) gives pixels."""
    folder, pairs = toy
    faces = FaceSet([folder])
    with writing_results(path) as writer:
        for pair in pd.read_parquet(pairs).itertuples():
            image = encode(picture(faces, pair), "png")
            writer.write([Result(pair.source, pair.reference, pair.target, image, NO_POINTS)])
    return path


@pytest.fixture
def looked_at(monkeypatch):
    """How many pictures F_l looks at."""
    count = []
    real = LandmarkNet.detect
    monkeypatch.setattr(LandmarkNet, "detect", lambda net, images: (count.append(len(images)), real(net, images))[1])
    torch.set_num_threads(1)
    return count


def test_a_reference_given_back_has_no_error_and_is_not_looked_at_again(toy, tmp_path, looked_at):
    made = made_by(toy, tmp_path / "made.arrow", lambda faces, pair: faces.image(faces.row(pair.reference)))
    evaluate(evaluate_settings(), [toy[0]], toy[1], made, tmp_path / "out.json")
    report = json.loads((tmp_path / "out.json").read_text())
    assert looked_at == []
    assert [report[name]["value"] for name in ("landmark_error_yunet", "landmark_error_fl", "pose_error_fl")] == [0] * 3
    # Nothing is known of the landmarks that the picture was made from.
    assert report["ace"] == {"value": None, "low": None, "high": None, "pairs": 0, "std": None}
    assert report["lpips"]["value"] is None and report["faceless"] == 0
    table = pd.read_parquet(tmp_path / "out.parquet")
    faces = FaceSet([toy[0]])
    points = np.stack([faces.points[faces.row(key)] for key in table["reference"]])
    np.testing.assert_allclose(np.stack(table["landmarks"]), points[..., :2].reshape(6, 136))


def test_pictures_made_are_looked_at_once_and_measured_by_what_is_found(toy, tmp_path, looked_at):
    def picture(faces, pair):
        return faces.image(faces.row(pair.source))[:, ::-1]

    evaluate(
        evaluate_settings(), [toy[0]], toy[1], made_by(toy, tmp_path / "made.arrow", picture), tmp_path / "out.json"
    )
    table = pd.read_parquet(tmp_path / "out.parquet")
    assert looked_at == [3] and len(table) == 6  # three sources, each mirrored in two pairs
    faces, net = FaceSet([toy[0]]), load_landmark_net("fan-synthface")
    rows = [faces.row(key) for key in table["source"]]
    images = torch.from_numpy(np.stack([faces.image(row)[:, ::-1] for row in rows])).permute(0, 3, 1, 2) / 255
    found = net.detect(images).points.float().numpy()
    references = [faces.row(key) for key in table["reference"]]
    expected = landmark_error(found, faces.points[references], faces.visible[references])
    np.testing.assert_allclose(table["landmark_error_fl"], expected, rtol=0.02)
    five = FivePoints()
    seen, asked = (
        np.stack([five(image) for image in some])
        for some in ([faces.image(row)[:, ::-1] for row in rows], [faces.image(row) for row in references])
    )
    by_hand = 256 * np.hypot(*np.moveaxis(seen - asked, -1, 0)).mean(axis=1)
    np.testing.assert_allclose(table["landmark_error_yunet"], by_hand, rtol=1e-4)
    report = json.loads((tmp_path / "out.json").read_text())
    assert sum(part["pairs"] for part in report["yaw_bins"]) == 6
    # The made-up pictures are coloured squares.
    assert report["faceless"] == 6


def test_embeddings_are_the_same_in_one_process_and_in_several(toy):
    faces = FaceSet([toy[0]])
    some = [(faces.encoded(row), faces.points[row]) for row in range(6)]
    seen = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        seen.append(np.stack(list(embedding.embeddings("dlib", some))))
    torch.set_num_threads(1)
    np.testing.assert_array_equal(*seen)
    assert np.ptp(seen[0], axis=0).max() > 0


def killed(face):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_embedding_process_is_said(toy, monkeypatch):
    faces = FaceSet([toy[0]])
    monkeypatch.setattr(embedding, "_embed_all", killed)
    torch.set_num_threads(2)
    try:
        with pytest.raises(DgError, match="memory ran out"):
            list(embedding.embeddings("dlib", [(faces.encoded(0), faces.points[0])]))
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("csim", "arcface", r"w600k_r50\.onnx: .*ArcFace.* not found(.|\n)*buffalo_l\.zip(.|\n)*SHA-256 [0-9a-f]{64}"),
        ("fid", "inception", r"Inception-V3 not found(.|\n)*torch-fidelity/releases(.|\n)*SHA-256 [0-9a-f]{64}"),
        ("backend", "vggface2", r"resnet50_vggface2\.safetensors: .* not found(.|\n)*ox-vgg/vgg_face2"),
        ("backend", "vggface", r"vggface\.safetensors: .* not found(.|\n)*robots\.ox\.ac\.uk(.|\n)*fc7\.weight"),
        ("identity_loss", "perceptual", r"vggface\.safetensors: .* not found(.|\n)*rfg\.identity_loss: cosine"),
        ("preset", "released", r"vggface\.safetensors(.|\n)*synthface-id(.|\n)*under presets\.released"),
    ],
)
@pytest.mark.usefixtures("offline")
def test_missing_weights_are_answered_before_the_first_job(tmp_path, monkeypatch, key, value, message):
    values = values_at()
    blocks = {"backend": values["identity"], "identity_loss": values["rfg"], "preset": values}
    blocks.get(key, values["metrics"])[key] = value
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    with pytest.raises(DgError, match=message):
        require_weights(params.validate(values, "params.yaml"))


def test_an_ablation_s_weights_are_asked_for_and_those_of_a_loss_without_weight_are_not(tmp_path, monkeypatch):
    values = values_at()
    values["rfg"]["identity_loss"], values["lambda_id"] = "perceptual", 0
    monkeypatch.chdir(tmp_path)
    require_weights(params.validate(values, "params.yaml"))
    values["ablations"]["table2"] = {"mine": {"lambda_id": 1, "rfg.identity_loss": "perceptual"}}
    with pytest.raises(DgError, match=r"vggface\.safetensors(.|\n)*cosine(.|\n)*under ablations\.table2\.mine"):
        require_weights(params.validate(values, "params.yaml"))


def test_the_default_networks_need_no_download(tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("asked the network")

    chosen = params_at()
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    require_weights(chosen)
    image = np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
    batch = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
    points = load_landmark_net(chosen.landmarks.backend).detect(batch).points
    code = load_face_encoder(chosen.identity.backend)(batch, points).numpy()
    points = points.numpy()
    embedded = open_embedder(chosen.metrics.csim)(image, points[0])
    (features,) = FeatureNet(chosen.metrics.fid)([image], 1)
    for found in (points, code, embedded, features):
        assert found.any() and np.isfinite(found).all()
    assert left_in(tmp_path) == []
