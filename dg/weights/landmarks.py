"""face_alignment's own networks: 3DFAN-4 with its depth network, and the detectors."""

from __future__ import annotations

from dg.weights.published import Published

_BULAT = "https://www.adrianbulat.com/downloads/python-fan"
_FAN = "landmarks.backend: fan-synthface, whose weights ship with the project"
_DLIB = "landmarks.detector: dlib, whose weights come with a package"

FAN = Published(
    what="face_alignment's 3DFAN-4",
    names=("3DFAN4-7835d9f11d.pth.tar",),
    source=f"{_BULAT}/3DFAN4-7835d9f11d.pth.tar",
    instead=_FAN,
    is_file=True,
    sha256="7835d9f11d",
)
DEPTH = Published(
    what="face_alignment's depth network",
    names=("depth-2a464da4ea.pth.tar",),
    source=f"{_BULAT}/depth-2a464da4ea.pth.tar",
    instead=_FAN,
    is_file=True,
    sha256="2a464da4ea",
)
DETECTORS = {
    "sfd": Published(
        what="face_alignment's detector sfd",
        names=("s3fd-619a316812.pth",),
        source=f"{_BULAT}/s3fd-619a316812.pth",
        instead=_DLIB,
        is_file=True,
        sha256="619a316812",
    ),
    "retinaface": Published(
        what="face_alignment's detector retinaface",
        names=("retinaface_mobilenet0.25.pth",),
        source=f"{_BULAT}/retinaface_mobilenet0.25.pth",
        instead=_DLIB,
        is_file=True,
    ),
    "scrfd": Published(
        what="face_alignment's detector scrfd",
        names=("scrfd_2.5g_bnkps.onnx",),
        source="https://github.com/yakhyo/facial-analysis/releases/download/v0.0.1/det_2.5g.onnx",
        instead=_DLIB,
        is_file=True,
    ),
    "yunet": Published(
        what="face_alignment's detector yunet",
        names=("face_detection_yunet_2023mar.onnx",),
        source="https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/"
        "face_detection_yunet_2023mar.onnx",
        instead=_DLIB,
        is_file=True,
    ),
}
"""By name: `landmarks.detector` in params.yaml."""
