"""Trains the IDSG: eq. (7) for G_l, eqs. (2) and (5) for D_l and C_l; self phase, then cross phase."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from dg.checkpoints import load_checkpoint, save_checkpoint, under_prefix, with_prefix
from dg.errors import DgError
from dg.idsg.losses import action_loss, localisation_loss, subject_class_loss, vls_loss
from dg.idsg.networks import POINTS, Idsg, landmark_discriminator, subject_classifier
from dg.idsg.samples import draw_samples
from dg.shards import FaceSet
from dg.training.gan import discriminator_loss, generator_loss, r1_penalty
from dg.training.loop import Trainer
from dg.training.pairs import Batch, PairSampler


def train_idsg(settings: dict[str, Any], folders: list[Path], out: Path, init: Path | None, state: Path) -> None:
    """Train one phase and write the checkpoint `out`.

    The self phase pairs two pictures of one subject (l_t = l_r there, so eq. (3) would fight eq. (6) and counts only
    with vls_pairs: all); the cross phase starts from the self phase's result and takes references of other subjects.

    Args:
        settings: see dg.settings._idsg.
        folders: prepared data sets; their training parts are used.
        init: checkpoint of the self phase, for the cross phase.
        state: folder of the resume state.

    Raises:
        DgError: too little data, no face codes, or a loss that is not finite.
    """
    faces = FaceSet(folders, split="train")
    if faces.codes.shape[1] == 0:
        raise DgError(f"{[str(f) for f in folders]}: no face codes. Run the identity step first.")
    sampler = PairSampler(faces.table, settings["batch"], settings["seed"])
    torch.manual_seed(settings["seed"])
    dims = settings["landmark_dims"]
    nets = {
        "idsg": Idsg(dims, faces.codes.shape[1]),
        "landmark_discriminator": landmark_discriminator(dims),
        "subject_classifier": subject_classifier(dims, len(sampler.subjects)),
    }
    if init is not None:
        tensors = load_checkpoint(init)
        for name, net in nets.items():
            net.load_state_dict(under_prefix(name, tensors))
    judges = [*nets["landmark_discriminator"].parameters(), *nets["subject_classifier"].parameters()]
    options = {"lr": settings["lr"], "betas": tuple(settings["betas"]), "foreach": True}
    optimisers = {
        "generator": torch.optim.Adam(nets["idsg"].parameters(), **options),
        "judges": torch.optim.Adam(judges, **options),
    }
    trainer = Trainer(nets, optimisers, ["idsg"], settings["ema"], settings["seed"], out, state)
    data = _Data(faces, sampler)
    batch_of = sampler.self_batch if settings["phase"] == "self" else sampler.cross_batch

    def step(index: int) -> dict[str, torch.Tensor]:
        return _step(settings, nets, optimisers, data, batch_of(index))

    def sample(index: int, path: Path) -> None:
        draw_samples(trainer.averages["idsg"], data, path)

    trainer.run(settings["steps"], step, sample, f"IDSG {settings['phase']}")
    tensors = {k: t for name, net in trainer.nets.items() for k, t in with_prefix(name, net.state_dict()).items()}
    tensors |= with_prefix("ema_idsg", trainer.averages["idsg"].state_dict())
    sizes = {"landmark_dims": dims, "face_code": faces.codes.shape[1]}
    save_checkpoint(
        out, tensors, {"sizes": sizes, "subjects": sampler.subjects} | trainer.card(settings, settings["steps"])
    )


class _Data:
    """The training table as tensors, and the pairs that sample pictures show."""

    def __init__(self, faces: FaceSet, sampler: PairSampler) -> None:
        self.points = torch.from_numpy(faces.points.copy())
        self.visible = torch.from_numpy(faces.visible.copy())
        self.codes = torch.from_numpy(faces.codes.copy())
        self.subject = torch.from_numpy(sampler.subject)
        self.shown = sampler.cross_batch(-1 % 2**31)


def _step(
    settings: dict[str, Any],
    nets: dict[str, Any],
    optimisers: dict[str, torch.optim.Optimizer],
    data: _Data,
    batch: Batch,
) -> dict[str, torch.Tensor]:
    """One step of D_l and C_l, then one of G_l."""
    idsg, discriminator, classifier = nets["idsg"], nets["landmark_discriminator"], nets["subject_classifier"]
    source, reference = torch.from_numpy(batch.source), torch.from_numpy(batch.reference)
    target = torch.from_numpy(batch.target)
    l_r = idsg.flat(data.points[reference])
    r_s, r_r = data.codes[source], data.codes[reference]
    s_s, s_r = data.subject[source], data.subject[reference]
    gamma = idsg.landmark_encoder(l_r)
    lhat_t = idsg.decode(gamma, r_s)
    losses: dict[str, torch.Tensor] = {}

    real = l_r.clone().requires_grad_(settings["r1"] > 0)
    real_logits = discriminator(real)
    judged = discriminator_loss(real_logits, discriminator(lhat_t.detach()), settings["adversarial"])
    losses["d_adv"] = judged.detach()
    if settings["r1"] > 0:
        judged = judged + settings["r1"] * r1_penalty(real_logits, real)
    class_loss = subject_class_loss(classifier(l_r), s_r)
    losses["c_class"] = class_loss.detach()
    optimisers["judges"].zero_grad(set_to_none=True)
    (judged + class_loss).backward()
    optimisers["judges"].step()

    for net in (discriminator, classifier):
        net.requires_grad_(False)
    terms = {"adv": (1.0, generator_loss(discriminator(lhat_t), settings["adversarial"]))}
    lhat_r = idsg.decode(gamma, r_r)
    if settings["lambda_l"]:
        l_t = idsg.flat(data.points[target.clamp_min(0)])
        terms["l"] = (settings["lambda_l"], localisation_loss(lhat_r, l_r, lhat_t, l_t, target >= 0))
    if settings["lambda_a"]:
        terms["a"] = (settings["lambda_a"], action_loss(idsg.landmark_encoder(lhat_t), gamma))
    if settings["lambda_c"]:
        terms["c"] = (settings["lambda_c"], subject_class_loss(classifier(lhat_t), s_s))
    counts = torch.ones_like(s_s, dtype=torch.bool) if settings["vls_pairs"] == "all" else s_s != s_r
    if settings["lambda_vls"] and bool(counts.any()):
        points = [x.unflatten(1, (POINTS, idsg.dims)) for x in (l_r, lhat_r, lhat_t)]
        sigma = torch.tensor(settings["sigma"])
        value = vls_loss(*points, data.visible[reference], sigma, settings["vls_form"], counts)
        terms["vls"] = (settings["lambda_vls"], value)
    total = sum(weight * value for weight, value in terms.values())
    optimisers["generator"].zero_grad(set_to_none=True)
    total.backward()
    optimisers["generator"].step()
    for net in (discriminator, classifier):
        net.requires_grad_(True)
    losses |= {name: value.detach() for name, (_, value) in terms.items()}
    return losses | {"total": total.detach()}
