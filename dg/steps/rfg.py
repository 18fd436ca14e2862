"""What the RFG's training (Sec. 3.2) and its fine-tuning (Sec. 4.1) are told."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dg.checked import values_of
from dg.params import Execution, Optimiser, Params, RfgForm, RfgShape, RfgWeights
from dg.sizes.rfg import RfgSizes
from dg.steps.identity import FaceEncoder, face_encoder
from dg.steps.landmarks import LandmarkNetwork, landmark_network
from dg.steps.settings import Settings
from dg.weights import bundled_digest


class RfgLearning(RfgWeights, RfgForm, RfgShape, Optimiser, Execution):
    """What training and fine-tuning have in common."""

    seed: int = Field(ge=0, description="of initial weights, batches and crops")
    size: int = Field(gt=0, description="side of the pictures in pixels")
    steps: int = Field(gt=0)
    landmarks: LandmarkNetwork = Field(description="F_l of eqs. (10) and (14)")
    identity: FaceEncoder = Field(description="E_f of eq. (12)")

    @property
    def sizes(self) -> RfgSizes:
        """Those of G_f and E_s."""
        return RfgSizes(**values_of(self, RfgSizes))


class RfgSettings(Settings, RfgLearning):
    """The values of one phase of the RFG's training."""

    MODULES = ("dg.rfg.training",)

    phase: Literal["self", "cross"]
    ema: float = Field(ge=0, lt=1, description="weight of the old moving average per step")
    init: str | None = Field(description="digest of the bundled weights that the self phase starts from; null: none")

    def modules(self) -> tuple[str, ...]:
        """The cross phase runs the IDSG too."""
        return self.MODULES if self.phase == "self" else (*self.MODULES, "dg.idsg")


class FineTuning(RfgLearning):
    """How the RFG is tuned on a few frames of one video."""

    frames: int = Field(ge=2, description="how many")


class FineTuneSettings(Settings, FineTuning):
    """The fine-tuning's values."""

    MODULES = ("dg.rfg.fine_tuning",)


def _learning(p: Params) -> dict[str, Any]:
    # Without eq. (12) nothing asks for its form.
    unasked = {} if p.lambda_id else {"identity_loss": "cosine"}
    return {
        "seed": p.training_seed,
        "size": p.sizes.image_size,
        "landmarks": landmark_network(p),
        "identity": face_encoder(p),
        **values_of(p, RfgWeights),
        **values_of(p.rfg, RfgForm),
        **values_of(p.sizes.rfg, RfgShape),
        **values_of(p.sizes.rfg, Optimiser),
        **values_of(p.training, Execution),
    } | unasked


def rfg_settings(p: Params, phase: str) -> RfgSettings:
    """Of the phase "self" or "cross"."""
    sizes = p.sizes.rfg
    return RfgSettings(
        phase=phase,
        ema=sizes.ema,
        steps=sizes.self_steps if phase == "self" else sizes.cross_steps,
        init=bundled_digest("rfg-synthface") if phase == "self" and sizes.init == "bundled" else None,
        **_learning(p),
    )


def pictures_in_training(p: Params) -> int:
    """How many pictures the RFG makes in its training, both phases together."""
    sizes = p.sizes.rfg
    return sizes.batch * (sizes.self_steps + (sizes.cross_steps if p.rfg.cross_phase == "train" else 0))


def fine_tuning(p: Params) -> FineTuning:
    """As params.yaml sizes it; the losses are the self phase's."""
    tuning = p.sizes.fine_tune
    return FineTuning(**_learning(p) | {"steps": tuning.steps, "lr": tuning.lr, "frames": tuning.frames})


def finetune_settings(p: Params) -> FineTuneSettings:
    """Of the fine-tuning as a step of its own."""
    return FineTuneSettings(**dict(fine_tuning(p)))
