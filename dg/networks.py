"""The networks that the pipeline trains: one record per training. Rules, their inputs, and what tests and methods use
follow from these records. Methods of params.yaml that are trained add theirs: `dg.study.trainings`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Training:
    """One training of one network; it leaves a checkpoint per variant and model.

    Attributes:
        rule: names the Snakemake rule, and of DG's networks the DVC stage.
        network: what is trained; a method's command asks for a checkpoint of DG's by this name: {rfg}.
        phase: one of PHASES; see `dg.study.models.training_behind`.
        step: the verb of `python -m dg`.
        which: what the verb works on; with `step` it picks the values (`dg.steps.registry.step_settings`).
        start: the training whose weights it starts from; None: random or bundled ones.
        runs: trainings whose networks it runs meanwhile, by the verb's option that takes the checkpoint.
        pictures: whether it learns from pictures, or from landmarks and face codes alone, for which one core will do.
        switch: key of params.yaml that says whether it takes place, `train` or `skip`; None: always.
        plotted: the plot in DVC beside that of the whole loss.
        folder: of its checkpoints, under results/; None: named as the rule.
        suffix: of its checkpoints; "": they are folders.
    """

    rule: str
    network: str
    phase: str
    step: str
    which: Mapping[str, str]
    start: str | None = None
    runs: Mapping[str, str] = field(default_factory=dict)
    pictures: bool = True
    switch: str | None = None
    plotted: str = ""
    folder: str | None = None
    suffix: str = ".safetensors"

    def checkpoint(self, values: str, model: str, ablations: str = "") -> str:
        """Where a checkpoint lies, from the project's folder: see `dg.trained`."""
        return f"results/{ablations}{self.folder or self.rule}/{values}/{model}{self.suffix}"

    @property
    def needs(self) -> dict[str, str]:
        """The trainings before this one, by the verb's option that takes the checkpoint."""
        return ({"init": self.start} if self.start else {}) | dict(self.runs)


PHASES = ("self", "cross")
"""Of training and of tests: self-reenactment, then cross-reenactment (Sec. 4.1)."""

_IDSG_SELF = Training(
    rule="idsg_self",
    network="idsg",
    phase="self",
    step="idsg",
    which={"phase": "self"},
    pictures=False,
    plotted="localisation",
)
_IDSG_CROSS = replace(_IDSG_SELF, rule="idsg_cross", phase="cross", which={"phase": "cross"}, start="idsg_self")
_RFG_SELF = Training(
    rule="rfg_self",
    network="rfg",
    phase="self",
    step="rfg",
    which={"phase": "self"},
    plotted="attributes",
)
_RFG_CROSS = replace(
    _RFG_SELF,
    rule="rfg_cross",
    phase="cross",
    which={"phase": "cross"},
    start="rfg_self",
    runs={"idsg": "idsg_cross"},
    switch="rfg.cross_phase",
)

TRAININGS = {training.rule: training for training in (_IDSG_SELF, _IDSG_CROSS, _RFG_SELF, _RFG_CROSS)}
"""Of DG's networks, by rule, each after those it needs."""

NETWORKS = tuple(dict.fromkeys(training.network for training in TRAININGS.values()))
"""DG's trained networks, as a method's command names them."""

OF_DG = ("idsg", "rfg")
"""Those that DG itself is made of."""
