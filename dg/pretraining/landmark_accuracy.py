"""How good a landmark network is, by SynthFace's truth."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dg.landmarks.fan import LandmarkNet
from dg.landmarks.regions import VLS_REGIONS
from dg.landmarks.visibility import visible_points
from dg.pretraining.augment import faceless, randomise
from dg.pretraining.people import People
from dg.pretraining.settings import Changes

YAW_BINS = ((0, 15), (15, 30), (30, 60), (60, 95))
REGIONS = {**VLS_REGIONS, "brows": tuple(range(17, 27))}


def agreement(found: Tensor, truth: Tensor, yaw: Tensor) -> dict[str, dict[str, float]]:
    """Share of points whose visibility equals the ray truth, by bin of absolute yaw and by region.

    Args:
        found, truth: (N, 68) bool.  yaw: (N,) degrees, true.

    Returns:
        {region or "all": {yaw bin or "all": share}}.
    """
    same = (found == truth).float()
    bins = _bins(yaw)
    regions = {"all": tuple(range(68)), **REGIONS}
    return {
        name: {k: round(float(same[rows][:, list(points)].mean()), 4) for k, rows in bins.items()}
        for name, points in regions.items()
    }


def _bins(yaw: Tensor) -> dict[str, Tensor]:
    yaw = yaw.abs()
    return {f"{a}-{b}": (yaw >= a) & (yaw < b) for a, b in YAW_BINS} | {"all": yaw >= 0}


def measure_landmarks(net: LandmarkNet, people: People) -> dict[str, Any]:
    """Errors on pictures of people the network has not seen, in percent of the face size.

    Face size: sqrt(w h) of the bounding box of the 68 true points, in the picture. Errors are mean Euclidean distances
    over visible points inside the picture; `depth_error` is the mean absolute error of z over the same points;
    `visibility` is the `agreement` of `visible_points` of the points found. Bins are of true absolute yaw.
    """
    found = detect_all(net, people.images)
    low, high = people.points[..., :2].amin(1), people.points[..., :2].amax(1)
    size = (high - low).prod(-1).sqrt()[:, None]
    error = 100 * (found[..., :2] - people.points[..., :2]).norm(dim=-1) / size
    depth = 100 * (found[..., 2] - people.points[..., 2]).abs() / size
    inside = ((people.points[..., :2] > 0) & (people.points[..., :2] < 1)).all(-1)
    seen = people.visible & inside
    bins = _bins(people.pose[:, 0])
    out: dict[str, Any] = {}
    for name, value, mask in (
        ("error_visible_percent", error, seen),
        ("error_hidden_percent", error, inside & ~people.visible),
        ("depth_error_percent", depth, seen),
    ):
        out[name] = {k: round(float(value[rows][mask[rows]].mean()), 4) for k, rows in bins.items()}
    out["visibility"] = agreement(visible_points(found), people.visible, people.pose[:, 0])
    return out


def measure_scores(net: LandmarkNet, people: People, changes: Changes, seed: int) -> tuple[float, dict[str, float]]:
    """The score that best parts randomised faces from face-less pictures, and how well it does (Youden's index)."""
    generator = torch.Generator().manual_seed(seed + 1)
    rows = torch.randperm(len(people), generator=generator)[:512]
    faces, _ = randomise(people.images[rows], people.masks[rows], people.points[rows], changes, generator)
    good = torch.cat([net.detect(chunk).score for chunk in faces.split(64)])
    bad = torch.cat([net.detect(chunk).score for chunk in faceless(people.images[rows], generator).split(64)])
    candidates = torch.linspace(0, 1, 201)
    kept = (good[:, None] >= candidates).float().mean(0)
    refused = (bad[:, None] < candidates).float().mean(0)
    best = int((kept + refused).argmax())
    return round(float(candidates[best]), 3), {
        "faces_kept": round(float(kept[best]), 4),
        "faceless_refused": round(float(refused[best]), 4),
    }


def detect_all(net: LandmarkNet, images: Tensor) -> Tensor:
    """(N, 68, 3) points on (N, 3, S, S) uint8 pictures."""
    return torch.cat([net.detect(chunk.float() / 255).points for chunk in images.split(64)])
