"""Training of the bundled landmark network `fan-synthface`, and the measuring of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from face_alignment.models import FAN
from torch import Tensor

from dg.checkpoints import save_checkpoint, with_prefix
from dg.landmarks.depth import PointDepth
from dg.landmarks.fan import LandmarkNet, load_landmark_net
from dg.landmarks.heatmaps import decode
from dg.landmarks.visibility import facing
from dg.pretraining.augment import faceless, move, randomise
from dg.pretraining.loop import fit
from dg.pretraining.people import People, load_people

SIGMA = 0.8  # cells: width of the target Gaussian; the coordinate term, not the width, carries the precision
YAW_BINS = ((0, 30), (30, 60), (60, 95))


def train_fan(people: Path, out: Path, settings: dict[str, Any], state: Path, until: int | None = None) -> dict:
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
    torch.manual_seed(settings["seed"])
    learn, measure = load_people(people, settings["held_out"])
    fan = FAN(1).to(memory_format=torch.channels_last)

    def batch_of(step: int) -> tuple[Tensor, Tensor, Tensor]:
        generator = torch.Generator().manual_seed(settings["seed"] * 1_000_003 + step)
        rows = torch.randint(len(learn), (settings["batch"],), generator=generator)
        pictures, points = randomise(
            learn.images[rows], learn.masks[rows], learn.points[rows], settings["augment"], generator
        )
        bad = faceless(learn.images[rows[: settings["faceless"]]], generator)
        has_face = torch.arange(len(rows) + len(bad)) < len(rows)
        return torch.cat([pictures, bad]).contiguous(memory_format=torch.channels_last), points, has_face

    loss = fit(
        fan,
        batch_of,
        lambda pictures, points, has_face: heatmap_loss(fan(pictures)[-1], points, has_face),
        steps=settings["steps"],
        lr=settings["lr"],
        weight_decay=settings["weight_decay"],
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
    threshold, faces = measure_scores(net, measure, settings)
    card = {
        "what": "face_alignment.models.FAN(1) at 128 px and a perceptron for depth (dg/landmarks/train.py)",
        "data": f"{len(learn)} SynthFace pictures of {len(learn.subject.unique())} people that don't exist; "
        f"measured on {len(measure)} pictures of {len(measure.subject.unique())} others",
        "settings": settings,
        "steps_done": until or settings["steps"],
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


def train_depth(learn: People, settings: dict[str, Any], state: Path) -> PointDepth:
    """Fit the depth perceptron to true points that are turned, scaled and jittered as a landmark network errs."""
    depth = PointDepth()

    def batch_of(step: int) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(settings["seed"] * 1_000_003 + step)
        rows = torch.randint(len(learn), (settings["depth_batch"],), generator=generator)
        _, points = move(torch.zeros(len(rows), 1, 1, 1), learn.points[rows], settings["augment"], generator)
        jitter = settings["depth_jitter"] * torch.randn((*points.shape[:2], 2), generator=generator)
        return points[..., :2] + jitter, points[..., 2]

    def loss_of(xy: Tensor, z: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return 100 * (depth(xy) - z).abs().mean()

    fit(
        depth, batch_of, loss_of, steps=settings["depth_steps"], lr=settings["depth_lr"], weight_decay=1e-4,
        state=state / "depth.safetensors", name="depth",
    )  # fmt: skip
    return depth


def measure_landmarks(net: LandmarkNet, people: People) -> dict[str, Any]:
    """Errors on pictures of people the network has not seen, in percent of the face size.

    Face size: sqrt(w h) of the bounding box of the 68 true points, in the picture. Errors are mean Euclidean distances
    over visible points inside the picture; `depth_error` is the mean absolute error of z over the same points;
    `visibility_agreement` is the share of all 68 points whose visibility by the normal rule, from the points found,
    equals the ray truth (and `.._from_truth`: from the true points). Bins are of true absolute yaw.
    """
    found = detect_all(net, people.images)
    low, high = people.points[..., :2].amin(1), people.points[..., :2].amax(1)
    size = (high - low).prod(-1).sqrt()[:, None]
    error = 100 * (found[..., :2] - people.points[..., :2]).norm(dim=-1) / size
    depth = 100 * (found[..., 2] - people.points[..., 2]).abs() / size
    inside = ((people.points[..., :2] > 0) & (people.points[..., :2] < 1)).all(-1)
    seen = people.visible & inside
    agree = facing(found) == people.visible
    agree_truth = facing(people.points) == people.visible
    yaw = people.pose[:, 0].abs()
    out: dict[str, Any] = {}
    for name, value, mask in (
        ("error_visible_percent", error, seen),
        ("error_hidden_percent", error, inside & ~people.visible),
        ("depth_error_percent", depth, seen),
        ("visibility_agreement", agree.float(), torch.ones_like(seen)),
        ("visibility_agreement_from_truth", agree_truth.float(), torch.ones_like(seen)),
    ):
        bins = {f"{a}-{b}": (yaw >= a) & (yaw < b) for a, b in YAW_BINS} | {"all": yaw >= 0}
        out[name] = {k: round(float(value[rows][mask[rows]].mean()), 4) for k, rows in bins.items()}
    return out


def measure_scores(net: LandmarkNet, people: People, settings: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """The score that best parts randomised faces from face-less pictures, and how well it does (Youden's index)."""
    generator = torch.Generator().manual_seed(settings["seed"] + 1)
    rows = torch.randperm(len(people), generator=generator)[:512]
    faces, _ = randomise(people.images[rows], people.masks[rows], people.points[rows], settings["augment"], generator)
    good = torch.cat([net.detect(chunk)[1] for chunk in faces.split(64)])
    bad = torch.cat([net.detect(chunk)[1] for chunk in faceless(people.images[rows], generator).split(64)])
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
    return torch.cat([net.detect(chunk.float() / 255)[0] for chunk in images.split(64)])
