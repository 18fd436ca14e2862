"""The IDSG's losses, one function per equation of Sec. 3.1. Eqs. (1) and (2) are `dg.training.gan`'s two losses."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn.functional import cross_entropy

from dg.landmarks.regions import VLS_REGIONS
from dg.precision import wide
from dg.training.gan import masked_mean


def vls_loss(
    l_r: torch.Tensor,
    lhat_r: torch.Tensor,
    lhat_t: torch.Tensor,
    visible: torch.Tensor,
    sigma: torch.Tensor,
    form: str,
    compared: torch.Tensor,
    regions: Mapping[str, tuple[int, ...]] = VLS_REGIONS,
    divisor: float | None = None,
) -> torch.Tensor:
    """Eq. (3), the visible local shape loss, summed over its five regions.

    Per region: sum over the visible points of |l_r - lhat_r| - sum of |l_r - lhat_t| + sigma_k. Sums, not means: only
    then do the paper's margins make sense (0.6 to 3 px a point at 256). A region without a visible point is left out:
    its margin alone says nothing about shape.

    Args:
        l_r, lhat_r, lhat_t: (B, 68, dims) in [0, 1].
        visible: (B, 68) bool, of l_r, used in both terms.
        sigma: (5,) margins, left eye, right eye, nose, mouth, contour.
        form: "hinge" (floored at 0), "abs" (the authors' release), "raw" (as printed).
        compared: (B,) bool, which pairs take part.
        regions: name -> point numbers, in the order of `sigma`.
        divisor: see `dg.training.gan.masked_mean`.

    Returns:
        Scalar: mean over the pairs that take part; 0 if none does.
    """
    l_r, lhat_r, lhat_t = wide(l_r), wide(lhat_r), wide(lhat_t)
    mask = visible.to(l_r.dtype)[..., None]
    to_r = (mask * (l_r - lhat_r).abs()).sum(2)
    to_t = (mask * (l_r - lhat_t).abs()).sum(2)
    total = l_r.new_zeros(len(l_r))
    for k, points in enumerate(regions.values()):
        index = list(points)
        value = to_r[:, index].sum(1) - to_t[:, index].sum(1) + sigma[k]
        value = {"hinge": value.clamp_min(0), "abs": value.abs(), "raw": value}[form]
        total = total + value * visible[:, index].any(1)
    return masked_mean(total, compared, divisor)


def action_loss(gamma_t: torch.Tensor, gamma_r: torch.Tensor) -> torch.Tensor:
    """Eq. (4): mean |E_l(lhat_t) - E_l(l_r)| over batch and code. Both (B, d)."""
    return (wide(gamma_t) - wide(gamma_r)).abs().mean()


def subject_class_loss(logits: torch.Tensor, subjects: torch.Tensor, sigmoid: bool = False) -> torch.Tensor:
    """Eq. (5): cross-entropy of C_l's logits (B, n) to subject numbers (B,), mean over the batch.

    C_l learns it on real l_r with the reference's subject; G_l gets it on lhat_t with the source's, C_l held still.

    Args:
        sigmoid: squash the logits to (0, 1) first, as the authors' release does; for n subjects the loss then can't
            fall under log(1 + (n - 1) / e).
    """
    logits = wide(logits)
    return cross_entropy(logits.sigmoid() if sigmoid else logits, subjects)


def keep_loss(effect: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """||effect - kept||_1, mean over the batch; the norm of eq. (6). Beside eq. (7), not the paper's.

    A trained start has learnt from thousands of people what a code says about a face, and the few of this training
    would bend that for strangers (learning without forgetting, Li & Hoiem 2016). So what a code r that is nobody's
    changes, G_l(l_r, r) - G_l(l_r, mean code), is held to what it changed in the start; where all faces lie is free.

    Args:
        effect, kept: (B, d), of the IDSG in training and of its start.
    """
    return (wide(effect) - wide(kept)).abs().sum(1).mean()


def localisation_loss(
    lhat_r: torch.Tensor,
    l_r: torch.Tensor,
    lhat_t: torch.Tensor,
    l_t: torch.Tensor,
    known: torch.Tensor,
    divisor: float | None = None,
) -> torch.Tensor:
    """Eq. (6): ||lhat_r - l_r||_1 + ||lhat_t - l_t||_1, the latter over the pairs whose truth is known.

    The norm is the sum over coordinates, the scale eq. (3) is in; the mean would weigh 204 times less than the paper's
    lambda_l says, and the adversarial term would drown it.

    Args:
        lhat_r, l_r, lhat_t, l_t: (B, d); rows of l_t without truth hold anything.
        known: (B,) bool.
        divisor: see `dg.training.gan.masked_mean`.
    """
    lhat_r, lhat_t = wide(lhat_r), wide(lhat_t)
    return (lhat_r - l_r).abs().sum(1).mean() + masked_mean((lhat_t - l_t).abs().sum(1), known, divisor)
