"""All metrics of one method's results on one test, pair by pair and in sum (Sec. 4.1)."""

from __future__ import annotations

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
from dg.metrics.csim import cosine, require_embedder
from dg.metrics.features import FeatureNet
from dg.metrics.fid import fid, fid_draws, fid_interval, interval_resamples, kid
from dg.metrics.looks import Looks
from dg.metrics.lpips import open_lpips
from dg.metrics.motion import landmark_error, pose_errors
from dg.metrics.ssim import ssim
from dg.metrics.yaw import yaw_bins
from dg.protocols.results import Results
from dg.shards import FaceSet, decode_image

_BATCH = 16
MEANS = ("ssim", "csim", "landmark_error", "pose_error", "yaw_error", "lpips")


def evaluate(settings: dict[str, Any], folders: list[Path], pairs: Path, generated: Path, out: Path) -> None:
    """Write the summary `out` (JSON) and the values of each pair beside it (same name, .parquet).

    How each metric is computed and what it compares: docs/metrics.md. All have 95 % intervals over source subjects.
    Every different picture is looked at once, however many pairs share it.

    Args:
        settings: benchmark, method, seed, csim, fid, lpips, ssim_reference, bootstrap, landmarks (F_l's back end and
            digests), landmark_dims (numbers per landmark that the IDSG makes, 2 or 3; ACE counts them).
        folders: the prepared data sets; the first holds the sources.
        pairs: their pair list.
        generated: the method's results for it.

    Raises:
        DgError: weights of a metric's network are missing (before any work), or the files don't belong together.
    """
    perceptual = open_lpips(settings["lpips"])
    features = FeatureNet(settings["fid"])
    require_embedder(settings["csim"])
    faces, table, results = FaceSet(folders), read_parquet(pairs), Results(generated)
    table = table.drop(columns="tuning", errors="ignore")
    if any(results.keys(name) != table[name].tolist() for name in ("source", "reference", "target")):
        raise DgError(f"{generated}: was made from other pairs than {pairs}. Run reenact again.")
    if len(table) < 2:
        raise DgError(f"{pairs}: holds {len(table)} pair(s), metrics need two or more. Make the pair list again.")
    looks = Looks(faces, results, settings["landmarks"]["backend"], features, settings["csim"], Path(out).parent)
    table["csim"] = cosine(looks.embeddings[looks.sources], looks.embeddings[looks.made])
    against = settings["ssim_reference"] == "reference"
    table["ssim"], table["lpips"], table["ace"] = _against_truth(
        faces, results, against, perceptual, settings["landmark_dims"]
    )
    reference = [faces.row(key) for key in table["reference"]]
    found, wanted = looks.points[looks.made], faces.points[reference]
    table["landmark_error"] = landmark_error(found, wanted, faces.visible[reference])
    table["pose_error"], table["yaw_error"], table["yaw"] = pose_errors(found, wanted)
    table["landmarks"] = list(found[..., :2].reshape(len(table), -1))
    subjects = table["subject"].to_numpy()

    def summary(name: str, rows: pd.DataFrame = table) -> dict[str, Any]:
        values = rows[name].to_numpy(float)
        low, high = mean_interval(values, rows["subject"].to_numpy(), settings["bootstrap"], settings["seed"])
        count = int(np.isfinite(values).sum())
        return {"value": float(np.nanmean(values)) if count else None, "low": low, "high": high, "pairs": count}

    backends = {role: settings[role] for role in ("csim", "fid")} | {"landmarks": settings["landmarks"]["backend"]}
    report = {
        "benchmark": settings["benchmark"],
        "data_set": Path(folders[0]).name,
        "method": settings["method"],
        "seed": settings["seed"],
        "pairs": len(table),
        "subjects": len(np.unique(subjects)),
        **{name: summary(name) for name in MEANS},
        "ace": {**summary("ace"), "std": _std(table["ace"])},
        "fid": _fid(looks, results, subjects, settings),
        "faceless": int(np.count_nonzero(looks.faceless[looks.made])),
        "yaw_bins": yaw_bins(table, summary),
        "backends": backends,
        "stand_in": "; ".join(stand_ins(backends)),
        "settings": settings,
    }
    report["ssim"]["against"] = _against(table, settings["ssim_reference"])
    write_parquet(Path(out).with_suffix(".parquet"), table)
    write_json(out, report)


def _against(table: pd.DataFrame, reference: str) -> str:
    truths = int((table["target"] != "").sum())
    if truths == len(table) or reference == "none":
        return "ground truth" if truths else "none"
    return "reference" if truths == 0 else "ground truth or reference"


def _std(values: pd.Series) -> float | None:
    return float(values.std(ddof=0)) if values.notna().any() else None


def _against_truth(
    faces: FaceSet, results: Results, use_reference: bool, perceptual: Any, dims: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """SSIM, LPIPS and ACE of each pair; NaN where there is nothing to compare with."""
    similarity, distance, error = (np.full(len(results), np.nan) for _ in range(3))
    for start in tqdm(range(0, len(results), _BATCH), desc="SSIM", unit="batch", disable=None):
        batch = [(number, results[number]) for number in range(start, min(start + _BATCH, len(results)))]
        compared = [(number, result) for number, result in batch if result.target or use_reference]
        if compared:
            numbers = [number for number, _ in compared]
            made = _stacked([decode_image(result.image) for _, result in compared])
            other = _stacked([faces.image(faces.row(result.target or result.reference)) for _, result in compared])
            similarity[numbers] = ssim(made, other, data_range=255).numpy()
            if perceptual is not None:
                distance[numbers] = perceptual(made, other)
        known = [(number, result) for number, result in batch if result.target]
        if known:
            truth = faces.points[[faces.row(result.target) for _, result in known]]
            made = np.stack([result.points for _, result in known])
            # NaN for methods that hand over pictures alone.
            error[[number for number, _ in known]] = ace(made[..., :dims], truth[..., :dims])
    return similarity, distance, error


def _stacked(images: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


def _fid(looks: Looks, results: Results, subjects: np.ndarray, settings: dict[str, Any]) -> dict[str, Any]:
    """FID and KID of the results and the real set: each pair's ground truth, or its source where none exists."""
    made, real = looks.features_of(looks.made), looks.features_of(looks.real)
    point = fid(made, real)
    resamples = interval_resamples(len(made), made.dimension, settings["bootstrap"])
    draws = fid_draws(made, real, subjects, point, resamples, settings["seed"])
    low, high = fid_interval(draws, len(np.unique(subjects)))
    truths = sum(target != "" for target in results.keys("target"))
    different = [sorted(set(numbers.tolist())) for numbers in (looks.made, looks.real)]
    return {
        "value": point,
        "low": low,
        "high": high,
        "pairs": len(made),
        "draws": draws.round(4).tolist(),
        "real_set": {
            "ground_truth": truths,
            "sources": len(made) - truths,
            "different_pictures": len(different[1]),
        },
        "kid": kid(*(looks.features_of(np.array(numbers)) for numbers in different), settings["seed"]),
    }
