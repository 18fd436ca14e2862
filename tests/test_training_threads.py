"""How many threads Snakemake gives a training on pictures, where there is no GPU."""

from __future__ import annotations

import pytest

from tests.finished import planned
from tests.scales import values_at


def threads(folder, target, cores):
    """Of each training's rule on pictures that `target` asks for, those of Tables 3 and 4."""
    jobs = planned(values_at("sample"), folder, target, cores).jobs
    wide = ("rfg_self", "rfg_cross", "train_fom")
    return {job.rule.name: job.threads for job in jobs if job.rule.name in wide and not job.wildcards.ablations}


@pytest.mark.parametrize("cores", [2, 8])
def test_dg_and_its_rival_train_side_by_side(tmp_path, cores):
    half = cores // 2
    assert threads(tmp_path, "results/table4.csv", cores) == {
        "rfg_self": half, "rfg_cross": half, "train_fom": half,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stage", "rules"),
    [("rfg_self_models", {"rfg_self"}), ("rfg_cross_models", {"rfg_self", "rfg_cross"}),
     ("results/methods/models.csv", {"train_fom"})],
)  # fmt: skip
def test_a_dvc_stage_that_is_one_training_has_all_cores(tmp_path, stage, rules):
    assert threads(tmp_path, stage, 8) == dict.fromkeys(rules, 8)


def test_more_trainings_than_cores_have_one_each(tmp_path):
    values = values_at("sample")
    values["scales"]["sample"]["tables"]["comparison_seeds"] = 3
    jobs = planned(values, tmp_path, "results/table4.csv", 4).jobs
    assert [job.threads for job in jobs if job.rule.name in ("rfg_self", "train_fom")] == [1] * 6


def test_one_core_is_one_thread(tmp_path):
    assert set(threads(tmp_path, "results/table4.csv", 1).values()) == {1}
