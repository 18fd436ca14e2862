"""Trains the RFG: eq. (15) for G_f and E_s, eqs. (9) and (10) for D_f and D_s; self phase, then cross phase."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from dg.checkpoints import load_checkpoint, save_checkpoint, under_prefix, with_prefix
from dg.errors import DgError
from dg.identity.encoder import load_face_encoder
from dg.idsg import load_idsg
from dg.landmarks.fan import load_landmark_net
from dg.landmarks.linemap import soft_lines
from dg.rfg.losses import attribute_loss, identity_loss, landmark_loss, style_loss
from dg.rfg.model import Rfg
from dg.rfg.networks import Trunk
from dg.rfg.samples import draw_samples
from dg.shards import FaceSet
from dg.training.gan import discriminator_loss, generator_loss, r1_penalty
from dg.training.loop import Trainer
from dg.training.pairs import Batch, PairSampler
from dg.weights import bundled

R1_EVERY = 8
"""R1 is computed each 8th step and weighs 8-fold (lazy regularisation, Karras et al. 2020): same mean, less work."""
SIZES = ("size", "channels", "max_channels", "style_dim", "adain_intermediate", "line_width")


def train_rfg(
    settings: dict[str, Any], folders: list[Path], out: Path, init: Path | None, idsg: Path | None, state: Path
) -> None:
    """Train one phase and write the checkpoint `out`.

    Self phase: source and reference are two pictures of one person, the true landmarks l_t drive G_f. Cross phase:
    starts from the self phase's result; half of each batch keeps to one person (the only pairs with ground truth in
    video sets), the other half takes references of other people through the IDSG.

    Args:
        settings: see dg.settings._rfg.
        folders: prepared data sets; their training parts are used.
        init: checkpoint of the self phase, for the cross phase.
        idsg: checkpoint of the IDSG's cross phase, for the cross phase.
        state: folder of the resume state.

    Raises:
        DgError: too little data, weights of another size, or a loss that is not finite.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    faces = FaceSet(folders, split="train")
    sampler = PairSampler(faces.table, settings["batch"], settings["seed"])
    torch.manual_seed(settings["seed"])
    widths = settings["size"], settings["channels"], settings["max_channels"]
    nets: dict[str, torch.nn.Module] = {
        "rfg": Rfg(settings),
        "face_discriminator": Trunk(widths[0], 3, *widths[1:], 1),
    }
    if settings["lambda_ds"]:
        nets["shape_discriminator"] = Trunk(widths[0], 1, *widths[1:], 1)
    _start_from(nets, init or (bundled("rfg-synthface") if settings["init"] else None))
    nets = {name: net.to(device, memory_format=torch.channels_last) for name, net in nets.items()}
    options = {"lr": settings["lr"], "betas": tuple(settings["betas"]), "foreach": True}
    judges = [p for name, net in nets.items() if name != "rfg" for p in net.parameters()]
    optimisers = {
        "generator": torch.optim.Adam(nets["rfg"].parameters(), **options),
        "judges": torch.optim.Adam(judges, **options),
    }
    trainer = Trainer(nets, optimisers, ["rfg"], settings["ema"], settings["seed"], out, state)
    data = _Data(settings, faces, sampler, idsg, device)
    step_of = _Step(settings, nets, optimisers, data, device)

    def sample(_: int, path: Path) -> None:
        draw_samples(trainer.averages["rfg"], data.shown, path)

    trainer.run(settings["steps"], step_of, sample, f"RFG {settings['phase']}")
    tensors = {k: t for name, net in trainer.nets.items() for k, t in with_prefix(name, net.state_dict()).items()}
    tensors |= with_prefix("ema_rfg", trainer.averages["rfg"].state_dict())
    sizes = {name: settings[name] for name in SIZES}
    save_checkpoint(out, tensors, {"sizes": sizes} | trainer.card(settings, settings["steps"]))


def _start_from(nets: dict[str, torch.nn.Module], path: Path | None) -> None:
    if path is None:
        return
    tensors = load_checkpoint(path)
    stored = {name.split(".")[0] for name in tensors}
    for name, net in nets.items():
        # Bundled weights hold the averages alone; a discriminator that isn't stored starts afresh.
        source = name if name in stored else f"ema_{name}"
        if source not in stored:
            continue
        try:
            net.load_state_dict({key: t.float() for key, t in under_prefix(source, tensors).items()})
        except RuntimeError as error:
            raise DgError(
                f"{path}: its network '{name}' has other sizes than params.yaml asks for. Set rfg.init: scratch, or "
                f"take the sizes in the weights' card. ({str(error).splitlines()[-1].strip()})"
            ) from error


class _Data:
    """The training pictures, their landmarks and codes, and the landmarks that drive each pair."""

    def __init__(
        self, settings: dict[str, Any], faces: FaceSet, sampler: PairSampler, idsg: Path | None, device: torch.device
    ) -> None:
        self.faces, self.sampler, self.device = faces, sampler, device
        self.points = torch.from_numpy(faces.points.copy()).to(device)
        self.codes = torch.from_numpy(faces.codes.copy()).to(device)
        self.idsg = load_idsg(idsg).to(device) if idsg else None
        self.cross = settings["phase"] == "cross"
        small = len(faces) * settings["size"] ** 2 * 3 < 2 << 30
        self._images = np.stack([faces.image(row) for row in range(len(faces))]) if small else None
        shown = self.batch(2**31 - 1)
        self.shown = (*self.pictures(shown), self.driving(shown))

    def batch(self, step: int) -> Batch:
        """The pairs of a step."""
        own = self.sampler.self_batch(step)
        if not self.cross:
            return own
        other, half = self.sampler.cross_batch(step), self.sampler.batch // 2
        return Batch(
            *(
                np.concatenate([getattr(own, f)[:half], getattr(other, f)[half:]])
                for f in ("source", "reference", "target")
            )
        )

    def images(self, rows: np.ndarray) -> torch.Tensor:
        """Pictures of `rows` as (B, 3, H, W) float32 in [0, 1]."""
        stack = self._images[rows] if self._images is not None else np.stack([self.faces.image(row) for row in rows])
        pixels = torch.from_numpy(stack).to(self.device).permute(0, 3, 1, 2)
        return pixels.float().div_(255).contiguous(memory_format=torch.channels_last)

    def pictures(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """I_s, I_t (the reference where no truth exists) and which truths are known."""
        known = batch.target >= 0
        truth = self.images(np.where(known, batch.target, batch.reference))
        return self.images(batch.source), truth, torch.from_numpy(known).to(self.device)

    def driving(self, batch: Batch) -> torch.Tensor:
        """(B, 68, 3): the true landmarks in pairs of one subject, else lhat_t of the IDSG."""
        l_r = self.points[torch.from_numpy(batch.reference).to(self.device)]
        if self.idsg is None:
            return l_r
        lhat_t = self.idsg.generate(l_r, self.codes[torch.from_numpy(batch.source).to(self.device)])
        same = self.sampler.subject[batch.source] == self.sampler.subject[batch.reference]
        return torch.where(torch.from_numpy(same).to(self.device)[:, None, None], l_r, lhat_t)


class _Step:
    """One step: G_f and E_s by eq. (15), then D_f and D_s on the same pictures."""

    def __init__(
        self,
        settings: dict[str, Any],
        nets: dict[str, torch.nn.Module],
        optimisers: dict[str, torch.optim.Optimizer],
        data: _Data,
        device: torch.device,
    ) -> None:
        self.s, self.nets, self.optimisers, self.data, self.device = settings, nets, optimisers, data, device
        judged_by_shape = settings["lambda_lm"] or settings["lambda_ds"]
        self.F_l = load_landmark_net(settings["landmarks"]["backend"], device) if judged_by_shape else None
        self.E_f = load_face_encoder(settings["identity"]["backend"], device) if settings["lambda_id"] else None

    def __call__(self, index: int) -> dict[str, torch.Tensor]:
        """Returns the losses of step `index`."""
        s, rfg, form = self.s, self.nets["rfg"], self.s["adversarial"]
        D_f, D_s = self.nets["face_discriminator"], self.nets.get("shape_discriminator")
        batch = self.data.batch(index)
        source, truth, known = self.data.pictures(batch)
        l_t = self.data.driving(batch)
        for net in self._judges():
            net.requires_grad_(False)
        with torch.autocast(self.device.type, torch.bfloat16):
            painted, style = rfg(l_t, source)
            terms = {"adv": (1.0, generator_loss(D_f(painted), form))}
            found = self.F_l.soft(painted, l_t) if self.F_l else None
            if D_s is not None:
                fake_map = soft_lines(found, s["size"], s["line_width"])
                terms["ds"] = (s["lambda_ds"], generator_loss(D_s(fake_map), form))
            if s["lambda_st"]:
                terms["st"] = (s["lambda_st"], style_loss(rfg.style_encoder(painted), style))
            if s["lambda_id"]:
                codes = self.data.codes[torch.from_numpy(batch.source).to(self.device)]
                terms["id"] = (s["lambda_id"], identity_loss(self.E_f(painted).float(), codes))
        if s["lambda_at"]:
            terms["at"] = (s["lambda_at"], attribute_loss(painted, truth, known))
        if s["lambda_lm"]:
            terms["lm"] = (s["lambda_lm"], landmark_loss(found.float(), l_t[..., :2]))
        total = sum(weight * value for weight, value in terms.values())
        self.optimisers["generator"].zero_grad(set_to_none=True)
        total.backward()
        self.optimisers["generator"].step()

        for net in self._judges():
            net.requires_grad_(True)
        regularise = s["r1"] > 0 and index % R1_EVERY == 0
        real = truth.clone().requires_grad_(regularise)
        judged, losses = self._judge(D_f, real, painted.detach(), regularise), {}
        losses["d_f"] = judged.detach()
        if D_s is not None:
            # The landmarks of real pictures are F_l's own, found once by the landmarks step.
            rows = np.where(batch.target >= 0, batch.target, batch.reference)
            points = self.data.points[torch.from_numpy(rows).to(self.device)]
            real_map = soft_lines(points[..., :2], s["size"], s["line_width"]).requires_grad_(regularise)
            shape = self._judge(D_s, real_map, fake_map.detach(), regularise)
            losses["d_s"] = shape.detach()
            judged = judged + shape
        self.optimisers["judges"].zero_grad(set_to_none=True)
        judged.backward()
        self.optimisers["judges"].step()
        return losses | {name: value.detach() for name, (_, value) in terms.items()} | {"total": total.detach()}

    def _judges(self) -> list[torch.nn.Module]:
        return [net for name, net in self.nets.items() if name != "rfg"]

    def _judge(self, net: torch.nn.Module, real: torch.Tensor, fake: torch.Tensor, regularise: bool) -> torch.Tensor:
        """Eqs. (9) and (10), with R1 on the real ones where it is due."""
        with torch.autocast(self.device.type, torch.bfloat16):
            real_logits, fake_logits = net(real), net(fake)
        loss = discriminator_loss(real_logits, fake_logits, self.s["adversarial"])
        if regularise:
            loss = loss + R1_EVERY * self.s["r1"] * r1_penalty(real_logits, real)
        return loss
