"""Which modules can change a step's result: the list in step_modules.yaml, so that a new import shows in review."""

from pathlib import Path

import pytest
import yaml

from dg import params
from dg.digests import modules_behind
from dg.steps.registry import STEPS, step_settings
from tests.scales import values_at

LISTED = Path(__file__).with_name("step_modules.yaml")

# Every step, and the forms of those that run other code by their values.
WHICH = {
    "synthface": {"dataset": "synth_rafd"},
    "manifest": {"dataset": "rafd"},
    "frames (whole)": {"dataset": "synth_rafd"},
    "frames (detect)": {"dataset": "rafd"},
    "landmarks": {},
    "identity": {},
    "pairs": {"test": "RaFD"},
    "idsg": {"phase": "cross"},
    "rfg (self)": {"phase": "self"},
    "rfg (cross)": {"phase": "cross"},
    "finetune": {},
    "train_method": {"method": "mine"},
    "train_method (FOM)": {"method": "fom"},
    "generate (DG)": {"test": "RaFD", "method": "dg"},
    "generate (DG, tuned)": {"test": "VoxCeleb1", "method": "dg"},
    "generate (a command)": {"test": "RaFD", "method": "source_unchanged"},
    "generate (FOM)": {"test": "RaFD", "method": "fom"},
    "originals": {"test": "RaFD"},
    "evaluate": {"test": "RaFD", "method": "dg"},
    "ace": {"test": "RaFD"},
    "ablation": {"table": "table1"},
    "comparison": {"table": "table4"},
    "curves": {},
    "claims": {},
    "figure": {"test": "RaFD"},
    "lead_sheet": {"test": "RaFD", "method": "fom"},
    "paper_figure": {"figure": "figure3"},
    "report": {},
}


def with_trained_method():
    """params.yaml and methods that are trained, FOM and one whose code isn't this project's."""
    values = values_at()
    values["methods"]["fom"]["tests"] = ["RaFD"]
    commands = {"train": "fit {data} {out}", "command": "run {model} {pairs} {out}"}
    values["methods"]["mine"] = {"title": "Mine", "tests": ["RaFD"], **commands}
    return params.validate(values, "params.yaml")


def modules_of(form):
    settings = step_settings(with_trained_method(), form.split(" ")[0], **WHICH[form])
    names = {name.removeprefix("dg.") for module in settings.modules() for name in modules_behind(module)}
    return sorted(names)


def test_every_step_is_listed():
    assert {form.split(" ")[0] for form in WHICH} == set(STEPS)
    assert list(yaml.safe_load(LISTED.read_text())) == list(WHICH)


@pytest.mark.parametrize("form", WHICH)
def test_a_steps_digest_holds_the_modules_listed(form):
    """Where a new import is meant: write it into step_modules.yaml. It makes all results of the step again."""
    assert modules_of(form) == yaml.safe_load(LISTED.read_text())[form]


def test_a_settings_model_and_a_progress_bar_are_no_code():
    held = modules_of("rfg (cross)")
    assert "training.loop" in held
    assert not {"dg", "steps.rfg", "params", "training.progress", "rfg.samples", "provenance"} & set(held)


def test_an_edit_of_a_network_reruns_what_runs_it_alone():
    asked = {"dg.idsg.training": False, "dg.rfg.training": True, "dg.landmarks.extract": True}
    for module, runs_it in asked.items():
        assert ("dg.landmarks.fan" in modules_behind(module)) == runs_it, module
    assert "dg.idsg.networks" not in modules_behind("dg.rfg.training")
