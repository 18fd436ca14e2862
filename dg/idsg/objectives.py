"""What the IDSG's training minimises: eq. (7) for G_l, eqs. (2) and (5) for D_l and C_l, as modules' forward passes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from dg.borrowed import Borrowed
from dg.idsg.losses import action_loss, keep_loss, localisation_loss, subject_class_loss, vls_loss
from dg.idsg.networks import POINTS, Idsg
from dg.landmarks.regions import vls_regions
from dg.steps.idsg import IdsgSettings
from dg.training.compiling import twice_differentiable
from dg.training.gan import discriminator_loss, generator_loss, r1_penalty
from dg.training.step import Terms


@dataclass(frozen=True)
class Pairs:
    """Part of a joint batch, b pairs.

    Attributes:
        l_r, l_t: (b, 68 * dims) landmarks of the reference, and true ones; rows of l_t without truth hold anything.
        visible: (b, 68) bool, of l_r.
        r_s, r_r: (b, code) face codes of source and reference.
        r_n: (b, code) codes that are nobody's; None where lambda_keep is 0.
        s_s, s_r: (b,) their subject numbers.
        known: (b,) bool, where l_t is true.
        compared: (b,) bool, the pairs whose shapes eq. (3) compares.
        known_share, compared_share: what their masked means divide by, see `dg.training.team.share_of`.
        vls: whether eq. (3) compares any pair of the joint batch.
    """

    l_r: torch.Tensor
    l_t: torch.Tensor
    visible: torch.Tensor
    r_s: torch.Tensor
    r_r: torch.Tensor
    r_n: torch.Tensor | None
    s_s: torch.Tensor
    s_r: torch.Tensor
    known: torch.Tensor
    compared: torch.Tensor
    known_share: float
    compared_share: float
    vls: bool


class Start:
    """What lambda_keep holds to: the start's networks, and the mean code that both are compared at."""

    def __init__(self, idsg: Idsg, mean: torch.Tensor) -> None:
        """`idsg`: frozen. `mean`: (code,) of the training pictures."""
        self.idsg, self.mean = idsg, mean

    def loss(self, idsg: Idsg, gamma: torch.Tensor, pairs: Pairs) -> torch.Tensor:
        """`dg.idsg.losses.keep_loss` of `idsg`, whose action code of l_r is `gamma`."""
        with torch.no_grad():
            kept = self._effect(self.idsg, self.idsg.encode(pairs.l_r), pairs.r_n)
        return keep_loss(self._effect(idsg, gamma, pairs.r_n), kept)

    def _effect(self, idsg: Idsg, gamma: torch.Tensor, r_n: torch.Tensor) -> torch.Tensor:
        return idsg.decode(gamma, r_n) - idsg.decode(gamma, self.mean.expand_as(r_n))


class GeneratorLosses(nn.Module):
    """Eq. (7), and where settings.lambda_keep says so what the start knew."""

    def __init__(
        self,
        settings: IdsgSettings,
        idsg: Idsg,
        discriminator: nn.Module,
        classifier: nn.Module,
        start: Start | None = None,
    ) -> None:
        """`start`: for settings.lambda_keep alone."""
        super().__init__()
        self.s, self.idsg, self._start = settings, idsg, start
        self.judges = Borrowed(discriminator=discriminator, classifier=classifier)
        self.register_buffer("sigma", torch.tensor(settings.sigma), persistent=False)
        self._regions = vls_regions(settings.vls_regions)

    def forward(self, pairs: Pairs) -> tuple[Terms, torch.Tensor]:
        """The losses, and lhat_t (b, 68 * dims) without gradient."""
        s, idsg, judges = self.s, self.idsg, self.judges
        gamma = idsg.encode(pairs.l_r)
        lhat_t, lhat_r = idsg.decode(gamma, pairs.r_s), idsg.decode(gamma, pairs.r_r)
        terms: Terms = {"adv": (1.0, generator_loss(judges.discriminator(idsg.seen(lhat_t)), s.adversarial))}
        if s.lambda_l:
            value = localisation_loss(lhat_r, pairs.l_r, lhat_t, pairs.l_t, pairs.known, pairs.known_share)
            terms["l"] = (s.lambda_l, value)
        if s.lambda_a:
            shown = {"generated": lhat_t, "reconstructed": lhat_r}[s.action]
            terms["a"] = (s.lambda_a, action_loss(idsg.encode(shown), gamma))
        if s.lambda_c:
            value = subject_class_loss(judges.classifier(idsg.seen(lhat_t)), pairs.s_s, s.class_sigmoid)
            terms["c"] = (s.lambda_c, value)
        if s.lambda_keep:
            terms["keep"] = (s.lambda_keep, self._start.loss(idsg, gamma, pairs))
        if s.lambda_vls and pairs.vls:
            points = [x.unflatten(1, (POINTS, idsg.dims)) for x in (pairs.l_r, lhat_r, lhat_t)]
            value = vls_loss(
                *points, pairs.visible, self.sigma, s.vls_form, pairs.compared, self._regions, pairs.compared_share
            )
            terms["vls"] = (s.lambda_vls, value)
        return terms, lhat_t.detach()


class JudgeLosses(nn.Module):
    """Eq. (2) with R1 for D_l, eq. (5) for C_l."""

    def __init__(self, settings: IdsgSettings, idsg: Idsg, discriminator: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.s, self.discriminator, self.classifier = settings, discriminator, classifier
        self.shown_by = Borrowed(idsg=idsg)

    def forward(self, pairs: Pairs, lhat_t: torch.Tensor) -> Terms:
        """The losses on real l_r (b, 68 * dims) and generated lhat_t."""
        s, l_r, lhat_t = self.s, *(self.shown_by.idsg.seen(points) for points in (pairs.l_r, lhat_t))
        fake_logits = self.discriminator(lhat_t)
        terms: Terms = {}
        if s.r1 > 0:
            real = l_r.clone().requires_grad_(True)
            real_logits = twice_differentiable(self.discriminator, real)
            terms["d_r1"] = (s.r1, r1_penalty(real_logits, real))
        else:
            real_logits = self.discriminator(l_r)
        terms["d_adv"] = (1.0, discriminator_loss(real_logits, fake_logits, s.adversarial))
        terms["c_class"] = (1.0, subject_class_loss(self.classifier(l_r), pairs.s_r, s.class_sigmoid))
        return terms
