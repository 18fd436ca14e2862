"""params.yaml: what is refused and how, and which values reach which step."""

from pathlib import Path

import pytest

from dg import params
from dg.errors import DgError
from dg.files import read_json
from dg.settings import owner, step_settings

ROOT = Path(__file__).parent.parent


@pytest.fixture
def values():
    return params.read_values(ROOT / "params.yaml")


def test_the_shipped_file_is_valid_and_the_schema_agrees(values):
    params.validate(values, "params.yaml")
    assert read_json(ROOT / "workflow/schemas/params.schema.json") == params.schema()


def test_a_typo_names_the_key_and_the_right_one(values):
    values["lamda_vls"] = values.pop("lambda_vls")
    values["idsg"]["r1"] = -1
    with pytest.raises(DgError) as error:
        params.validate(values, "params.yaml")
    message = str(error.value)
    assert "lamda_vls: unknown key, did you mean 'lambda_vls'?" in message
    assert "lambda_vls: missing" in message
    assert "idsg.r1" in message
    assert "greater than or equal to 0" in message


def test_missing_and_broken_files_are_told_apart(tmp_path):
    with pytest.raises(DgError, match="not found"):
        params.load(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("a: [1\nb: 2")
    with pytest.raises(DgError, match="line 2"):
        params.load(tmp_path / "params.yaml")


def test_a_benchmark_needs_a_known_data_set(values):
    values["benchmarks"]["RaFD"] = "rafdd"
    with pytest.raises(DgError, match=r"benchmarks\.RaFD: 'rafdd' is not among datasets"):
        params.validate(values, "params.yaml")


def test_lambda_vls_reaches_the_idsg_and_never_the_rfg(values):
    before = params.validate(values, "params.yaml")
    after = params.validate({**values, "lambda_vls": 5}, "params.yaml")
    for phase in ("self", "cross"):
        assert step_settings(before, "idsg", phase=phase) != step_settings(after, "idsg", phase=phase)
        assert step_settings(before, "rfg", phase=phase) == step_settings(after, "rfg", phase=phase)
    for dataset in ("synth_rafd", "synth_vox"):
        for step in ("synthface", "manifest", "frames"):
            assert step_settings(before, step, dataset=dataset) == step_settings(after, step, dataset=dataset)


def test_an_ablation_shares_what_it_does_not_change(values):
    values["ablations"] = {"no_vls": {"lambda_vls": 0}, "no_ds": {"lambda_ds": 0}}
    p = params.validate(values, "params.yaml")
    assert [owner(p, rule, "no_vls") for rule in ("idsg_self", "idsg_cross", "rfg_self", "rfg_cross")] == [
        "no_vls",
        "no_vls",
        "dg",
        "no_vls",
    ]
    assert [owner(p, rule, "no_ds") for rule in ("idsg_self", "idsg_cross", "rfg_self", "rfg_cross")] == [
        "dg",
        "dg",
        "no_ds",
        "no_ds",
    ]


def test_an_ablation_of_an_unknown_key_is_refused(values):
    values["ablations"] = {"x": {"idsg.vls_fom": "abs"}}
    p = params.validate(values, "params.yaml")
    with pytest.raises(DgError, match=r"idsg\.vls_fom.*Did you mean 'idsg\.vls_form'"):
        step_settings(p, "idsg", "x", phase="self")
