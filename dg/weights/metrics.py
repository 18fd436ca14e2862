"""The networks behind the paper's FID and CSIM."""

from __future__ import annotations

from dg.weights.published import Published

INCEPTION = Published(
    what="torch-fidelity's Inception-V3",
    names=("weights-inception-2015-12-05-6726825d.pth",),
    source="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth",
    instead="metrics.fid: efficientnet-lite0, whose numbers aren't the paper's FID",
    is_file=True,
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
)
ARCFACE = Published(
    what="insightface's ArcFace (ResNet-50, WebFace600K)",
    names=("w600k_r50.onnx",),
    source="https://github.com/deepinsight/insightface/releases/download/v0.7/buffalo_l.zip",
    instead="metrics.csim: sface, whose numbers aren't the paper's CSIM",
    sha256="4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
    form="the archive's w600k_r50.onnx",
)
