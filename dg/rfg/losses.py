"""The RFG's losses, one function per equation of Sec. 3.2. Eqs. (8)-(10) are `dg.training.gan`'s two losses."""

from __future__ import annotations

import torch
from torch.nn.functional import cosine_similarity

from dg.precision import wide
from dg.training.gan import masked_mean


def attribute_loss(
    painted: torch.Tensor, truth: torch.Tensor, known: torch.Tensor, divisor: float | None = None
) -> torch.Tensor:
    """Eq. (11): mean |Ihat_t - I_t| over the pairs whose truth is known.

    Args:
        painted, truth: (B, 3, H, W) in [0, 1]; rows of `truth` without ground truth hold anything.
        known: (B,) bool.
        divisor: see `dg.training.gan.masked_mean`.
    """
    return masked_mean((wide(painted) - wide(truth)).abs().flatten(1).mean(1), known, divisor)


def identity_loss(code_t: torch.Tensor, code_s: torch.Tensor) -> torch.Tensor:
    """Eq. (12): 1 - cos(E_f(Ihat_t), E_f(I_s)), mean over the batch. Both (B, D)."""
    return (1 - cosine_similarity(wide(code_t), wide(code_s))).mean()


def style_loss(style_t: torch.Tensor, style_s: torch.Tensor) -> torch.Tensor:
    """Eq. (13): mean |E_s(Ihat_t) - E_s(I_s)|, gradient through both. Both (B, style_dim)."""
    return (wide(style_t) - wide(style_s)).abs().mean()


def landmark_loss(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Eq. (14): mean |F_l(Ihat_t) - lhat_t| on x and y. Both (B, 68, 2) in [0, 1].

    The paper prints the picture Ihat_t as the second term; a picture can't be compared with landmarks.
    """
    return (wide(found) - wide(wanted)).abs().mean()
