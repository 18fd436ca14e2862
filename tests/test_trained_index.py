"""The table of whose the ablations' checkpoints are, and what is removed with it."""

from __future__ import annotations

import copy

import pandas as pd
import pytest

from dg import params
from dg.steps.registry import step_settings
from dg.study.rows import figure_rows
from dg.trained import Checkpoints
from dg.trained_index import index_of_ablations, write_index
from tests.scales import values_at


@pytest.fixture
def values():
    return values_at()


def index(values):
    p = params.validate(values, "params.yaml")
    return index_of_ablations(p, Checkpoints(p))


def test_the_table_says_whose_a_checkpoint_is_and_what_it_has_unlike_dg(values, tmp_path):
    out = tmp_path / "ablations/checkpoints.csv"
    write_index(index(values), out, tmp_path / "log")
    table = pd.read_csv(out)
    assert list(table.columns) == ["checkpoint", "variants", "unlike_dg"] and table["checkpoint"].is_unique
    of_row = table[table["variants"] == "table1-bl-1"]
    of_row = dict(zip(of_row["checkpoint"].str.split("/").str[2], of_row["unlike_dg"]))
    assert set(of_row) == {"idsg_self", "idsg_cross"}  # Table 1 measures landmarks alone
    assert "lambda_l: 0.0" in of_row["idsg_cross"] and "seed: 1" in of_row["idsg_cross"]
    assert "lambda_c" not in of_row["idsg_cross"]


def test_what_no_variant_uses_any_more_is_removed_and_nothing_else(values, tmp_path):
    before, after = copy.deepcopy(values), copy.deepcopy(values)
    after["ablations"]["table1"] = {"l": values["ablations"]["table1"]["l"], "mine": {"lambda_c": 2}}
    folder = tmp_path / "results/ablations"
    p = params.validate(before, "params.yaml")
    for made in Checkpoints(p):  # models of tests that are in no table among them
        if "ablations" in made.path:
            path = tmp_path / made.path
            path.parent.mkdir(parents=True)
            path.touch()
    for name in ("ace/table1-bl-0", "ace/table1-l-0", "evaluate/table2-lm-1", "mine/notes"):
        (folder / name).mkdir(parents=True)
    there = {path for path in folder.glob("*/*") if path.is_dir()}
    write_index(index(before), folder / "checkpoints.csv", tmp_path / "log")
    assert {path for path in folder.glob("*/*") if path.is_dir()} == there
    write_index(index(after), folder / "checkpoints.csv", tmp_path / "log")
    gone = there - set(folder.glob("*/*"))
    today = {made.path for made in Checkpoints(params.validate(after, "params.yaml"))}
    unused = {(tmp_path / made.path).parent for made in Checkpoints(p) if made.path not in today}
    assert gone == {*unused, folder / "ace/table1-bl-0"}
    assert len(gone) > 1 and (tmp_path / "log").read_text().count("removed") == len(gone)


def test_figure_6_trains_the_methods_beside_dg_too_and_their_old_models_go(values, tmp_path):
    values["methods"]["fom"]["tests"] = ["RaFD"]
    p = params.validate(values, "params.yaml")
    rows = {(variant, method) for _, variant, method in figure_rows(p, "figure6")}
    names = ("figure6-with_large_pose-0", "figure6-without_large_pose-0")
    assert rows == {(variant, method) for variant in names for method in ("dg", "fom")}
    compared = [(method, *ours, *theirs) for _, method, ours, theirs in step_settings(p, "claims").pose_variants]
    assert compared == [("dg", *names), ("fom", *names)]
    assert step_settings(p, "generate", names[0], test="Extreme", method="fom").method == "fom"
    models = {tested.path: tested for tested in (Checkpoints(p).tested("fom", "Extreme", name) for name in names)}
    assert len(models) == 2 and all(path.startswith("results/ablations/methods/fom/") for path in models)
    out = tmp_path / "results/ablations/checkpoints.csv"
    stale = out.parent / "methods/fom/0123456789abcdef"
    for folder in (stale, *(tmp_path / path for path in models)):
        folder.mkdir(parents=True)
    write_index(index(values), out, tmp_path / "log")
    table = pd.read_csv(out).set_index("checkpoint")
    assert [table.loc[path, "variants"] for path in models] == list(names)
    assert not stale.exists() and all((tmp_path / path).exists() for path in models)
