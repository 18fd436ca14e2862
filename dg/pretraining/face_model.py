"""The table behind the head pose, dg/landmarks/face_model.csv, computed from SynthFace people."""

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
    """Compute mean face and rigidity from the truth about `people` and write them as CSV.

    1. Points of every picture are turned back by the true pose, centred, scaled to radius 1 and averaged over pictures
       and their mirror images.
    2. Weight: the inverse variance of a point's distance to the mean, after the fit with the weights before (5 rounds).
    """
    mirror = list(MIRROR)
    camera = people.points.double() * torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)
    head = (camera - camera.mean(1, keepdim=True)) @ rotations(people.pose.double())  # row vectors: R^T p
    head = head / head.square().sum(-1).mean(1).sqrt()[:, None, None]
    mean = head.mean(0)
    flip = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    mean = (mean + mean[mirror] * flip) / 2
    weight = torch.full((68,), 1 / 68, dtype=torch.float64)
    for _ in range(5):
        mean = mean - (mean * weight[:, None]).sum(0)
        mean = mean / (mean.square().sum(-1) * weight).sum().sqrt()
        pose, rotation = fit_pose(people.points.double(), FaceModel(mean, weight))
        centre = torch.stack([pose[:, 3], -pose[:, 4], (camera[..., 2] * weight).sum(1)], -1)
        fitted = centre[:, None] + pose[:, 5, None, None] * (mean @ rotation.transpose(1, 2))
        variance = ((camera - fitted) / pose[:, 5, None, None]).square().sum(-1).mean(0)
        weight = 1 / (variance + variance[mirror])
        weight = weight / weight.sum()
    table = pd.DataFrame(
        torch.cat([mean, weight[:, None]], 1).numpy().round(7),
        columns=["x", "y", "z", "weight"],
    )
    table.insert(0, "point", range(68))
    write_csv(out, table)
    return FaceModel(mean, weight)


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
