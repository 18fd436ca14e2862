"""Trains the IDSG: eq. (7) for G_l, eqs. (2) and (5) for D_l and C_l; self phase, then cross phase."""

from __future__ import annotations

from pathlib import Path

import torch

from dg.checkpoints import fill, load_checkpoint
from dg.errors import DgError
from dg.idsg.data import Data, Part
from dg.idsg.networks import Idsg, landmark_discriminator, subject_classifier
from dg.idsg.objectives import GeneratorLosses, JudgeLosses, Start
from dg.idsg.samples import draw_samples
from dg.shards import FaceSet
from dg.sizes.idsg import IdsgSizes
from dg.steps.idsg import IdsgSettings
from dg.training.compiling import compile_networks
from dg.training.loop import Trainer
from dg.training.pairs import PairSampler
from dg.training.step import Step
from dg.training.team import Team, joined
from dg.weights import bundled

SIZES_DIFFER = (
    "Give --init the result of a self phase on the same people, with the same landmark_dims and the same face codes."
)

BUNDLED_DIFFER = "Set scales.<scale>.idsg.init: scratch in params.yaml, or take the sizes in the weights' card."


def train_idsg(
    settings: IdsgSettings,
    folders: list[Path],
    out: Path,
    init: Path | None,
    state: Path,
    inputs: dict[str, str] | None = None,
) -> None:
    """Train one phase and write the checkpoint `out`.

    The self phase pairs two pictures of one subject (l_t = l_r there, so eq. (3) would fight eq. (6) and counts only
    with vls_pairs: all); the cross phase starts from the self phase's result and takes references of other subjects.
    Started by torchrun, the processes share each batch and rank 0 writes.

    Args:
        folders: prepared data sets; their training parts are used.
        init: checkpoint of the self phase, for the cross phase.
        state: folder of the resume state.
        inputs: digests of the data and of `init` by path, for the card.

    Raises:
        DgError: too little data, no face codes, an `init` of other sizes, a batch that can't be divided, or a loss that
            is not finite.
    """
    with joined() as team:
        _train(settings, folders, out, init, state, inputs or {}, team)


def _train(
    settings: IdsgSettings,
    folders: list[Path],
    out: Path,
    init: Path | None,
    state: Path,
    inputs: dict[str, str],
    team: Team,
) -> None:
    faces = FaceSet(folders, split="train")
    if faces.codes.shape[1] == 0:
        raise DgError(f"{[str(f) for f in folders]}: no face codes. Run the identity step first.")
    sampler = PairSampler(faces.labels, settings.batch, settings.seed)
    torch.manual_seed(settings.seed)
    sizes = IdsgSizes(
        landmark_dims=settings.landmark_dims, face_code=faces.codes.shape[1], coordinates=settings.coordinates
    )
    nets = {
        "idsg": Idsg(sizes.landmark_dims, sizes.face_code, sizes.coordinates),
        "landmark_discriminator": landmark_discriminator(sizes.landmark_dims),
        "subject_classifier": subject_classifier(sizes.landmark_dims, len(sampler.subjects)),
    }
    if init is not None:
        tensors = load_checkpoint(init)
        for name, net in nets.items():
            fill(net, name, tensors, init, SIZES_DIFFER)
    elif settings.init:
        _fill_bundled(nets["idsg"])
    nets = {name: net.to(team.device) for name, net in nets.items()}
    judges = [nets["landmark_discriminator"], nets["subject_classifier"]]
    options = {"lr": settings.lr, "betas": settings.betas, "foreach": True}
    optimisers = {
        "generator": torch.optim.Adam(nets["idsg"].parameters(), **options),
        "judges": torch.optim.Adam([p for net in judges for p in net.parameters()], **options),
    }
    trainer = Trainer(nets, optimisers, ["idsg"], settings.ema, settings.seed, out, state, team)
    if settings.compile:
        compile_networks([nets["idsg"].landmark_encoder, nets["idsg"].landmark_decoder, *judges])
    data = Data(settings, faces, sampler, team)
    start = None
    if settings.lambda_keep:
        known = Idsg(sizes.landmark_dims, sizes.face_code, sizes.coordinates).requires_grad_(False)
        _fill_bundled(known)
        start = Start(known.to(team.device), team.put(data.mean_code()))
    generator = GeneratorLosses(settings, nets["idsg"], *judges, start).to(team.device)
    update = Step(generator, JudgeLosses(settings, nets["idsg"], *judges), optimisers, team)

    def step(_: int, parts: list[Part]) -> dict[str, torch.Tensor]:
        return update([data.pairs(nets["idsg"], part) for part in parts])

    def sample(_: int, path: Path) -> None:
        draw_samples(trainer.averages["idsg"], data, path)

    trainer.run(settings.steps, data.draw, step, sample, f"IDSG {settings.phase}")
    trainer.save(settings, {"sizes": sizes.model_dump(), "subjects": sampler.subjects, "inputs": inputs})


def _fill_bundled(idsg: Idsg) -> None:
    path = bundled("idsg-synthface")
    fill(idsg, "ema_idsg", load_checkpoint(path), path, BUNDLED_DIFFER)
