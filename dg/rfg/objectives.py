"""What the RFG's training minimises: eq. (15) for G_f and E_s, eqs. (9) and (10) for D_f and D_s, as forward passes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from dg.borrowed import Borrowed
from dg.identity.encoder import load_face_encoder
from dg.landmarks.fan import load_landmark_net
from dg.landmarks.linemap import soft_lines
from dg.precision import autocast
from dg.rfg.losses import attribute_loss, identity_loss, landmark_loss, style_loss
from dg.rfg.model import Rfg
from dg.steps.rfg import RfgLearning
from dg.training.compiling import twice_differentiable
from dg.training.gan import discriminator_loss, generator_loss, r1_penalty
from dg.training.step import Terms

R1_EVERY = 8
"""R1 is computed each 8th step and weighs 8-fold (lazy regularisation, Karras et al. 2020): same mean, less work."""


@dataclass(frozen=True)
class Pairs:
    """Part of a joint batch, b pairs, on the device.

    Attributes:
        source, truth: (b, 3, H, W) in [0, 1]; rows of `truth` without ground truth hold the reference.
        known: (b,) bool, where `truth` is the ground truth.
        known_share: what their masked mean divides by, see `dg.training.team.share_of`.
        l_t: (b, 68, 3) driving landmarks, crop coordinates. visible: (b, 68) bool, of the reference's.
        truth_points, truth_visible: the same of `truth`'s own landmarks, F_l's, found once by the landmarks step.
        source_points: (b, 68, 3) F_l's landmarks of the sources.
        codes: (b, D) face codes of the sources; None: E_f is asked.
        regularise: whether R1 is due.
    """

    source: torch.Tensor
    truth: torch.Tensor
    known: torch.Tensor
    known_share: float
    l_t: torch.Tensor
    visible: torch.Tensor
    truth_points: torch.Tensor
    truth_visible: torch.Tensor
    source_points: torch.Tensor
    codes: torch.Tensor | None
    regularise: bool = False


@dataclass(frozen=True)
class Painted:
    """What the judges see of the generator's work, without gradient.

    Attributes:
        faces: (b, 3, H, W), or 6 channels with the map. lines: (b, 1, H, W) soft maps of their landmarks, for D_s.
    """

    faces: torch.Tensor
    lines: torch.Tensor | None


def judge_channels(settings: RfgLearning) -> int:
    """Channels of D_f's input: face, or face and landmark map."""
    return 6 if settings.face_discriminator_map else 3


class GeneratorLosses(nn.Module):
    """Eq. (15)."""

    def __init__(self, settings: RfgLearning, nets: dict[str, nn.Module], device: torch.device) -> None:
        """`nets`: rfg, face_discriminator and, with lambda_ds, shape_discriminator; loads the frozen networks."""
        super().__init__()
        self.s, self.rfg, self.device = settings, nets["rfg"], device
        self.judges = Borrowed(face=nets["face_discriminator"], shape=nets.get("shape_discriminator"))
        self.frozen = Borrowed(F_l=None, E_f=None, perceptual=None)
        if settings.lambda_lm or settings.lambda_ds:
            self.frozen.F_l = load_landmark_net(settings.landmarks.backend, device)
        if settings.lambda_id and settings.identity_loss == "cosine":
            self.frozen.E_f = load_face_encoder(settings.identity.backend, device)
        elif settings.lambda_id:
            from dg.rfg.perceptual import load_perceptual

            self.frozen.perceptual = load_perceptual(device)

    def forward(self, pairs: Pairs) -> tuple[Terms, Painted]:
        """The losses, all float32, and what was painted."""
        s, judges, frozen, form = self.s, self.judges, self.frozen, self.s.adversarial
        found = lines = style_t = code_t = shape_logits = None
        with autocast(self.device):
            painted, style = self.rfg(pairs.l_t, pairs.source, pairs.visible)
            judged = with_map(s, self.rfg, painted, pairs.l_t, pairs.visible)
            logits = judges.face(judged)
            if frozen.F_l is not None:
                found = frozen.F_l.soft(painted, pairs.l_t).float()
            if judges.shape is not None:
                lines = soft_lines(found, s.size, s.line_width)
                shape_logits = judges.shape(lines)
            if s.lambda_st:
                style_t = self.rfg.style_encoder(painted)
            if frozen.E_f is not None:
                code_t = frozen.E_f(painted, pairs.l_t)
                code_s = self._codes(pairs)
        terms: Terms = {"adv": (s.lambda_adv, generator_loss(logits, form))}
        if shape_logits is not None:
            terms["ds"] = (s.lambda_ds, generator_loss(shape_logits, form))
        if style_t is not None:
            terms["st"] = (s.lambda_st, style_loss(style_t, style))
        if code_t is not None:
            terms["id"] = (s.lambda_id, identity_loss(code_t, code_s))
        elif s.lambda_id:
            terms["id"] = (s.lambda_id, self._perceptual(painted, pairs))
        if s.lambda_at:
            terms["at"] = (s.lambda_at, attribute_loss(painted, pairs.truth, pairs.known, pairs.known_share))
        if s.lambda_lm:
            terms["lm"] = (s.lambda_lm, landmark_loss(found, pairs.l_t[..., :2]))
        return terms, Painted(judged.detach(), None if lines is None else lines.detach())

    @torch.no_grad()
    def _codes(self, pairs: Pairs) -> torch.Tensor:
        return self.frozen.E_f(pairs.source, pairs.source_points) if pairs.codes is None else pairs.codes

    def _perceptual(self, painted: torch.Tensor, pairs: Pairs) -> torch.Tensor:
        from dg.rfg.perceptual import perceptual_loss

        with autocast(self.device):
            value = perceptual_loss(self.frozen.perceptual, painted, pairs.truth, pairs.known, pairs.known_share)
        return value.float()


class JudgeLosses(nn.Module):
    """Eqs. (9) and (10), with R1 on the real ones where it is due."""

    def __init__(self, settings: RfgLearning, nets: dict[str, nn.Module], device: torch.device) -> None:
        super().__init__()
        self.s, self.device = settings, device
        self.maps_of = Borrowed(rfg=nets["rfg"])
        self.face_discriminator = nets["face_discriminator"]
        self.shape_discriminator = nets.get("shape_discriminator")

    def forward(self, pairs: Pairs, painted: Painted) -> Terms:
        """The losses, all float32."""
        s = self.s
        real = with_map(s, self.maps_of.rfg, pairs.truth, pairs.truth_points, pairs.truth_visible)
        terms = self._judge("f", self.face_discriminator, real, painted.faces, pairs.regularise)
        if self.shape_discriminator is not None:
            lines = soft_lines(pairs.truth_points[..., :2], s.size, s.line_width)
            terms |= self._judge("s", self.shape_discriminator, lines, painted.lines, pairs.regularise)
        return terms

    def _judge(self, name: str, net: nn.Module, real: torch.Tensor, fake: torch.Tensor, regularise: bool) -> Terms:
        real = real.detach().clone().requires_grad_(regularise)
        with autocast(self.device):
            real_logits = twice_differentiable(net, real) if regularise else net(real)
            fake_logits = net(fake)
        terms: Terms = {f"d_{name}": (1.0, discriminator_loss(real_logits, fake_logits, self.s.adversarial))}
        if regularise:
            terms[f"d_{name}_r1"] = (R1_EVERY * self.s.r1, r1_penalty(real_logits, real))
        return terms


def with_map(
    settings: RfgLearning, rfg: Rfg, faces: torch.Tensor, points: torch.Tensor, visible: torch.Tensor
) -> torch.Tensor:
    """What D_f sees: the faces (b, 3, H, W), with face_discriminator_map and the maps of `points`, 6 channels."""
    if not settings.face_discriminator_map:
        return faces
    return torch.cat([faces, rfg.maps(points, visible)], 1)
