"""Head pose: the rotation, shift and scale that lay the mean 3-D face on 68 found points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

MODEL_FILE = Path(__file__).with_name("face_model.csv")


@dataclass(frozen=True)
class FaceModel:
    """The mean face (made by dg/pretraining/face_model.py from SynthFace).

    Head axes: x to the right of a frontal picture, y up, z to the camera; unit: root-mean-square radius of the face.

    Attributes:
        mean: (68, 3) points.
        weight: (68,) how rigid a point is (lips and chin move with the expression), sum 1. `mean` is centred with it.
    """

    mean: Tensor
    weight: Tensor


@cache
def face_model(device: torch.device | str = "cpu") -> FaceModel:
    """The table that ships with the package, float64 on `device`."""
    table = pd.read_csv(MODEL_FILE)

    def columns(*names: str) -> Tensor:
        return torch.tensor(table[list(names)].to_numpy(), dtype=torch.float64, device=device).squeeze(-1)

    return FaceModel(columns("x", "y", "z"), columns("weight"))


def fit_pose(points: Tensor, model: FaceModel | None = None) -> tuple[Tensor, Tensor]:
    """Weighted Procrustes fit of the mean face: points ~ shift + scale * R mean (weak perspective).

    Args:
        points: (B, 68, 3) crop coordinates, y down, z larger is nearer.

    Returns:
        pose (B, 6), the dtype of `points`: yaw, pitch, roll in degrees (yaw positive: the nose goes to the image's
            right, the person turns to their left; pitch positive: the chin goes up; roll positive: the top of the head
            leans to the image's right); x, y of the mean face's centre in crop coordinates; scale, its radius in crop
            sizes.
        rotation (B, 3, 3) float64, Rz(roll) Rx(pitch) Ry(yaw): head axes to camera axes (x right, y up, z to the
            camera).
    """
    model = model or face_model(str(points.device))
    camera = points.double() * torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64, device=points.device)
    weight = model.weight[:, None]
    centre = (camera * weight).sum(1, keepdim=True)
    covariance = (camera - centre).transpose(1, 2) @ (model.mean * weight)
    u, s, vh = torch.linalg.svd(covariance)
    # A reflection would fit better for degenerate points; faces aren't mirrored in depth.
    sign = torch.ones_like(s)
    sign[:, 2] = torch.linalg.det(u @ vh).sign()
    rotation = u @ (sign[..., None] * vh)
    scale = (s * sign).sum(-1) / (weight * model.mean**2).sum()
    # Third row and second column of Rz Rx Ry hold the angles.
    yaw = torch.atan2(-rotation[:, 2, 0], rotation[:, 2, 2])
    pitch = torch.asin((-rotation[:, 2, 1]).clamp(-1, 1))
    roll = torch.atan2(rotation[:, 0, 1], rotation[:, 1, 1])
    angles = torch.rad2deg(torch.stack([yaw, pitch, roll], -1))
    pose = torch.cat([angles, centre[:, 0, :1], -centre[:, 0, 1:2], scale[:, None]], -1)
    return pose.to(points.dtype), rotation
