"""What the IDSG's training is told (Sec. 3.1)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dg.checked import values_of
from dg.params import Execution, IdsgChoices, IdsgWeights, Optimiser, Params
from dg.steps.settings import Settings
from dg.weights import bundled_digest


class IdsgSettings(Settings, IdsgWeights, IdsgChoices, Optimiser, Execution):
    """The values of one phase of the IDSG's training."""

    MODULES = ("dg.idsg.training",)

    phase: Literal["self", "cross"]
    seed: int = Field(ge=0, description="of initial weights and batches")
    ema: float = Field(ge=0, lt=1, description="weight of the old moving average per step")
    steps: int = Field(gt=0)
    init: str | None = Field(description="digest of the bundled weights that the self phase starts from; null: none")


def idsg_settings(p: Params, phase: str) -> IdsgSettings:
    """Of the phase "self" or "cross"."""
    sizes, weights = p.sizes.idsg, values_of(p, IdsgWeights)
    if phase == "self" and p.idsg.vls_pairs == "cross":
        # No pairs of different subjects: eq. (3) is zero without them, and its weight changes nothing.
        weights["lambda_vls"] = 0.0
    return IdsgSettings(
        phase=phase,
        seed=p.training_seed,
        ema=sizes.ema,
        steps=sizes.self_steps if phase == "self" else sizes.cross_steps,
        init=bundled_digest("idsg-synthface") if phase == "self" and sizes.init == "bundled" else None,
        **weights,
        **values_of(p.idsg, IdsgChoices),
        **values_of(sizes, Optimiser),
        **values_of(p.training, Execution),
    )
