"""What each method costs: how large its networks are, and what a picture takes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from safetensors import safe_open

from dg.protocols.results import Results
from dg.steps.report import ReportSettings
from dg.tests import TESTS
from dg.timings import read_timings


def costs(settings: ReportSettings, results: Path) -> list[list[str]]:
    """A row per test and method, in the tables' order: test, method, million parameters, seconds per picture, threads.

    The parameters are those of the networks trained here whose moving averages testing uses; empty: none. The seconds
    are the whole job's, the start of its programs and VoxCeleb1's fine-tuning included, over its pictures. Tests whose
    time isn't known have no row.
    """
    timings = read_timings()
    rows = []
    for test, methods in settings.tests:
        for method in methods:
            made = results / f"evaluate/dg/{test}/{method}.arrow"
            if timing := timings.get(str(made)):
                size = parameters(Path(path) for path in timing.inputs)
                each = timing.seconds / len(Results(made))
                names = [TESTS[test].title, dict(settings.titles)[method]]
                rows.append([*names, f"{size / 1e6:.1f}" if size else "", f"{each:.2g}", str(timing.threads)])
    return rows


def parameters(paths: Iterable[Path]) -> int:
    """The numbers in all moving averages (`ema_*`) of the checkpoints among `paths`, which may be folders too."""
    files = {file for path in paths for file in ([path] if path.is_file() else path.rglob("*.safetensors"))}
    total = 0
    for file in files:
        if file.suffix == ".safetensors":
            with safe_open(file, "np") as tensors:
                kept = (name for name in tensors.keys() if name.startswith("ema_"))  # noqa: SIM118
                total += sum(math.prod(tensors.get_slice(name).get_shape()) for name in kept)
    return total
