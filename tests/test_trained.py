"""Which checkpoint serves which variant, and what it is called."""

from __future__ import annotations

import copy

import pytest

from dg import params
from dg.errors import DgError
from dg.networks import TRAININGS
from dg.study.models import models_of
from dg.study.variants import all_variants
from dg.trained import Checkpoints
from tests.scales import values_at


@pytest.fixture
def values():
    return values_at()


def checkpoints(values):
    return Checkpoints(params.validate(values, "params.yaml"))


def paths(values):
    """Of every variant and model, in the order of the trainings."""
    p, found = params.validate(values, "params.yaml"), checkpoints(values)
    return {
        (variant, model): [found.of(training, model, variant).path for training in TRAININGS.values()]
        for variant in all_variants(p)
        for model in models_of(p, variant)
    }


def with_tables(values, **tables):
    values["scales"][values["scale"]]["tables"] |= {"table1": {}, "table2": {}, **tables}


def test_the_rows_of_a_table_share_what_they_do_not_change(values):
    values["ablations"] |= {"table1": {"no_vls": {"lambda_vls": 0}}, "table2": {"no_ds": {"lambda_ds": 0}}}
    values["train_on"] = "own"
    with_tables(values)
    found = paths(values)

    def shared(variant, other):
        return [a == b for a, b in zip(found[variant, "synth_rafd"], found[other, "synth_rafd"], strict=True)]

    # IDSG self, cross, RFG self, cross. The self phase of the IDSG has no pair that eq. (3) counts.
    assert shared("table1-no_vls-0", "dg") == [True, False, True, False]
    assert shared("table2-no_ds-0", "dg") == [True, True, False, False]
    assert shared("table2-dg-0", "dg") == shared("table1-dg-0", "dg") == [True] * 4
    # Another seed is another training; Table 2 shares Table 1's IDSG of that seed.
    assert shared("table2-no_ds-1", "dg") == [False] * 4
    assert shared("table2-no_ds-1", "table1-dg-1") == [True, True, False, False]


def test_models_of_other_data_are_not_shared(values):
    with_tables(values, table1={"train_on": "own"})
    found = paths(values)
    assert not set(found["table1-dg-0", "synth_rafd"]) & set(found["dg", "joint"])
    assert found["table2-dg-0", "joint"] == found["dg", "joint"]
    # The same name of a model for other data: RaFD's set is another one.
    values["benchmarks"]["RaFD"] = "synth_vox"
    other = paths(values)
    assert not set(found["table1-dg-1", "synth_vox"]) - set(other["table1-dg-1", "synth_vox"])
    assert not set(found["table2-dg-1", "joint"]) & set(other["table2-dg-1", "joint"])


def test_what_tables_3_and_4_rest_on_is_named_for_people(values):
    values["scales"][values["scale"]]["tables"]["comparison_seeds"] = 2
    for variant in ("dg", "seed-1"):
        assert paths(values)[variant, "joint"] == [f"results/{rule}/{variant}/joint.safetensors" for rule in TRAININGS]


@pytest.mark.parametrize("tables", [{}, {"train_on": "own"}])
@pytest.mark.parametrize("place", range(4))
def test_a_new_a_renamed_and_a_removed_row_leave_all_others_names_alone(values, place, tables):
    with_tables(values, table1=tables, table2=tables)
    before = paths(values)
    rows = list(values["ablations"]["table1"].items())

    def after(changed):
        other = copy.deepcopy(values)
        other["ablations"]["table1"] = dict(changed)
        return paths(other)

    def untouched(names):
        return {key: value for key, value in before.items() if key[0].rsplit("-", 1)[0] not in names}

    # dg's own values but for eq. (3): a row that once gave its name to the self phase that all rows share.
    new = after([*rows[:place], ("novls5", {"lambda_vls": 5}), *rows[place:]])
    assert before.items() <= new.items()
    assert {variant for variant, _ in new.keys() - before.keys()} == {"table1-novls5-0", "table1-novls5-1"}
    if place < len(rows):
        name = rows[place][0]
        renamed = after([(f"{each}x" if each == name else each, changes) for each, changes in rows])
        assert untouched({f"table1-{name}"}).items() <= renamed.items()
        for (variant, model), made in before.items():
            if variant.startswith(f"table1-{name}-"):
                assert renamed[variant.replace(f"table1-{name}-", f"table1-{name}x-"), model] == made
        assert after([row for row in rows if row[0] != name]) == untouched({f"table1-{name}"})


def test_a_changed_value_changes_the_names_of_what_follows_and_nothing_else(values):
    def names(**changed):
        values["ablations"]["table2"]["mine"] = {"lambda_ds": 2, **changed}
        return paths(values)["table2-mine-0", "synth_rafd"]

    def differs(**changed):
        return [a != b for a, b in zip(names(), names(**changed), strict=True)]

    assert differs(lambda_vls=5) == [False, True, False, True]
    assert differs(lambda_a=5) == [True, True, False, True]
    assert differs(lambda_at=5) == [False, False, True, True]
    assert differs(**{"rfg.cross_phase": "skip"}) == [False] * 4


def test_the_checkpoint_at_a_path_knows_what_it_is_and_what_it_needs(values):
    found = checkpoints(values)
    made = found.at("results/rfg_cross/dg/joint.safetensors")
    assert (made.training.rule, made.model, made.variant) == ("rfg_cross", "joint", "dg")
    assert {option: each.path for option, each in made.needs.items()} == {
        "init": "results/rfg_self/dg/joint.safetensors",
        "idsg": "results/idsg_cross/dg/joint.safetensors",
    }
    with pytest.raises(DgError, match=r"results/rfg_self/seed-9/joint\.safetensors: no variant"):
        found.at("results/rfg_self/seed-9/joint.safetensors")
