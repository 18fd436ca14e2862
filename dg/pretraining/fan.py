"""Training of the bundled landmark network `fan-synthface`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from face_alignment.models import FAN
from torch import Tensor

from dg.checkpoints import load_checkpoint, save_checkpoint, under_prefix, with_prefix
from dg.landmarks.fan import load_landmark_net
from dg.landmarks.heatmaps import decode
from dg.pretraining.augment import faceless, randomise, tighten
from dg.pretraining.landmark_accuracy import measure_landmarks, measure_scores
from dg.pretraining.loop import fit
from dg.pretraining.people import load_people
from dg.pretraining.points import train_depth
from dg.pretraining.settings import FanSettings
from dg.weights import bundled, bundled_digest

SIGMA = 0.8  # cells: width of the target Gaussian; the coordinate term, not the width, carries the precision


def train_fan(people: Path, out: Path, settings: FanSettings, state: Path, until: int | None = None) -> dict[str, Any]:
    """Train FAN(1) and the depth perceptron on `people`, measure them on people left out, write `out` and its card.

    Args:
        people: folder of the SynthFace set `synth_people`.
        out: safetensors file: "fan.*" in float16, "depth.*" in float32.
        settings: block `fan-synthface` of dg/pretraining/settings.yaml.
        state: folder of the resume state; a killed run goes on from there.
        until: stop the FAN at this step of its schedule and write what there is.

    Returns:
        the card, with the measured numbers under "metrics".

    Raises:
        DgError: the set is missing or unreadable.
    """
    torch.manual_seed(settings.seed)
    learn, measure = load_people(people, settings.held_out)
    fan = FAN(1).to(memory_format=torch.channels_last)
    if settings.init == "bundled":
        fan.load_state_dict(under_prefix("fan", load_checkpoint(bundled("fan-synthface"))))

    def batch_of(step: int) -> tuple[Tensor, Tensor, Tensor]:
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        rows = torch.randint(len(learn), (settings.batch,), generator=generator)
        pictures, points = randomise(
            learn.images[rows], learn.masks[rows], learn.points[rows], settings.augment, generator
        )
        pictures, points = tighten(pictures, points, settings.closer, generator)
        bad = faceless(learn.images[rows[: settings.faceless]], generator)
        has_face = torch.arange(len(rows) + len(bad)) < len(rows)
        return torch.cat([pictures, bad]).contiguous(memory_format=torch.channels_last), points, has_face

    loss = fit(
        fan,
        batch_of,
        lambda pictures, points, has_face: heatmap_loss(fan(pictures)[-1], points, has_face),
        steps=settings.steps,
        lr=settings.lr,
        weight_decay=settings.weight_decay,
        state=state / "fan.safetensors",
        name="fan-synthface",
        until=until,
    )
    depth = train_depth(learn, settings, state)
    tensors = {
        **{name: t.half() if t.is_floating_point() else t for name, t in with_prefix("fan", fan.state_dict()).items()},
        **with_prefix("depth", depth.state_dict()),
    }
    net = load_landmark_net("fan-synthface", weights=tensors)
    threshold, faces = measure_scores(net, measure, settings.augment, settings.seed)
    card = {
        "what": "face_alignment.models.FAN(1) at 128 px and a perceptron for depth (dg/pretraining/fan.py)",
        "data": f"{len(learn)} SynthFace pictures of {len(learn.subject.unique())} people that don't exist; "
        f"measured on {len(measure)} pictures of {len(measure.subject.unique())} others",
        "settings": settings.model_dump(mode="json"),
        "init": bundled_digest("fan-synthface") if settings.init == "bundled" else "random",
        "steps_done": until or settings.steps,
        "torch": torch.__version__,
        "face_threshold": threshold,
        "metrics": {"training_loss": loss, **faces, **measure_landmarks(net, measure)},
    }
    save_checkpoint(out, tensors, card)
    return card


def heatmap_loss(heatmaps: Tensor, points: Tensor, has_face: Tensor) -> Tensor:
    """Cross-entropy to a Gaussian at the true place, plus the soft-argmax's L1 error in cells.

    Args:
        heatmaps: (B + n, 68, h, w) logits.  points: (B, 68, 2 or more) for the first B; points outside the picture
            don't count.  has_face: (B + n,) bool; for the others the heatmap shall be flat.
    """
    heatmaps = heatmaps.float()
    size = heatmaps.shape[-1]
    logs = F.log_softmax(heatmaps.flatten(2), -1)
    cells = torch.arange(size, device=heatmaps.device) + 0.5
    place = points[..., :2] * size
    gx, gy = (torch.exp(-((cells - place[..., k : k + 1]) ** 2) / (2 * SIGMA**2)) for k in (0, 1))
    target = (gy[..., :, None] * gx[..., None, :]).flatten(2)
    target = target / target.sum(-1, keepdim=True).clamp_min(1e-8)
    inside = ((points[..., :2] > 0) & (points[..., :2] < 1)).all(-1).float()
    found, _ = decode(heatmaps[has_face], 1.0)
    error = (found * size - place).abs().sum(-1)
    # The cross-entropy is taken relative to its least value, the target's own entropy.
    entropy = -(target * target.clamp_min(1e-12).log()).sum(-1)
    cross = -(target * logs[has_face]).sum(-1) - entropy
    loss = ((cross + error) * inside).sum() / inside.sum().clamp_min(1)
    if (~has_face).any():
        loss = loss + 0.05 * (-logs[~has_face].mean(-1) - torch.log(torch.tensor(float(size * size)))).mean()
    return loss
