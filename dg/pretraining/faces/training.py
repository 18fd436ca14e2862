"""The bundled RFG's training: eq. (11), LPIPS on VGG-16 and, with an E_f, eq. (12); D_f from some point on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from dg.errors import DgError
from dg.landmarks.linemap import draw_lines
from dg.landmarks.zoom import zoom
from dg.lpips.network import Lpips
from dg.pretraining.faces.identity import load_identity, views
from dg.pretraining.faces.pictures import Pairs, Pictures
from dg.pretraining.faces.recipe import Recipe
from dg.pretraining.faces.schedule import WARM_UP, Schedule, run_at_speed
from dg.pretraining.faces.state import load_state, part_of, save_state
from dg.rfg.networks import FaceGenerator, Trunk
from dg.rfg.spikes import watched
from dg.training.gan import discriminator_loss, generator_loss, r1_penalty

R1_EVERY = 16
ON_FACE = 0.75
"""Share of LPIPS's squares whose middle lies within the landmarks; the others lie anywhere."""
AVERAGED = ("generator", "style_encoder")
AHEAD = 16
"""Steps whose pairs and maps are made at once: they are many small kernels, which keep a GPU waiting."""
NO_SPIKE = 0.03
LOOKED_AT = 8
"""Pictures of a step whose spikes are measured."""
CODES = 1e-4
"""Weight of the style codes' mean square: nothing else says how large they may be."""


class FacesTraining:
    """G_f, E_s and D_f with optimisers and averages; `run` trains, `save` writes all of it to one file."""

    def __init__(
        self,
        recipe: Recipe,
        pictures: Pictures,
        state: Path,
        init: Path | None = None,
        identity: Path | None = None,
    ) -> None:
        """Random weights, those of `init`, or go on from `state`.

        Args:
            init: bundled weights, or a file with names as in the state; any subset of the networks. A noise that its
                G_f doesn't have yet starts at strength 0.
            identity: E_f for lambda_id, see `load_identity`.

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
        self.encoder = load_identity(identity, self.device) if recipe.lambda_id else None
        painters = [p for name in AVERAGED for p in self.nets[name].parameters()]
        judge = self.nets["face_discriminator"].parameters()
        self.optimisers = {
            "painters": torch.optim.Adam(painters, betas=(0.9, 0.99), fused=True),
            "judge": torch.optim.Adam(judge, betas=(0.5, 0.99), fused=True),
        }
        self.step, self._judged, self._ahead = 0, 0, {}
        self.schedule = Schedule(recipe.pictures / recipe.batch)
        if init is not None:
            self._start_from(init)
        self.averages = {
            name: {key: value.detach().clone() for key, value in self.nets[name].state_dict().items()}
            for name in AVERAGED
        }
        if state.exists():
            self._restore()

    def run(self, minutes: float) -> None:
        """Train to the recipe's end, within so many minutes; saves every two, prints losses and pictures a second."""
        run_at_speed(self, minutes)

    def advance(self) -> dict[str, Tensor]:
        """One step; returns the losses by name, scalars."""
        recipe, judge = self.recipe, self.nets["face_discriminator"]
        self._set_rate()
        pairs, maps, middles = self._drawn()
        adversarial = self.schedule.done(self.step) >= recipe.adversarial_from
        judge.requires_grad_(False)
        with torch.autocast(self.device.type, torch.bfloat16):
            style = self.nets["style_encoder"](pairs.source.contiguous(memory_format=torch.channels_last))
            with watched(self.nets["generator"], LOOKED_AT) as shares:
                painted = self.nets["generator"](maps, style)
            seen, wanted = (self._squares(images, middles) for images in (painted, pairs.truth))
            losses = {"at": (painted - pairs.truth).abs().mean(), "lpips": self.lpips(seen, wanted).float().mean()}
            if adversarial:
                losses["adv"] = generator_loss(judge(painted), "non_saturating")
            if self.encoder is not None:
                losses["id"] = self._identity(painted, pairs)
        total = recipe.lambda_at * losses["at"] + recipe.lambda_lpips * losses["lpips"] + CODES * style.square().mean()
        losses["spike"] = torch.stack(shares).max()
        total = total + recipe.lambda_spike * sum((share - NO_SPIKE).clamp_min(0) for share in shares)
        if adversarial:
            total = total + recipe.lambda_adv * losses["adv"]
        if self.encoder is not None:
            total = total + recipe.lambda_id * losses["id"]
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
        self._judged += 1
        return losses

    def _drawn(self) -> tuple[Pairs, Tensor, Tensor]:
        """This step's pairs, the maps (b, 3, S, S) of their landmarks, and where LPIPS looks, see `_middles`."""
        if self.step not in self._ahead:
            recipe, steps = self.recipe, range(self.step, self.step + AHEAD)
            pairs = self.pictures.pairs(recipe.seed, steps, recipe.batch)
            maps = draw_lines(pairs.points, recipe.size, recipe.line_width).expand(-1, 3, -1, -1)
            drawn = [x.split(recipe.batch) for x in (pairs, maps, self._middles(pairs, steps))]
            self._ahead = dict(zip(steps, zip(*drawn)))
        return self._ahead.pop(self.step)

    def _middles(self, pairs: Pairs, steps: range) -> Tensor:
        """Middles (b, 2) of the squares of `patch` pixels that LPIPS looks at, shares of the picture."""
        size, side = self.recipe.size, self.recipe.patch
        rngs = [np.random.default_rng([self.recipe.seed, step, 1]) for step in steps]
        bounds = [edge.cpu().numpy() * size for edge in (pairs.points.amin(1), pairs.points.amax(1))]
        middles = []
        for rng, low, high in zip(rngs, *(np.split(edge, len(steps)) for edge in bounds)):
            on_face = rng.random((len(low), 1)) < ON_FACE
            middles.append(np.where(on_face, rng.uniform(low, np.maximum(high, low)), rng.uniform(0, size, low.shape)))
        corners = np.clip(np.concatenate(middles) - side / 2, 0, size - side).round()
        return torch.from_numpy((corners + side / 2) / size).float().to(self.device)

    def _squares(self, images: Tensor, middles: Tensor) -> Tensor:
        """(b, 3, patch, patch) of the `images`, pixel by pixel."""
        side = self.recipe.patch
        cut = zoom(images, middles, torch.full_like(middles[:, 0], side / self.recipe.size), side)
        return cut.contiguous(memory_format=torch.channels_last)

    def _identity(self, painted: Tensor, pairs: Pairs) -> Tensor:
        """Eq. (12) to the truth, both seen from the same random place near the driving landmarks."""
        centre, side = views(pairs.points, shift=0.03, scale=0.06)
        seen, wanted = (
            self.encoder(zoom(images, centre, side, self.encoder.size)).float() for images in (painted, pairs.truth)
        )
        return 1 - torch.cosine_similarity(seen, wanted.detach()).mean()

    def _set_rate(self) -> None:
        rates = {
            "painters": self.schedule.rate(self.step, self.recipe.lr, self.recipe.last_lr),
            # Fresh weights without a norm have steep slopes: R1 would leave nothing of them at full speed.
            "judge": self.recipe.judge_lr * min(1.0, (self._judged + 1) / WARM_UP),
        }
        for name, optimiser in self.optimisers.items():
            for group in optimiser.param_groups:
                group["lr"] = rates[name]

    def _descend(self, name: str, total: Tensor) -> None:
        self.optimisers[name].zero_grad(set_to_none=True)
        total.backward()
        self.optimisers[name].step()

    @torch.no_grad()
    def _average(self) -> None:
        # Young averages forget faster: the first weights are no faces.
        keep = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        for name, average in self.averages.items():
            torch._foreach_lerp_(list(average.values()), list(self.nets[name].state_dict().values()), 1 - keep)

    def save(self) -> None:
        """Write networks, averages, the optimisers' moments and the recipe."""
        tensors = {f"{name}.{key}": value for name, net in self.nets.items() for key, value in net.state_dict().items()}
        tensors |= {f"ema_{name}.{key}": v for name, average in self.averages.items() for key, v in average.items()}
        save_state(self.state, tensors, self.optimisers, self.step, self.recipe)

    def _restore(self) -> None:
        stored, self.step = load_state(self.state, self.recipe, self.optimisers)
        self._judged = next((int(moments["step"]) for moments in self.optimisers["judge"].state.values()), 0)
        for name, net in self.nets.items():
            net.load_state_dict(part_of(name, stored))
        for name, average in self.averages.items():
            for key, value in part_of(f"ema_{name}", stored).items():
                average[key].copy_(value)

    def _start_from(self, init: Path) -> None:
        stored = {key.removeprefix("ema_rfg."): value.float() for key, value in load_file(init).items()}
        for name, net in self.nets.items():
            if weights := part_of(name, stored):
                unheard = {key: value for key, value in net.state_dict().items() if ".noise." in key}
                try:
                    net.load_state_dict(unheard | weights)
                except RuntimeError as error:
                    raise DgError(f"{init}: {name} is of other sizes than this recipe's. {error}") from None
