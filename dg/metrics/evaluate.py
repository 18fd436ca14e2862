"""SSIM, FID and CSIM of one method's results on one benchmark, pair by pair and in sum (Sec. 4.1)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from dg.errors import DgError
from dg.files import read_parquet, write_json, write_parquet
from dg.metrics.ace import ace
from dg.metrics.backends import stand_ins
from dg.metrics.bootstrap import mean_interval
from dg.metrics.csim import Embedder, cosine, open_embedder
from dg.metrics.different import Numbering, fingerprint
from dg.metrics.features import FeatureNet
from dg.metrics.fid import fid, fid_draws, fid_interval, interval_resamples, kid
from dg.metrics.ssim import ssim
from dg.protocols.results import Results
from dg.shards import FaceSet, decode_image

_BATCH = 16


def evaluate(settings: dict[str, Any], folder: Path, pairs: Path, generated: Path, out: Path) -> None:
    """Write the summary `out` (JSON) and the values of each pair beside it (same name, .parquet).

    SSIM compares with the ground truth; where none exists it is empty, or compares with the reference picture if
    ssim_reference is "reference". CSIM compares the source with the result. FID's real set holds, for each pair, the
    ground truth, or the source where none exists. ACE compares landmarks with the ground truth's. All with 95 %
    intervals over source subjects.

    Args:
        settings: benchmark, method, seed, csim, fid, ssim_reference, bootstrap.
        folder: the prepared data set.
        pairs: its pair list.
        generated: the method's results for it.

    Raises:
        DgError: weights of a metric's network are missing (before any work), or the files don't belong together.
    """
    features, embedder = FeatureNet(settings["fid"]), open_embedder(settings["csim"])
    faces, table, results = FaceSet([Path(folder)]), read_parquet(pairs), Results(generated)
    if any(results.keys(name) != table[name].tolist() for name in ("source", "reference", "target")):
        raise DgError(f"{generated}: was made from other pairs than {pairs}. Run reenact again.")
    if len(table) < 2:
        raise DgError(f"{pairs}: holds {len(table)} pair(s), metrics need two or more. Make the pair list again.")
    table["ssim"], table["ace"] = _against_truth(faces, results, settings["ssim_reference"] == "reference")
    table["csim"] = _csim(faces, results, embedder)
    subjects = table["subject"].to_numpy()

    def summary(name: str) -> dict[str, Any]:
        values = table[name].to_numpy(float)
        low, high = mean_interval(values, subjects, settings["bootstrap"], settings["seed"])
        count = int(np.isfinite(values).sum())
        return {"value": float(np.nanmean(values)) if count else None, "low": low, "high": high, "pairs": count}

    backends = {role: settings[role] for role in ("csim", "fid")}
    report = {
        "benchmark": settings["benchmark"],
        "data_set": Path(folder).name,
        "method": settings["method"],
        "seed": settings["seed"],
        "pairs": len(table),
        "subjects": len(np.unique(subjects)),
        "ssim": {**summary("ssim"), "against": _against(table, settings["ssim_reference"])},
        "fid": _fid(faces, results, features, subjects, settings),
        "csim": summary("csim"),
        "ace": {**summary("ace"), "std": _std(table["ace"])},
        "backends": backends,
        "stand_in": "; ".join(stand_ins(backends)),
        "settings": settings,
    }
    write_parquet(Path(out).with_suffix(".parquet"), table)
    write_json(out, report)


def _against(table: pd.DataFrame, reference: str) -> str:
    truths = int((table["target"] != "").sum())
    if truths == len(table) or reference == "none":
        return "ground truth" if truths else "none"
    return "reference" if truths == 0 else "ground truth or reference"


def _std(values: pd.Series) -> float | None:
    return float(values.std(ddof=0)) if values.notna().any() else None


def _against_truth(faces: FaceSet, results: Results, use_reference: bool) -> tuple[np.ndarray, np.ndarray]:
    """SSIM and ACE of each pair; NaN where there is nothing to compare with."""
    similarity, error = np.full(len(results), np.nan), np.full(len(results), np.nan)
    for start in tqdm(range(0, len(results), _BATCH), desc="SSIM", unit="batch", disable=None):
        batch = [(number, results[number]) for number in range(start, min(start + _BATCH, len(results)))]
        compared = [(number, result) for number, result in batch if result.target or use_reference]
        if compared:
            made = _pixels([decode_image(result.image) for _, result in compared])
            other = _pixels([faces.image(faces.row(result.target or result.reference)) for _, result in compared])
            similarity[[number for number, _ in compared]] = ssim(made, other).numpy()
        known = [(number, result) for number, result in batch if result.target]
        if known:
            truth = faces.points[[faces.row(result.target) for _, result in known]]
            error[[number for number, _ in known]] = ace(np.stack([result.points for _, result in known]), truth)
    return similarity, error


def _pixels(images: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).double() / 255


def _csim(faces: FaceSet, results: Results, embedder: Embedder) -> np.ndarray:
    """Cosine of each pair's source and result; every different picture is embedded once."""
    different = Numbering()
    embeddings: list[np.ndarray] = []

    def embedded(image: bytes, points: np.ndarray) -> int:
        number = different.of(fingerprint(image, points))
        if number == len(embeddings):
            embeddings.append(embedder(decode_image(image), points))
        return number

    sources, made = [], []
    for result in tqdm(results, total=len(results), desc="CSIM", unit="pair", disable=None):
        row = faces.row(result.source)
        sources.append(embedded(faces.encoded(row), faces.points[row]))
        made.append(embedded(result.image, result.points))
    stacked = np.stack(embeddings)
    return cosine(stacked[sources], stacked[made])


def _fid(
    faces: FaceSet, results: Results, net: FeatureNet, subjects: np.ndarray, settings: dict[str, Any]
) -> dict[str, Any]:
    """FID with its interval, and KID over different pictures; every different picture passes the network once."""
    different = Numbering()
    # Where to read each different picture; the pictures themselves would fill the memory.
    places: list[Callable[[], bytes]] = []

    def noted(read: Callable[[], bytes]) -> int:
        number = different.of(fingerprint(read()))
        if number == len(places):
            places.append(read)
        return number

    real = [noted(partial(faces.encoded, faces.row(result.target or result.source))) for result in results]
    made = [noted(partial(results.encoded, number)) for number in range(len(results))]
    progress = tqdm(places, desc="FID", unit="picture", disable=None)
    features = net((decode_image(read()) for read in progress), len(places))
    first, second = features[made], features[real]
    point = fid(first, second)
    resamples = interval_resamples(len(made), features.shape[1], settings["bootstrap"])
    draws = fid_draws(first, second, subjects, point, resamples, settings["seed"])
    low, high = fid_interval(draws)
    truths = sum(target != "" for target in results.keys("target"))
    return {
        "value": point,
        "low": low,
        "high": high,
        "pairs": len(made),
        "draws": draws.round(4).tolist(),
        "real_set": {"ground_truth": truths, "sources": len(made) - truths, "different_pictures": len(set(real))},
        "kid": kid(features[sorted(set(made))], features[sorted(set(real))], settings["seed"]),
    }
