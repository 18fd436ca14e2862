"""The steps of the pipeline: the form of each one's settings, and how params.yaml makes them.

A step sees nothing of params.yaml but its settings, so a value that is missing there can't change a result behind
Snakemake's back.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from dg.errors import DgError
from dg.params import Params
from dg.steps import claims, data, evaluate, figures, generate, identity, idsg, landmarks, report, rfg, tables
from dg.steps.settings import Settings
from dg.study.figures import FIGURES
from dg.study.tables import ABLATIONS, COMPARISONS
from dg.study.variants import with_overrides
from dg.tests import TESTS


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        settings: the form of its values.
        build: (params, **which) -> its values.
        which: names of what it works on: dataset, test, phase, method, figure, table.
    """

    settings: type[Settings]
    build: Callable[..., Settings]
    which: tuple[str, ...] = ()


STEPS = {
    "synthface": Step(data.SynthfaceSettings, data.synthface_settings, ("dataset",)),
    "manifest": Step(data.ManifestSettings, data.manifest_settings, ("dataset",)),
    "frames": Step(data.FramesSettings, data.frames_settings, ("dataset",)),
    "landmarks": Step(landmarks.LandmarksSettings, landmarks.landmarks_settings),
    "identity": Step(identity.IdentitySettings, identity.identity_settings),
    "pairs": Step(data.PairsSettings, data.pairs_settings, ("test",)),
    "idsg": Step(idsg.IdsgSettings, idsg.idsg_settings, ("phase",)),
    "rfg": Step(rfg.RfgSettings, rfg.rfg_settings, ("phase",)),
    "finetune": Step(rfg.FineTuneSettings, rfg.finetune_settings),
    "train_method": Step(generate.TrainMethodSettings, generate.train_method_settings, ("method",)),
    "generate": Step(generate.GenerateSettings, generate.generate_settings, ("test", "method")),
    "originals": Step(evaluate.OriginalsSettings, evaluate.originals_settings, ("test",)),
    "evaluate": Step(evaluate.EvaluateSettings, evaluate.evaluate_settings, ("test", "method")),
    "ace": Step(evaluate.AceSettings, evaluate.ace_settings, ("test",)),
    "ablation": Step(tables.AblationSettings, tables.ablation_settings, ("table",)),
    "comparison": Step(tables.ComparisonSettings, tables.comparison_settings, ("table",)),
    "curves": Step(tables.CurvesSettings, tables.curves_settings),
    "figure": Step(figures.FigureSettings, figures.figure_settings, ("test",)),
    "lead_sheet": Step(figures.LeadSheetSettings, figures.lead_sheet_settings, ("test", "method")),
    "paper_figure": Step(figures.PaperFigureSettings, figures.paper_figure_settings, ("figure",)),
    "claims": Step(claims.ClaimsSettings, claims.claims_settings),
    "report": Step(report.ReportSettings, report.report_settings),
}


def step_settings(params: Params, step: str, variant: str = "dg", **which: str) -> Settings:
    """The values that `step` of a variant uses.

    Args:
        which: what the step works on.

    Raises:
        DgError: no such step, variant or method, or `which` doesn't say what that step works on.
    """
    chosen = with_overrides(params, variant)
    _refuse_wrong(chosen, step, which)
    return STEPS[step].build(chosen, **which)


def _refuse_wrong(params: Params, step: str, which: dict[str, str]) -> None:
    if step not in STEPS:
        near = difflib.get_close_matches(step, STEPS, n=1)
        raise DgError(f"no step '{step}', only {', '.join(STEPS)}." + (f" Did you mean '{near[0]}'?" if near else ""))
    needed = STEPS[step].which
    if set(which) != set(needed):
        usage = " ".join(f"{name}=..." for name in needed) or "nothing more"
        raise DgError(f"step '{step}' needs {usage}; it got {', '.join(which) or 'nothing'}.")
    known = {
        "dataset": list(params.sizes.synthface.model_dump() if step == "synthface" else params.datasets),
        "test": list(TESTS),
        "phase": ["self", "cross"],
        "figure": list(FIGURES),
        "table": ABLATIONS if step == "ablation" else COMPARISONS,
    }
    for name, value in which.items():
        if value not in known.get(name, [value]):
            raise DgError(f"step '{step}': no {name} '{value}', only {', '.join(known[name])}.")
