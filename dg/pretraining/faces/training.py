"""The bundled RFG's training: eq. (11) and LPIPS on VGG-16 from the start, D_f at the end."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from dg.errors import DgError
from dg.files import replacing
from dg.landmarks.linemap import draw_lines
from dg.lpips.network import Lpips
from dg.pretraining.faces.pictures import Pairs, Pictures
from dg.pretraining.faces.recipe import Recipe
from dg.rfg.networks import FaceGenerator, Trunk
from dg.rfg.spikes import watched
from dg.training.gan import discriminator_loss, generator_loss, r1_penalty

SAVE_EVERY = 120  # seconds
REPORT_EVERY = 100  # steps
R1_EVERY = 16
WARM_UP = 200  # steps
ON_FACE = 0.75
"""Share of LPIPS's squares whose middle lies within the landmarks; the others lie anywhere."""
AVERAGED = ("generator", "style_encoder")
NO_SPIKE = 0.03
CODES = 1e-4
"""Weight of the style codes' mean square: nothing else says how large they may be."""


class FacesTraining:
    """G_f, E_s and D_f with optimisers and averages; `run` trains, `save` writes all of it to one file."""

    def __init__(self, recipe: Recipe, pictures: Pictures, state: Path, init: Path | None = None) -> None:
        """Random weights, those of `init` (names as in the state, any subset of the networks), or go on from `state`.

        Raises:
            DgError: `state` is of another recipe, or `init` is of other sizes.
        """
        self.recipe, self.pictures, self.state = recipe, pictures, state
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(recipe.seed)
        widths = recipe.channels, recipe.max_channels
        nets: dict[str, nn.Module] = {
            "generator": FaceGenerator(
                recipe.size, *widths, recipe.style_dim, recipe.adain_intermediate, **recipe.form
            ),
            "style_encoder": Trunk(recipe.size, 3, *widths, recipe.style_dim),
            "face_discriminator": Trunk(recipe.size, 3, *widths, 1),
        }
        self.nets = {name: net.to(self.device, memory_format=torch.channels_last) for name, net in nets.items()}
        self.lpips = Lpips("vgg16").to(self.device)
        painters = [p for name in AVERAGED for p in self.nets[name].parameters()]
        judge = self.nets["face_discriminator"].parameters()
        self.optimisers = {
            "painters": torch.optim.Adam(painters, betas=(0.9, 0.99), foreach=True),
            "judge": torch.optim.Adam(judge, betas=(0.5, 0.99), foreach=True),
        }
        self.step = 0
        if init is not None:
            self._start_from(init)
        self.averages = {
            name: {key: value.detach().clone() for key, value in self.nets[name].state_dict().items()}
            for name in AVERAGED
        }
        if state.exists():
            self._restore()

    @property
    def done(self) -> float:
        """Share of the run."""
        return self.step * self.recipe.batch / self.recipe.pictures

    def run(self, minutes: float) -> None:
        """Train to the recipe's end or for so many minutes; saves every two, prints losses and pictures a second."""
        began = saved = told = time.monotonic()
        told_step, sums = self.step, {}
        while self.done < 1 and time.monotonic() - began < 60 * minutes:
            for name, value in self.advance().items():
                sums.setdefault(name, []).append(value)
            now = time.monotonic()
            if self.step % REPORT_EVERY == 0:
                speed = (self.step - told_step) * self.recipe.batch / (now - told)
                means = " ".join(f"{name}={float(torch.stack(values).mean()):.4f}" for name, values in sums.items())
                print(f"{self.step * self.recipe.batch} pictures, {speed:.1f} a second, {means}", flush=True)
                told, told_step, sums = now, self.step, {}
            if now - saved > SAVE_EVERY:
                self.save()
                saved = now
        self.save()
        print(f"{self.step * self.recipe.batch} of {self.recipe.pictures} pictures done; state in {self.state}")

    def advance(self) -> dict[str, Tensor]:
        """One step; returns the losses by name, scalars."""
        recipe, judge = self.recipe, self.nets["face_discriminator"]
        self._set_rate()
        pairs = self.pictures.pairs(recipe.seed, self.step, recipe.batch)
        maps = draw_lines(pairs.points, recipe.size, recipe.line_width).expand(-1, 3, -1, -1)
        corners, adversarial = self._corners(pairs), self.done >= recipe.adversarial_from
        judge.requires_grad_(False)
        with torch.autocast(self.device.type, torch.bfloat16):
            style = self.nets["style_encoder"](pairs.source.contiguous(memory_format=torch.channels_last))
            with watched(self.nets["generator"]) as shares:
                painted = self.nets["generator"](maps, style)
            seen, wanted = (self._squares(images, corners) for images in (painted, pairs.truth))
            losses = {"at": (painted - pairs.truth).abs().mean(), "lpips": self.lpips(seen, wanted).float().mean()}
            if adversarial:
                losses["adv"] = generator_loss(judge(painted), "non_saturating")
        total = recipe.lambda_at * losses["at"] + recipe.lambda_lpips * losses["lpips"] + CODES * style.square().mean()
        losses["spike"] = torch.stack(shares).max()
        total = total + recipe.lambda_spike * sum((share - NO_SPIKE).clamp_min(0) for share in shares)
        if adversarial:
            total = total + recipe.lambda_adv * losses["adv"]
        self._descend("painters", total)
        if adversarial:
            losses |= self._update_judge(pairs.truth, painted.detach())
        self._average()
        self.step += 1
        return {name: value.detach() for name, value in losses.items()}

    def _update_judge(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        judge, due = self.nets["face_discriminator"].requires_grad_(True), self.step % R1_EVERY == 0
        real = real.detach().clone().requires_grad_(due)
        with torch.autocast(self.device.type, torch.bfloat16):
            real_logits, fake_logits = judge(real), judge(fake)
        losses = {"d_f": discriminator_loss(real_logits, fake_logits, "non_saturating")}
        total = losses["d_f"]
        if due:
            losses["d_f_r1"] = r1_penalty(real_logits, real)
            total = total + R1_EVERY * self.recipe.r1 * losses["d_f_r1"]
        self._descend("judge", total)
        return losses

    def _corners(self, pairs: Pairs) -> list[tuple[int, int]]:
        """Upper left corners (x, y) of this step's squares of `patch` pixels that LPIPS looks at, one a pair."""
        size, side = self.recipe.size, self.recipe.patch
        rng = np.random.default_rng([self.recipe.seed, self.step, 1])
        low, high = (edge.cpu().numpy() * size for edge in (pairs.points.amin(1), pairs.points.amax(1)))
        on_face = rng.random((len(low), 1)) < ON_FACE
        middle = np.where(on_face, rng.uniform(low, np.maximum(high, low)), rng.uniform(0, size, low.shape))
        return [(x, y) for x, y in np.clip(middle - side / 2, 0, size - side).round().astype(int)]

    def _squares(self, images: Tensor, corners: list[tuple[int, int]]) -> Tensor:
        """(b, 3, patch, patch) of the `images`."""
        side = self.recipe.patch
        cut = [image[:, y : y + side, x : x + side] for image, (x, y) in zip(images, corners)]
        return torch.stack(cut).contiguous(memory_format=torch.channels_last)

    def _set_rate(self) -> None:
        recipe = self.recipe
        rate = recipe.last_lr + (recipe.lr - recipe.last_lr) * (1 + math.cos(math.pi * min(1.0, self.done))) / 2
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = rate * min(1.0, (self.step + 1) / WARM_UP)

    def _descend(self, name: str, total: Tensor) -> None:
        self.optimisers[name].zero_grad(set_to_none=True)
        total.backward()
        self.optimisers[name].step()

    @torch.no_grad()
    def _average(self) -> None:
        # Young averages forget faster: the first weights are no faces.
        keep = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        for name, average in self.averages.items():
            for key, value in self.nets[name].state_dict().items():
                average[key].lerp_(value, 1 - keep)

    def save(self) -> None:
        """Write networks, averages, the optimisers' moments and the recipe."""
        tensors = {f"{name}.{key}": value for name, net in self.nets.items() for key, value in net.state_dict().items()}
        tensors |= {f"ema_{name}.{key}": v for name, average in self.averages.items() for key, v in average.items()}
        for name, optimiser in self.optimisers.items():
            for number, moments in optimiser.state_dict()["state"].items():
                tensors |= {f"adam_{name}.{number}.{key}": value for key, value in moments.items()}
        facts = {"step": str(self.step), "recipe": json.dumps(asdict(self.recipe))}
        self.state.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self.state) as temporary:
            save_file({key: v.detach().cpu().contiguous() for key, v in tensors.items()}, temporary, facts)

    def _restore(self) -> None:
        with safe_open(self.state, "pt") as file:
            facts = file.metadata()
        recipe = json.loads(facts["recipe"])
        if changed := [key for key, value in asdict(self.recipe).items() if recipe.get(key) != value]:
            raise DgError(
                f"{self.state}: was trained with other values of {', '.join(changed)}. Give the same ones, or another "
                "folder."
            )
        stored = load_file(self.state)
        for name, net in self.nets.items():
            net.load_state_dict(_part(name, stored))
        for name, average in self.averages.items():
            for key, value in _part(f"ema_{name}", stored).items():
                average[key].copy_(value)
        for name, optimiser in self.optimisers.items():
            moments: dict[int, dict[str, Tensor]] = {}
            for key, value in _part(f"adam_{name}", stored).items():
                number, kind = key.split(".")
                moments.setdefault(int(number), {})[kind] = value
            optimiser.load_state_dict(optimiser.state_dict() | {"state": moments})
        self.step = int(facts["step"])

    def _start_from(self, init: Path) -> None:
        stored = load_file(init)
        for name, net in self.nets.items():
            if weights := {key: value.float() for key, value in _part(name, stored).items()}:
                try:
                    net.load_state_dict(weights)
                except RuntimeError as error:
                    raise DgError(f"{init}: {name} is of other sizes than this recipe's. {error}") from None


def _part(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors named `prefix`.*, without the prefix; none, if there are none."""
    return {key[len(prefix) + 1 :]: value for key, value in tensors.items() if key.startswith(prefix + ".")}
