"""Training of the two perceptrons that read depth and visibility off the 68 places."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dg.checkpoints import save_checkpoint
from dg.landmarks.depth import PointDepth
from dg.landmarks.regions import MIRROR
from dg.landmarks.visibility import PointVisibility
from dg.pretraining.augment import move
from dg.pretraining.landmark_accuracy import agreement
from dg.pretraining.loop import fit
from dg.pretraining.people import People, load_people
from dg.pretraining.settings import FanSettings, VisibilitySettings


def train_depth(learn: People, settings: FanSettings, state: Path) -> PointDepth:
    """Fit the depth perceptron to true points that are turned, scaled and jittered as a landmark network errs."""
    depth = PointDepth()

    def batch_of(step: int) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        rows = torch.randint(len(learn), (settings.depth_batch,), generator=generator)
        _, points = move(torch.zeros(len(rows), 1, 1, 1), learn.points[rows], settings.augment, generator)
        jitter = settings.depth_jitter * torch.randn((*points.shape[:2], 2), generator=generator)
        return points[..., :2] + jitter, points[..., 2]

    def loss_of(xy: Tensor, z: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return 100 * (depth(xy) - z).abs().mean()

    fit(
        depth, batch_of, loss_of, steps=settings.depth_steps, lr=settings.depth_lr, weight_decay=1e-4,
        state=state / "depth.safetensors", name="depth",
    )  # fmt: skip
    return depth


def train_visibility(people: Path, out: Path, settings: VisibilitySettings, state: Path) -> dict[str, Any]:
    """Train `PointVisibility` on the true places of `people`, measure it on people left out, write `out` and its card.

    Args:
        people: folder of the SynthFace set `synth_people`.
        out: safetensors file.
        settings: block `visibility-synthface` of dg/pretraining/settings.yaml.
        state: folder of the resume state.

    Raises:
        DgError: the set is missing or unreadable.
    """
    torch.manual_seed(settings.seed)
    learn, measure = load_people(people, settings.held_out)
    net = PointVisibility()

    def batch_of(step: int) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        rows = torch.randint(len(learn), (settings.batch,), generator=generator)
        return disturbed(learn.points[rows, :, :2], learn.visible[rows], settings.jitter, generator)

    def loss_of(points: Tensor, visible: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return F.binary_cross_entropy_with_logits(net(points), visible)

    loss = fit(
        net, batch_of, loss_of, steps=settings.steps, lr=settings.lr, weight_decay=settings.weight_decay,
        state=state / "visibility.safetensors", name="visibility",
    )  # fmt: skip
    with torch.no_grad():
        found = net(measure.points[..., :2]) > 0
    card = {
        "what": "perceptron from 68 x, y to 68 visibilities (dg/landmarks/visibility.py)",
        "data": f"true points of {len(learn)} SynthFace pictures of {len(learn.subject.unique())} people that don't "
        f"exist; measured on the true points of {len(measure)} pictures of {len(measure.subject.unique())} others",
        "settings": settings.model_dump(mode="json"),
        "torch": torch.__version__,
        "metrics": {"training_loss": loss, "agreement": agreement(found, measure.visible, measure.pose[:, 0])},
    }
    save_checkpoint(out, net.state_dict(), card)
    return card


def disturbed(points: Tensor, visible: Tensor, jitter: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mirror half of the faces, lean them by up to 40 degrees in the picture's plane, and err as a network does.

    Args:
        points: (B, 68, 2).  visible: (B, 68) bool.
        jitter: largest standard deviation of the error, in crop sizes; each face draws its own up to it.

    Returns:
        points (B, 68, 2) and visible (B, 68) float32, of the changed faces.
    """
    count = len(points)
    flip = torch.rand(count, generator=generator) < 0.5
    mirrored = points[:, list(MIRROR)] * torch.tensor([-1.0, 1.0])
    points = torch.where(flip[:, None, None], mirrored, points)
    visible = torch.where(flip[:, None], visible[:, list(MIRROR)], visible)
    angle = (torch.rand(count, generator=generator) - 0.5) * math.radians(80)
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], 1)
    amount = jitter * torch.rand((count, 1, 1), generator=generator)
    return points @ turn.transpose(1, 2) + amount * torch.randn(points.shape, generator=generator), visible.float()
