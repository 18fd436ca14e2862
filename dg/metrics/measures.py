"""How each metric is computed from the evidence, under the keys of the records in dg/metrics/metric.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dg.metrics.ace import ace
from dg.metrics.csim import cosine, id_retrieval, rank1
from dg.metrics.evidence import Evidence
from dg.metrics.fid import fid, fid_draws, fid_interval, interval_resamples, kid
from dg.metrics.motion import head_angles, landmark_error, turns
from dg.metrics.ssim import ssim


def _ssim(evidence: Evidence) -> np.ndarray:
    return evidence.against_truth(lambda made, other: ssim(made, other, data_range=255).numpy(), "SSIM")


def _lpips(evidence: Evidence) -> np.ndarray:
    distance = evidence.networks.lpips
    return np.full(len(evidence), np.nan) if distance is None else evidence.against_truth(distance, "LPIPS")


def _csim(evidence: Evidence) -> np.ndarray:
    return cosine(*evidence.embeddings(evidence.sources, evidence.made))


def _rank1(evidence: Evidence) -> np.ndarray:
    sources, made = evidence.embeddings(evidence.sources, evidence.made)
    return rank1(made, sources, evidence.subjects)


def _id_retrieval(evidence: Evidence) -> np.ndarray:
    sources, made = evidence.embeddings(evidence.sources, evidence.made)
    return id_retrieval(made, sources, evidence.subjects)


def _identity_kept(evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """(CSIM - stranger, truth - stranger) of each pair, stranger and truth being the CSIM of the reference's and of the
    ground truth's picture. NaN without a truth, and where the reference is the truth and so no stranger."""
    known = np.flatnonzero((evidence.truths >= 0) & (evidence.truths != evidence.references))
    part, whole = np.full((2, len(evidence)), np.nan)
    if len(known):
        numbers = (evidence.sources, evidence.made, evidence.references, evidence.truths)
        source, made, stranger, truth = evidence.embeddings(*(some[known] for some in numbers))
        floor = cosine(source, stranger)
        part[known], whole[known] = cosine(source, made) - floor, cosine(source, truth) - floor
    return part, whole


def _of_pairs(evidence: Evidence, pairs: np.ndarray, values: np.ndarray) -> np.ndarray:
    """`values` of `pairs`, NaN elsewhere."""
    of_all = np.full(len(evidence), np.nan)
    of_all[pairs] = values
    return of_all


def _landmark_error(evidence: Evidence) -> np.ndarray:
    pairs, made, references = evidence.by_mesh
    visible = evidence.faces.visible[evidence.reference_rows][pairs]
    return _of_pairs(evidence, pairs, landmark_error(made, references, visible))


def _mesh_turns(evidence: Evidence) -> np.ndarray:
    """(pairs of the mesh, 3)."""
    _, made, references = evidence.by_mesh
    return turns(head_angles(made), head_angles(references)) if len(made) else np.zeros((0, 3))


def _pose_error(evidence: Evidence) -> np.ndarray:
    return _of_pairs(evidence, evidence.by_mesh.pairs, _mesh_turns(evidence).mean(axis=1))


def _yaw_error(evidence: Evidence) -> np.ndarray:
    return _of_pairs(evidence, evidence.by_mesh.pairs, _mesh_turns(evidence)[:, 0])


def _landmark_error_yunet(evidence: Evidence) -> np.ndarray:
    made, references = evidence.five_points(evidence.made, evidence.references)
    # All five at every yaw: hidden ones lie where YuNet guesses them, in both pictures alike.
    return landmark_error(made, references, np.ones(references.shape[:2], bool))


def _landmark_error_fl(evidence: Evidence) -> np.ndarray:
    rows, faces = evidence.reference_rows, evidence.faces
    return landmark_error(evidence.points[evidence.made], faces.points[rows], faces.visible[rows])


def _pose_error_fl(evidence: Evidence) -> np.ndarray:
    return turns(*evidence.angles).mean(axis=1)


def _ace(evidence: Evidence) -> np.ndarray:
    """Of the landmarks that a method painted from; NaN for methods that hand over pictures alone."""
    dims, faces = evidence.settings.landmark_dims, evidence.faces
    values = np.full(len(evidence), np.nan)
    true = {pair: faces.row(key) for pair, key in enumerate(evidence.results.keys("target")) if key}
    if true:
        made = np.stack([evidence.results[pair].points for pair in true])
        values[list(true)] = ace(made[..., :dims], faces.points[list(true.values())][..., :dims])
    return values


def _fid(evidence: Evidence) -> dict[str, Any]:
    made, real, seed = evidence.features(evidence.made), evidence.features(evidence.real), evidence.settings.seed
    point = fid(made, real)
    resamples = interval_resamples(len(made), made.dimension, evidence.settings.bootstrap)
    draws = fid_draws(made, real, evidence.subjects, point, resamples, seed)
    low, high = fid_interval(draws, len(np.unique(evidence.subjects)))
    truths = int(np.count_nonzero(evidence.truths >= 0))
    return {
        "value": point,
        "low": low,
        "high": high,
        "pairs": len(made),
        "draws": draws.round(4).tolist(),
        "real_set": {
            "ground_truth": truths,
            "sources": len(made) - truths,
            "different_pictures": len(np.unique(evidence.real)),
        },
    }


def _kid(evidence: Evidence) -> dict[str, Any]:
    """Of the different pictures: a repeated one would count as evidence of its own."""
    different = (evidence.features(np.unique(some)) for some in (evidence.made, evidence.real))
    value = kid(*different, evidence.settings.seed)
    return {"value": value, "low": None, "high": None, "pairs": len(evidence)}


# A value for each pair, (n,) float64, NaN where there is nothing to compare: their mean is the metric.
PER_PAIR: dict[str, Callable[[Evidence], np.ndarray]] = {
    "ssim": _ssim,
    "csim": _csim,
    "rank1": _rank1,
    "id_retrieval": _id_retrieval,
    "landmark_error": _landmark_error,
    "pose_error": _pose_error,
    "yaw_error": _yaw_error,
    "landmark_error_yunet": _landmark_error_yunet,
    "landmark_error_fl": _landmark_error_fl,
    "pose_error_fl": _pose_error_fl,
    "lpips": _lpips,
    "ace": _ace,
}
# (n,) float64 twice, NaN where there is nothing to compare: the sum of the first / the sum of the second is the metric.
PER_SHARE: dict[str, Callable[[Evidence], tuple[np.ndarray, np.ndarray]]] = {"identity_kept": _identity_kept}
# One value for all pairs: {"value", "low", "high" (None where there is none), "pairs"}, and "draws" where the record
# says so: draw k of everything measured on one pair list is of the same people.
PER_SET: dict[str, Callable[[Evidence], dict[str, Any]]] = {"fid": _fid, "kid": _kid}
