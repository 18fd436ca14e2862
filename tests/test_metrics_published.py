"""The paper's own metric networks, Inception and ArcFace, on files of the published form with made-up weights."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
import torch_fidelity
from insightface.model_zoo.arcface_onnx import ArcFaceONNX
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from dg.files import file_digest
from dg.metrics.csim import cosine
from dg.metrics.evaluate import evaluate
from dg.protocols.methods import NO_POINTS
from dg.protocols.pairs import make_pairs
from dg.protocols.results import Result, writing_results
from dg.shards import FaceSet
from dg.weights import metrics as metric_weights
from dg.weights.published import PUBLISHED
from tests.prepared import Pictures, face_table, prepare
from tests.told import evaluate_settings, pairs_settings


def write_inception(path, monkeypatch):
    """torch-fidelity's network reads its weights when it is made; here it is made without, and then written."""
    torch.manual_seed(0)
    with monkeypatch.context() as patch:
        patch.setattr(torch, "load", lambda *_, **__: None)
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        net = FeatureExtractorInceptionV3("x", ["2048"], feature_extractor_weights_path="none")
    torch.save(net.state_dict(), path)


def write_arcface(path):
    """112 x 112 faces to 512 numbers, as insightface's files are: input [1, 3, 112, 112], one output [1, 512]."""
    rng = np.random.default_rng(0)
    kernel = onnx.numpy_helper.from_array(rng.normal(size=(512, 3, 16, 16)).astype(np.float32), "kernel")
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Conv", ["input", "kernel"], ["parts"], strides=[16, 16]),
            onnx.helper.make_node("Relu", ["parts"], ["some"]),
            onnx.helper.make_node("GlobalAveragePool", ["some"], ["pooled"]),
            onnx.helper.make_node("Flatten", ["pooled"], ["output"]),
        ],
        "arcface",
        [onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [1, 3, 112, 112])],
        [onnx.helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, [1, 512])],
        [kernel],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Both files where the project looks for them, their digests taken for the published ones."""
    monkeypatch.chdir(tmp_path)
    PUBLISHED.mkdir(parents=True)
    paths = [PUBLISHED / weights.names[0] for weights in (metric_weights.INCEPTION, metric_weights.ARCFACE)]
    write_inception(paths[0], monkeypatch)
    write_arcface(paths[1])
    for name, path in zip(("INCEPTION", "ARCFACE"), paths):
        monkeypatch.setattr(
            metric_weights, name, dataclasses.replace(getattr(metric_weights, name), sha256=file_digest(path))
        )
    return paths


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_evaluate_with_the_papers_networks_equals_their_own_libraries(tmp_path, published):
    inception, arcface = published
    folder = prepare(tmp_path / "toy", face_table(3, yaws=(0.0, 90.0)))
    pairs = folder / "pairs/RaFD.parquet"
    make_pairs(pairs_settings(references=2), [folder], pairs)
    faces, table = FaceSet([folder]), pd.read_parquet(pairs)
    made = tmp_path / "made.arrow"
    with writing_results(made) as writer:
        for pair in table.itertuples():
            picture = faces.encoded(faces.row(pair.reference))
            writer.write([Result(pair.source, pair.reference, pair.target, picture, NO_POINTS)])
    settings = evaluate_settings(csim="arcface", fid="inception")
    evaluate(settings, [folder], pairs, made, tmp_path / "out.json")
    report = json.loads((tmp_path / "out.json").read_text())
    shown = {name: [faces.row(key) for key in table[name]] for name in ("source", "reference", "target")}
    images = {name: np.stack([faces.image(row) for row in rows]) for name, rows in shown.items()}
    expected = torch_fidelity.calculate_metrics(
        input1=Pictures(images["reference"]), input2=Pictures(images["target"]), fid=True, cuda=False, verbose=False,
        feature_extractor_weights_path=str(inception), save_cpu_ram=True, cache=False,
    )["frechet_inception_distance"]  # fmt: skip
    assert expected > 0
    assert report["fid"]["value"] == pytest.approx(expected, rel=1e-3)
    net = ArcFaceONNX(str(arcface))

    def embedded(name):
        found = []
        for row, image in zip(shown[name], images[name]):
            marks = faces.points[row][:, :2] * image.shape[0]
            groups = [range(36, 42), range(42, 48), [30], [48], [54]]
            five = np.array([marks[list(group)].mean(axis=0) for group in groups], np.float32)
            found.append(net.get(np.ascontiguousarray(image[..., ::-1]), SimpleNamespace(kps=five)))
        return np.stack(found)

    scores = pd.read_parquet(tmp_path / "out.parquet")["csim"]
    np.testing.assert_allclose(scores, cosine(embedded("source"), embedded("reference")), atol=1e-5)
    assert report["backends"] == {"csim": "arcface", "fid": "inception", "landmarks": "fan-synthface"}
    assert "ArcFace" not in report["stand_in"] and "Inception" not in report["stand_in"]
