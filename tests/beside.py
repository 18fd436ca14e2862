"""Real photographs and published weights that may lie beside the project, in ../shared, and that it may not hold."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
LONDON = SHARED / "faces/london"
YUNET = SHARED / "weights/yunet.onnx"
MOBILE_ARCFACE = SHARED / "weights/mobilefacenet_arcface.onnx"


def needs(*paths: Path) -> pytest.MarkDecorator:
    """Skip a test where one of the paths is missing, and say which."""
    missing = [f"../shared/{path.relative_to(SHARED)}" for path in paths if not path.exists()]
    return pytest.mark.skipif(bool(missing), reason=f"needs {' and '.join(missing)} beside the project")
