"""Adversarial losses on logits, in the forms that params.yaml names, and the R1 penalty."""

from __future__ import annotations

import torch
from torch.nn.functional import relu, softplus

from dg.errors import DgError
from dg.precision import wide

FORMS = ("non_saturating", "saturating", "hinge")


def _check(form: str) -> None:
    if form not in FORMS:
        raise DgError(f"adversarial: there is no form '{form}'. Choose one of {', '.join(FORMS)}.")


def generator_loss(fake: torch.Tensor, form: str) -> torch.Tensor:
    """The generator's side of eqs. (1) and (8).

    The paper prints -E log[1 - D(G)], which a generator can only lower by being caught; the printed sign is a typo.
    non_saturating: -E log D(G). saturating: E log[1 - D(G)]. hinge: -E D(G).

    Args:
        fake: (B, 1) logits of generated samples.

    Returns:
        Scalar, mean over the batch.

    Raises:
        DgError: no such form.
    """
    _check(form)
    fake = wide(fake)
    if form == "non_saturating":
        return softplus(-fake).mean()
    if form == "saturating":
        return -softplus(fake).mean()
    return -fake.mean()


def discriminator_loss(real: torch.Tensor, fake: torch.Tensor, form: str) -> torch.Tensor:
    """Negative of eqs. (2), (9) and (10), to be minimised: -E log D(real) - E log[1 - D(fake)], or the hinge form.

    Args:
        real, fake: (B, 1) logits.

    Returns:
        Scalar, means over the batches.

    Raises:
        DgError: no such form.
    """
    _check(form)
    real, fake = wide(real), wide(fake)
    if form == "hinge":
        return relu(1 - real).mean() + relu(1 + fake).mean()
    return softplus(-real).mean() + softplus(fake).mean()


def r1_penalty(logits: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    """Half the squared gradient norm of the logits at real `inputs`, mean over the batch (Mescheder et al. 2018).

    Args:
        logits: (B, 1), computed from `inputs`, which require a gradient.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), inputs, create_graph=True)
    return 0.5 * gradient.float().square().flatten(1).sum(1).mean()


def masked_mean(values: torch.Tensor, mask: torch.Tensor, divisor: float | None) -> torch.Tensor:
    """Mean of the values where `mask` is true; 0 if it is nowhere.

    Args:
        values: (B,), one per pair.
        mask: (B,) bool.
        divisor: number to divide by in place of how many there are. Where a batch is computed in n parts whose losses
            are averaged, this is the whole batch's number / n: then the average is the whole batch's masked mean.
    """
    weight = mask.to(values.dtype)
    return (values * weight).sum() / (weight.sum().clamp_min(1) if divisor is None else divisor)
