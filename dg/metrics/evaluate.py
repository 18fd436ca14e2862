"""All metrics of one method's results on one test, pair by pair and in sum (Sec. 4.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dg.backends import stand_ins
from dg.errors import DgError
from dg.files import read_parquet, write_json, write_parquet
from dg.metrics.bootstrap import mean_summary, share_summary
from dg.metrics.evidence import Evidence
from dg.metrics.measures import PER_PAIR, PER_SET, PER_SHARE
from dg.metrics.networks import MetricNetworks
from dg.metrics.originals import Originals
from dg.metrics.yaw import yaw_bins
from dg.protocols.results import Results
from dg.shards import FaceSet
from dg.steps.evaluate import EvaluateSettings
from dg.training.card import made_with

_PACKAGES = ("numpy", "opencv-python", "scikit-image", "torch", "torch-fidelity")


def evaluate(
    settings: EvaluateSettings,
    folders: list[Path],
    pairs: Path,
    generated: Path,
    out: Path,
    originals: Path | None = None,
) -> None:
    """Write the summary `out` (JSON) and the values of each pair beside it (same name, .parquet).

    How each metric is computed and what it compares: docs/metrics.md. All have 95 % intervals over source subjects.
    Every different picture is looked at once, however many pairs share it.

    Args:
        folders: the prepared data sets; the first holds the sources.
        pairs: their pair list.
        generated: the method's results for it.
        originals: what the networks see in the pictures of the data sets; None: they are looked at here.

    Raises:
        DgError: weights of a metric's network are missing (before any work), or the files don't belong together.
    """
    networks = MetricNetworks(settings.csim, settings.fid, settings.lpips)
    seen = None if originals is None else Originals(originals, settings.csim, settings.fid)
    faces, table, results = FaceSet(folders), read_parquet(pairs), Results(generated)
    table = table.drop(columns="tuning", errors="ignore")
    if any(results.keys(name) != table[name].tolist() for name in ("source", "reference", "target")):
        raise DgError(f"{generated}: was made from other pairs than {pairs}. Run the step generate again.")
    if len(table) < 2:
        raise DgError(f"{pairs}: holds {len(table)} pair(s), metrics need two or more. Make the pair list again.")
    evidence = Evidence(settings, networks, faces, table, results, Path(out).parent, seen)
    for name, measure in PER_PAIR.items():
        table[name] = measure(evidence)
    for name, measure in PER_SHARE.items():
        table[f"{name}_part"], table[f"{name}_whole"] = measure(evidence)
    table["yaw"] = np.abs(evidence.angles[1][:, 0])
    table["landmarks"] = list(evidence.points[evidence.made, :, :2].reshape(len(table), -1))

    def summary(name: str, rows: pd.DataFrame = table) -> dict[str, Any]:
        drawn = rows["subject"].to_numpy(), settings.bootstrap, settings.seed
        if name in PER_SHARE:
            return share_summary(*(rows[f"{name}_{half}"].to_numpy(float) for half in ("part", "whole")), *drawn)
        return mean_summary(rows[name].to_numpy(float), *drawn)

    backends = {"csim": settings.csim, "fid": settings.fid, "landmarks": settings.landmarks.backend}
    report = {
        "test": settings.test,
        "data_set": Path(folders[0]).name,
        "method": settings.method,
        "seed": settings.seed,
        "pairs": len(table),
        "subjects": int(table["subject"].nunique()),
        **{name: summary(name) for name in (*PER_PAIR, *PER_SHARE)},
        **{name: measure(evidence) for name, measure in PER_SET.items()},
        "faceless": int(np.count_nonzero(evidence.faceless[evidence.made])),
        "yaw_bins": yaw_bins(table, (*PER_PAIR, *PER_SHARE), summary),
        "backends": backends,
        "stand_in": "; ".join(stand_ins(backends)),
        "settings": settings.plain(),
        **made_with(*_PACKAGES),
    }
    report["ssim"]["against"] = _against(table, settings.ssim_reference)
    write_parquet(Path(out).with_suffix(".parquet"), table)
    write_json(out, report)


def _against(table: pd.DataFrame, reference: str) -> str:
    truths = int((table["target"] != "").sum())
    if truths == len(table) or reference == "none":
        return "ground truth" if truths else "none"
    return "reference" if truths == 0 else "ground truth or reference"
