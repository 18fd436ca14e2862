"""The values of the trainings, in one place: the command line's options are their fields."""

from __future__ import annotations

from dataclasses import dataclass, field

from dg.identity.network import SHAPE_DIMENSION, WIDTH


def _value(default: float | int | str, help: str) -> object:
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class Recipe:
    """The RFG's: how long, on what loss, with which networks.

    Learning rate: up in 200 steps, then half a cosine from `lr` to `last_lr`.
    """

    pictures: int = _value(350_000, "pictures to learn from in all, one after the other")
    batch: int = _value(32, "pairs a step")
    lr: float = _value(5e-4, "of Adam, at its highest")
    last_lr: float = _value(2.5e-5, "at the end")
    judge_lr: float = _value(2e-4, "of D_f's Adam, from its 200th step on")
    ema: float = _value(0.999, "of the averages that testing uses")
    seed: int = _value(0, "of weights and batches")
    held_out: float = _value(0.04, "share of the people, every 25th, who are kept for measuring")
    lambda_at: float = _value(10.0, "weight of eq. (11)")
    lambda_lpips: float = _value(4.0, "weight of LPIPS on VGG-16 to the truth")
    patch: int = _value(64, "side in pixels of the squares that LPIPS looks at; most lie on the face")
    lambda_adv: float = _value(0.5, "weight of eq. (8)")
    adversarial_from: float = _value(0.4, "share of the run after which D_f takes part")
    lambda_id: float = _value(1.0, "weight of eq. (12) to the truth, by the E_f of --identity")
    lambda_spike: float = _value(1.0, "weight of the energy share in the strongest 0.5 % of pixels above 3 %")
    r1: float = _value(1.0, "weight of R1 on D_f")
    size: int = _value(128, "pixels of the pictures")
    channels: int = _value(24, "channels after the first convolution")
    max_channels: int = _value(192, "most channels of a layer")
    style_dim: int = _value(128, "length of the style code")
    adain_intermediate: int = _value(2, "intermediate blocks that take the style")
    line_width: float = _value(2.0, "of the landmark map's lines, pixels at 256 px")
    rgb_kernel: int = _value(3, "of the last convolution")
    rgb_norm: str = _value("adain", "before the last convolution: adain, instance, none")
    style_norm: str = _value("adain", "how the style enters: adain, demodulated")
    upsampling: str = _value("bilinear", "bilinear, nearest")
    noise: str = _value("fixed", "in the up blocks: fixed, none")

    @property
    def sizes(self) -> dict[str, float | int | str | bool]:
        """What `dg.rfg.model.Rfg` is built from, and a checkpoint's card names."""
        names = ("size", "channels", "max_channels", "style_dim", "adain_intermediate", "line_width")
        return {name: getattr(self, name) for name in names} | self.form | {"hide_invisible": False}

    @property
    def form(self) -> dict[str, int | str]:
        """The arguments of `FaceGenerator` that say of which form it is."""
        return {key: getattr(self, key) for key in ("rgb_kernel", "rgb_norm", "style_norm", "upsampling", "noise")}


@dataclass(frozen=True)
class IdentityRecipe:
    """E_f's."""

    steps: int = _value(4000, "batches in all")
    people: int = _value(192, "people in a batch, two pictures of each")
    lr: float = _value(1e-3, "of Adam, at its highest; a cosine ends at 0")
    decay: float = _value(1e-4, "of weights")
    scale: float = _value(20.0, "of the cosines in the softmax")
    margin: float = _value(0.1, "that the right person's cosine is to be ahead")
    robust: float = _value(4.0, "weight of how far changes against the network turn the code")
    radius: float = _value(2.0, "largest length of a change against the network, grown to in a third of the run")
    attacks: int = _value(2, "steps that look for such a change")
    seed: int = _value(0, "of weights and batches")
    held_out: float = _value(0.04, "share of the people who are kept for measuring")
    dimension: int = _value(128, "length of a face code")
    width: int = _value(WIDTH, "channels of the first convolution")


@dataclass(frozen=True)
class ShapeRecipe:
    """Of E_f's second part."""

    steps: int = _value(1600, "batches in all")
    people: int = _value(32, "people in a batch, two pictures of each")
    lr: float = _value(6e-4, "of Adam, at its highest; a cosine ends at a hundredth")
    decay: float = _value(0.05, "of weights")
    seed: int = _value(0, "of weights and batches")
    held_out: float = _value(0.04, "share of the people who are kept for measuring")
    dimension: int = _value(SHAPE_DIMENSION, "principal components")


@dataclass(frozen=True)
class IdsgRecipe:
    """The IDSG's."""

    steps: int = _value(30_000, "batches in all")
    batch: int = _value(64, "pairs a step, half of them of one person")
    lr: float = _value(1e-3, "of Adam, at its highest; a cosine ends at a hundredth")
    decay: float = _value(0.1, "of weights")
    lambda_shape: float = _value(5.0, "weight of the shape of eyes and mouth beside eq. (6)")
    people: int = _value(0, "how many of the people to learn from; 0: all")
    seed: int = _value(0, "of weights and batches")


@dataclass(frozen=True)
class FomRecipe:
    """The First Order Motion Model's."""

    pictures: int = _value(350_000, "pictures to make in all, one after the other")
    half_until: float = _value(0.7, "share of the run on pictures of half the side")
    batch: int = _value(8, "pairs a step; published: 40")
    lr: float = _value(2e-4, "of Adam, at its highest; published, there falling twice to a tenth")
    last_lr: float = _value(2e-6, "at the end of a cosine")
    ema: float = _value(0.999, "of the averages that testing uses")
    seed: int = _value(0, "of weights and batches")
    held_out: float = _value(0.04, "share of the people, every 25th, who are kept for measuring")
    size: int = _value(128, "pixels of the pictures")
