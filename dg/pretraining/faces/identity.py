"""The training of E_f, `synthface-id`: told apart are people, not the patterns that a generator can hide in a picture.

A network that only ever saw pictures is won by patterns nobody sees: eq. (12) falls and no judge moves. Here each
picture is also changed against the network within a small ball, and its code is to stay (TRADES, Zhang et al. 2019);
what lowers eq. (12) has to be seen, as a robust classifier's gradients show (Santurkar et al. 2019).
"""

from __future__ import annotations

import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from dg.errors import DgError
from dg.identity.network import SIZE, FaceCodeNet, square_around
from dg.landmarks.zoom import zoom
from dg.pretraining.faces.pictures import Pictures
from dg.pretraining.faces.recipe import IdentityRecipe
from dg.pretraining.faces.schedule import Schedule, advanced
from dg.pretraining.faces.state import facts_of, load_state, part_of, save_state

REPORT_EVERY = 100  # steps
CROP = (0.1, 0.16, 0.9)
"""Left, top, right of a square in the middle of a face crop: bridge to chin is half of its height."""


class IdentityTraining:
    """E_f with its optimiser; `run` trains, `save` writes all of it to one file."""

    def __init__(self, recipe: IdentityRecipe, pictures: Pictures, state: Path) -> None:
        """Random weights, or go on from `state`.

        Raises:
            DgError: `state` is of another recipe.
        """
        self.recipe, self.pictures, self.state, self.step = recipe, pictures, state, 0
        self.schedule = Schedule(recipe.steps)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(recipe.seed)
        net = FaceCodeNet(recipe.dimension, recipe.width)
        self.net = net.to(self.device, memory_format=torch.channels_last).train()
        self.optimisers = {"net": torch.optim.AdamW(net.parameters(), weight_decay=recipe.decay, fused=True)}
        if state.exists():
            stored, self.step = load_state(state, recipe, self.optimisers)
            net.load_state_dict(part_of("net", stored))

    def run(self, minutes: float) -> None:
        """Train to the recipe's end, within so many minutes; saves every two."""
        began, losses = time.monotonic(), []
        for found in advanced(self, minutes):
            losses.append(found)
            if self.step % REPORT_EVERY == 0:
                means = " ".join(
                    f"{name}={float(sum(x[name] for x in losses)) / len(losses):.3f}" for name in losses[0]
                )
                speed = self.step / (time.monotonic() - began)
                print(f"E_f: step {self.step}, {speed:.1f} a second, {means}", flush=True)
                losses = []

    def advance(self) -> dict[str, Tensor]:
        """One step; returns the losses by name, scalars."""
        recipe, optimiser = self.recipe, self.optimisers["net"]
        for group in optimiser.param_groups:
            group["lr"] = self.schedule.rate(self.step, recipe.lr, 0)
        crowd = self.pictures.crowd(recipe.seed, self.step, recipe.people)
        generator = torch.Generator(self.device).manual_seed(recipe.seed * 1_000_003 + self.step)
        seen = varied(crowd.images.flatten(0, 1), crowd.points.flatten(0, 1), generator).contiguous(
            memory_format=torch.channels_last
        )
        changed = self._against(seen, generator)
        codes, changed_codes = self._codes(torch.cat([seen, changed])).chunk(2)
        apart = self._apart(codes)
        moved = (1 - (codes * changed_codes).sum(1)).mean()
        loss = apart + recipe.robust * moved
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        self.step += 1
        return {"apart": apart.detach(), "moved": moved.detach()}

    def _codes(self, seen: Tensor) -> Tensor:
        """(b, dimension), of length 1."""
        with torch.autocast(self.device.type, torch.bfloat16):
            codes = self.net(seen)
        return F.normalize(codes.float(), dim=1)

    def _apart(self, codes: Tensor) -> Tensor:
        """Softmax over the batch's people with a margin, both ways; two `codes` of each lie side by side."""
        first, second = codes.unflatten(0, (-1, 2)).unbind(1)
        cosines = first @ second.t()
        logits = self.recipe.scale * (cosines - self.recipe.margin * torch.eye(len(cosines), device=cosines.device))
        who = torch.arange(len(logits), device=logits.device)
        return (F.cross_entropy(logits, who) + F.cross_entropy(logits.t(), who)) / 2

    def _against(self, seen: Tensor, generator: torch.Generator) -> Tensor:
        """The pictures, each moved within a ball of random radius so that its code turns away (projected ascent)."""
        grown = self.recipe.radius * min(1.0, 3 * self.schedule.done(self.step))
        radius = grown * torch.rand(len(seen), 1, 1, 1, device=self.device, generator=generator) + 1e-6
        change = radius * _unit(torch.randn(seen.shape, device=self.device, generator=generator))
        with torch.no_grad():
            codes = self._codes(seen)
        for _ in range(self.recipe.attacks):
            change.requires_grad_(True)
            (slope,) = torch.autograd.grad((codes * self._codes(seen + change)).sum(), change)
            change = change.detach() - 0.75 * radius * _unit(slope)
            change = change * (radius / _length(change)).clamp_max(1)
        return (seen + change).detach()

    def save(self) -> None:
        """Write weights, moments and the recipe."""
        tensors = {f"net.{key}": value for key, value in self.net.state_dict().items()}
        save_state(self.state, tensors, self.optimisers, self.step, self.recipe)


def load_identity(state: Path | None, device: torch.device) -> FaceCodeNet:
    """The frozen E_f of a state that `IdentityTraining` wrote.

    Raises:
        DgError: no such file.
    """
    if state is None or not state.exists():
        raise DgError(f"--identity {state}: no E_f there. Train it first: python -m dg.pretraining.faces identity")
    recipe = IdentityRecipe(**facts_of(state)[1])
    net = FaceCodeNet(recipe.dimension, recipe.width)
    net.load_state_dict(part_of("net", load_file(state)))
    return net.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)


def views(
    points: Tensor, shift: float, scale: float, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Middle (b, 2) and side (b,) of squares near landmarks (b, 68, 2).

    Args:
        shift: standard deviation of the middle, in sides. scale: of the side's logarithm.
    """
    centre, side = square_around(points)
    side = side * torch.exp(scale * _normal(side, generator))
    return centre + shift * side[:, None] * _normal(centre, generator), side


def varied(images: Tensor, points: Tensor, generator: torch.Generator) -> Tensor:
    """What E_f learns from: squares (b, 3, SIZE, SIZE) near the faces of (b, 3, S, S), in other light and surroundings.

    Half of them lie in the middle of the crop, wherever the landmarks are: those of F_l can be wrong.
    """
    g, b = generator, len(images)
    centre, side = views(points, 0.04, 0.1, g)
    left, top, right = CROP
    whole = torch.rand(b, device=images.device, generator=g) < 0.5
    jitter = torch.exp(0.08 * _normal(side, g))
    fixed = centre.new_tensor([(left + right) / 2, top + (right - left) / 2]) + 0.02 * _normal(centre, g)
    centre = torch.where(whole[:, None], fixed, centre)
    side = torch.where(whole, (right - left) * jitter, side)
    seen = zoom(images, centre, side, SIZE)
    seen = _elsewhere(seen, (points - centre[:, None]) / side[:, None, None] + 0.5, g)
    seen = seen * torch.exp(0.12 * _normal(seen[:, :, :1, :1], g) + 0.15 * _normal(seen[:, :1, :1, :1], g))
    seen = (seen - 0.5) * torch.exp(0.15 * _normal(seen[:, :1, :1, :1], g)) + 0.5
    grey = torch.rand(b, 1, 1, 1, device=seen.device, generator=g) < 0.05
    seen = torch.where(grey, seen.mean(1, keepdim=True), seen)
    blurred = F.interpolate(F.avg_pool2d(seen, 2), scale_factor=2, mode="bilinear", align_corners=False)
    seen = seen.lerp(blurred, torch.rand(b, 1, 1, 1, device=seen.device, generator=g))
    level = 0.03 * torch.rand(b, 1, 1, 1, device=seen.device, generator=g)
    return (seen + level * _normal(seen, g)).clamp(0, 1)


def _elsewhere(seen: Tensor, points: Tensor, generator: torch.Generator) -> Tensor:
    """Half of the pictures get another one's surroundings: a person's background is not the person."""
    low, high = points.amin(1), points.amax(1)
    middle, reach = (low + high) / 2, (high - low) / 2
    # The landmarks end at the brows; the forehead lies above them.
    middle = middle - torch.stack([torch.zeros_like(reach[:, 0]), 0.3 * reach[:, 1]], 1)
    reach = reach * reach.new_tensor([1.15, 1.4])
    place = (torch.arange(seen.shape[-1], device=seen.device) + 0.5) / seen.shape[-1]
    x, y = ((place - middle[:, k, None]) / reach[:, k, None].clamp_min(0.05) for k in (0, 1))
    outside = (x.square()[:, None, :] + y.square()[:, :, None] > 1)[:, None]
    moved = torch.rand(len(seen), 1, 1, 1, device=seen.device, generator=generator) < 0.5
    # Two pictures of a person lie side by side, so three places on is somebody else.
    return torch.where(outside & moved, seen.roll(3, 0), seen)


def _normal(like: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.randn(like.shape, device=like.device, dtype=like.dtype, generator=generator)


def _length(x: Tensor) -> Tensor:
    return x.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None, None]


def _unit(x: Tensor) -> Tensor:
    return x / _length(x)
