"""Which of the 68 points can be seen: those whose normal faces the camera (FAN itself doesn't say)."""

from __future__ import annotations

import torch
from torch import Tensor

from dg.landmarks.pose import FaceModel, face_model, fit_pose


@torch.no_grad()
def facing(points: Tensor, model: FaceModel | None = None) -> Tensor:
    """Visibility v of eq. (3) by the pose of the 68 points alone.

    The camera looks along a direction of the mean face; a point is visible where its normal's cosine with it exceeds
    the point's threshold. Normals and thresholds are fitted to SynthFace's ray truth, so that a threshold also stands
    for what usually hides the point (the nose hides the far eye's corner). Expression and hair are not looked at.

    Args:
        points: (B, 68, 3) crop coordinates.

    Returns:
        (B, 68) bool.
    """
    model = model or face_model(str(points.device))
    _, rotation = fit_pose(points, model)
    view = rotation[:, 2]  # the camera's axis in head axes
    return view @ model.normal.T > model.threshold
