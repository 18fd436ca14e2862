"""A step's settings: from params.yaml to JSON and back, and what a wrong one is answered with."""

import json
import subprocess
import sys

import pytest

from dg import params
from dg.checked import checked
from dg.cli import main
from dg.files import read_json
from dg.sizes.rfg import RfgSizes
from dg.steps.idsg import IdsgSettings
from dg.steps.registry import STEPS, step_settings
from dg.weights import BUNDLED
from tests.scales import params_at, values_at
from tests.test_step_modules import WHICH, with_trained_method

P = params_at()


@pytest.mark.parametrize("form", WHICH)
def test_a_step_reads_what_snakemake_hands_it(form):
    step = form.split(" ")[0]
    told = step_settings(with_trained_method(), step, **WHICH[form])
    read = STEPS[step].settings.read(told.job())
    assert read.code and read.model_dump(exclude={"code"}) == told.model_dump(exclude={"code"})


def test_the_weight_of_equation_3_goes_from_params_yaml_to_the_step():
    changed = params.validate({**values_at(), "lambda_vls": 3.5}, "params.yaml")
    told = IdsgSettings.read(step_settings(changed, "idsg", phase="cross").job())
    assert told.lambda_vls == 3.5
    assert told == IdsgSettings(
        **{**dict(step_settings(P, "idsg", phase="cross")), "lambda_vls": 3.5, "code": told.code}
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lambda_vlz": 1}, "lambda_vlz: unknown key, did you mean 'lambda_vls'?"),
        ({"lambda_vls": -1}, "lambda_vls: Input should be greater than or equal to 0 (got -1)"),
        ({"vls_form": "square"}, "vls_form: Input should be 'hinge', 'abs' or 'raw' (got 'square')"),
        ({"seed": None}, "seed: missing; `python -m dg settings STEP` prints the form"),
    ],
)
def test_a_wrong_value_on_the_command_line_is_named(change, message, tmp_path, capsys):
    told = step_settings(P, "idsg", phase="self").plain() | change
    told = {key: value for key, value in told.items() if value is not None}
    words = ["idsg", "--settings", json.dumps(told), "--data", str(tmp_path), "--out", str(tmp_path / "o.safetensors")]
    assert main(words) == 1
    assert message in capsys.readouterr().err


def test_what_is_no_json_is_answered_with_the_way_to_the_form(tmp_path, capsys):
    words = ["landmarks", "--settings", "fan", "--frames", "a", "--out", str(tmp_path / "b"), "--max-broken", "0"]
    assert main(words) == 1
    assert "--settings: is no JSON" in capsys.readouterr().err


def test_cards_older_than_a_key_tell_the_sizes_of_their_time():
    old = dict.fromkeys(("size", "channels", "max_channels", "style_dim", "line_width"), 8) | {"adain_intermediate": 2}
    sizes = checked(RfgSizes, old, "card", "")
    assert (sizes.rgb_kernel, sizes.rgb_norm, sizes.style_norm, sizes.upsampling) == (3, "instance", "adain", "nearest")
    assert sizes.noise == "none" and not sizes.hide_invisible
    assert checked(RfgSizes, read_json(BUNDLED / "rfg-synthface.json")["sizes"], "card", "").size > 0


def test_how_many_broken_pictures_are_put_up_with_is_in_no_steps_settings():
    values = values_at()
    values["datasets"]["rafd"]["max_broken"] = 0.9
    raised = params.validate(values, "params.yaml")
    for step in ("manifest", "frames"):
        assert step_settings(raised, step, dataset="rafd").job() == step_settings(P, step, dataset="rafd").job()


def test_figure_6_names_every_start_that_saw_large_poses():
    values = values_at()
    notes = []
    vox, theirs = ["VoxCeleb1"], "vox-cpk.pth.tar"
    for tests, init, weights in (
        (vox, "bundled", None), ([], "bundled", None), (vox, "scratch", None), (vox, "bundled", theirs),
    ):  # fmt: skip
        values["methods"]["fom"] |= {"tests": tests, "weights": weights}
        values["scales"]["sample"]["rfg"]["init"] = init
        note = step_settings(params.validate(values, "params.yaml"), "paper_figure", figure="figure6").note
        notes.append(note.partition("and MPIE.")[2].strip())
    said = "start from bundled weights that saw large poses."
    assert notes == [f"RFGs and FOM (absolute) {said}", f"RFGs {said}", "", f"RFGs {said}"]


def test_the_values_of_all_steps_are_told_without_torch():
    """Every start of Snakemake asks for them, and `dg check` has 1 GB; torch costs 2 s and 400 MB."""
    code = "import sys, dg.steps.registry, dg.survey; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
