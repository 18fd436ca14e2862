"""The steps of the pipeline: the form of each one's settings, and how params.yaml makes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dg.steps.identity import IdentitySettings, identity_settings
from dg.steps.idsg import IdsgSettings, idsg_settings
from dg.steps.landmarks import LandmarksSettings, landmarks_settings
from dg.steps.reenact import ReenactSettings, reenact_settings
from dg.steps.rfg import FineTuneSettings, RfgSettings, finetune_settings, rfg_settings
from dg.steps.settings import Settings


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        settings: the form of its values.
        build: (params, **which) -> its values.
        which: names of what it works on: dataset, benchmark, phase, method, figure, table.
    """

    settings: type[Settings]
    build: Callable[..., Settings]
    which: tuple[str, ...] = ()


STEPS = {
    "landmarks": Step(LandmarksSettings, landmarks_settings),
    "identity": Step(IdentitySettings, identity_settings),
    "idsg": Step(IdsgSettings, idsg_settings, ("phase",)),
    "rfg": Step(RfgSettings, rfg_settings, ("phase",)),
    "finetune": Step(FineTuneSettings, finetune_settings),
    "reenact": Step(ReenactSettings, reenact_settings, ("benchmark", "method")),
}
