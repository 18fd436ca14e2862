"""The table behind pose and visibility, dg/landmarks/face_model.csv, computed from SynthFace people."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from dg.files import write_csv
from dg.landmarks.pose import MODEL_FILE, FaceModel, fit_pose
from dg.landmarks.regions import MIRROR
from dg.pretraining.people import People


def make_face_model(people: People, out: Path = MODEL_FILE) -> FaceModel:
    """Compute mean face, rigidity, normals and thresholds from the truth about `people` and write them as CSV.

    1. Points of every picture are turned back by the true pose, centred, scaled to radius 1 and averaged over pictures
       and their mirror images.
    2. Weight: the inverse variance of a point's distance to the mean, after the fit with the weights before (5 rounds).
    3. Visible or not (ray truth) is regressed on the camera's direction in head axes, a logistic regression per
       point over all pictures and their mirror images; its direction is the normal, its offset the threshold.
    """
    mirror = list(MIRROR)
    camera = people.points.double() * torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)
    head = (camera - camera.mean(1, keepdim=True)) @ rotations(people.pose.double())  # row vectors: R^T p
    head = head / head.square().sum(-1).mean(1).sqrt()[:, None, None]
    mean = head.mean(0)
    flip = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    mean = (mean + mean[mirror] * flip) / 2
    weight = torch.full((68,), 1 / 68, dtype=torch.float64)
    nothing = torch.zeros(68, 3, dtype=torch.float64), torch.zeros(68, dtype=torch.float64)
    for _ in range(5):
        mean = mean - (mean * weight[:, None]).sum(0)
        mean = mean / (mean.square().sum(-1) * weight).sum().sqrt()
        pose, rotation = fit_pose(people.points.double(), FaceModel(mean, weight, *nothing))
        centre = torch.stack([pose[:, 3], -pose[:, 4], (camera[..., 2] * weight).sum(1)], -1)
        fitted = centre[:, None] + pose[:, 5, None, None] * (mean @ rotation.transpose(1, 2))
        variance = ((camera - fitted) / pose[:, 5, None, None]).square().sum(-1).mean(0)
        weight = 1 / (variance + variance[mirror])
        weight = weight / weight.sum()
    view = rotation[:, 2]
    normal, threshold = _separate(
        torch.cat([view, view * flip]), torch.cat([people.visible, people.visible[:, mirror]]).double()
    )
    normal = (normal + normal[mirror] * flip) / 2
    threshold = (threshold + threshold[mirror]) / 2
    table = pd.DataFrame(
        torch.cat([mean, normal, threshold[:, None], weight[:, None]], 1).numpy().round(7),
        columns=["x", "y", "z", "nx", "ny", "nz", "threshold", "weight"],
    )
    table.insert(0, "point", range(68))
    write_csv(out, table)
    return FaceModel(mean, weight, normal, threshold)


def rotations(pose: Tensor) -> Tensor:
    """(N, 3) yaw, pitch, roll in degrees -> (N, 3, 3), Rz Rx Ry from head to camera axes; signs as in `fit_pose`."""
    a, b, c = torch.deg2rad(pose).unbind(-1)
    zero, one = torch.zeros_like(a), torch.ones_like(a)

    def matrix(*rows: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        return torch.stack([torch.stack(row, -1) for row in rows], 1)

    ry = matrix((a.cos(), zero, a.sin()), (zero, one, zero), (-a.sin(), zero, a.cos()))
    rx = matrix((one, zero, zero), (zero, b.cos(), b.sin()), (zero, -b.sin(), b.cos()))
    rz = matrix((c.cos(), c.sin(), zero), (-c.sin(), c.cos(), zero), (zero, zero, one))
    return rz @ rx @ ry


def _separate(view: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
    """Logistic regression of `visible` (N, 68) on `view` (N, 3): unit normals (68, 3) and thresholds (68,)."""
    parameters = torch.zeros(68, 4, dtype=torch.float64)
    parameters[:, 2] = 5  # a point looks forward until shown otherwise
    parameters.requires_grad_(True)
    optimiser = torch.optim.LBFGS([parameters], max_iter=300, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        logits = view @ parameters[:, :3].T + parameters[:, 3]
        # The small ridge keeps points that are always visible finite.
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, visible)
        loss = loss * 68 + 1e-4 * parameters.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    with torch.no_grad():
        length = parameters[:, :3].norm(dim=1)
        return parameters[:, :3] / length[:, None], -parameters[:, 3] / length
