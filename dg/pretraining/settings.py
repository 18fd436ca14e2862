"""How the landmark and visibility networks are trained: the blocks of settings.yaml as typed, checked objects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field

from dg.checked import Model, Strict, checked

SETTINGS = Path(__file__).with_name("settings.yaml")

Chance = Annotated[float, Field(ge=0, le=1)]
Spread = Annotated[float, Field(ge=0)]


class Changes(Strict):
    """How pictures are changed at random; see `dg.pretraining.augment.randomise`.

    Attributes:
        rotation, scale, shift: standard deviations, in degrees, of the logarithm of the size, in picture sizes.
        background, ...: chances that a picture gets it.
    """

    rotation: Spread
    scale: Spread
    shift: Spread
    background: Chance
    light: Chance
    colour: Chance
    blur: Chance
    noise: Chance
    jpeg: Chance
    occlusion: Chance
    grey: Chance


class Closer(Strict):
    """How pictures are cut to the face; see `dg.pretraining.augment.tighten`."""

    share: Chance = Field(description="of the pictures")
    margin: tuple[float, float] = Field(description="lowest and highest side, in longer sides of the points' box")
    jitter: Spread = Field(description="standard deviation of the square's place, in those sides")


class Learning(Strict):
    """What the trainings have in common."""

    seed: int = Field(ge=0, description="of initial weights and batches")
    held_out: float = Field(gt=0, lt=1, description="share of the people kept for measuring")
    steps: int = Field(gt=0)
    batch: int = Field(gt=0)
    lr: float = Field(ge=0)
    weight_decay: float = Field(ge=0)


class FanSettings(Learning):
    """Block `fan-synthface`: the landmark network, and the perceptron for depth (depth_...)."""

    init: Literal["bundled", "scratch"] = Field(description="start from the weights in dg/weights, or random ones")
    faceless: int = Field(ge=0, description="face-less pictures added to each batch")
    depth_steps: int = Field(gt=0)
    depth_batch: int = Field(gt=0)
    depth_lr: float = Field(ge=0)
    depth_jitter: Spread = Field(description="how far off found points are, in crop sizes")
    closer: Closer
    augment: Changes


class VisibilitySettings(Learning):
    """Block `visibility-synthface`."""

    jitter: Spread = Field(description="up to how far off found points are, in crop sizes")


def read_settings(block: str, form: type[Model]) -> Model:
    """The block `block` of settings.yaml.

    Raises:
        DgError: a key is missing or unknown, or a value is wrong.
    """
    values = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))[block]
    return checked(form, values, f"{SETTINGS.name}: {block}", "the training needs it")
