"""What the IDSG's training is told (Sec. 3.1)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dg.checked import values_of
from dg.params import Execution, IdsgChoices, IdsgWeights, Optimiser, Params
from dg.steps.settings import Settings
from dg.weights import bundled_digest


class IdsgSettings(Settings, IdsgWeights, IdsgChoices, Optimiser, Execution):
    """The values of one phase of the IDSG's training; those that nothing asks for are always told alike."""

    MODULES = ("dg.idsg.training",)

    phase: Literal["self", "cross"]
    seed: int = Field(ge=0, description="of initial weights and batches")
    ema: float = Field(ge=0, lt=1, description="weight of the old moving average per step")
    steps: int = Field(gt=0)
    init: str | None = Field(description="digest of the bundled weights that the self phase starts from; null: none")
    lambda_keep: float = Field(ge=0, description="weight of `dg.idsg.losses.keep_loss` beside eq. (7)")
    kept: str | None = Field(description="digest of the bundled weights that lambda_keep holds to; null: none")


def idsg_settings(p: Params, phase: str) -> IdsgSettings:
    """Of the phase "self" or "cross"."""
    sizes = p.sizes.idsg
    bundled = bundled_digest("idsg-synthface") if sizes.init == "bundled" else None
    lambda_keep = sizes.lambda_keep if bundled else 0.0
    return IdsgSettings(
        phase=phase,
        seed=p.training_seed,
        ema=sizes.ema,
        steps=sizes.self_steps if phase == "self" else sizes.cross_steps,
        init=bundled if phase == "self" else None,
        lambda_keep=lambda_keep,
        kept=bundled if lambda_keep else None,
        **_asked_for(values_of(p, IdsgWeights) | values_of(p.idsg, IdsgChoices), phase),
        **values_of(sizes, Optimiser),
        **values_of(p.training, Execution),
    )


def _asked_for(values: dict[str, Any], phase: str) -> dict[str, Any]:
    """`values` with those that can't change this training put to what they always are then, so that a change of them
    trains nothing again."""
    fixed: dict[str, Any] = {}
    # No pairs of different subjects in the self phase: eq. (3) is zero without them, and eq. (6) knows all of them.
    alone = phase == "self"
    if not values["lambda_vls"] or (alone and values["vls_pairs"] == "cross"):
        fixed |= {"lambda_vls": 0.0, "sigma": (0.0,) * 5}
        fixed |= {"vls_form": "hinge", "vls_regions": "paper", "vls_pairs": "cross"}
    if not values["lambda_l"] or alone:
        fixed["localisation"] = "known"
    if not values["lambda_a"]:
        fixed["action"] = "generated"
    return values | fixed
