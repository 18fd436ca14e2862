"""The records of tests, tables and figures against the code and the paper's numbers that hang on their keys."""

from __future__ import annotations

from dg import params
from dg.metrics.metric import METRICS, printed_in
from dg.protocols.pairs import RULES
from dg.reports import paper
from dg.study.data import dataset_of, datasets_of, standing_in
from dg.study.figures import FIGURES
from dg.study.tables import ABLATIONS, COMPARISONS, TABLES
from dg.tests import COMPARED, TESTS
from tests.scales import params_at

P = params_at()


def test_every_test_has_a_rule_for_its_pairs():
    assert set(TESTS) == set(RULES)


def test_tests_take_their_pictures_from_the_benchmarks_data_sets():
    assert {test: datasets_of(P, test) for test in ("MPIE", "MPIE_LP", "Extreme")} == {
        "MPIE": ["synth_mpie"],
        "MPIE_LP": ["synth_mpie"],
        "Extreme": ["synth_vox", "synth_mpie"],
    }
    assert dataset_of(P, "Extreme") == "synth_vox"
    assert standing_in(P, "Extreme") == {"VoxCeleb1": "synth_vox", "MPIE": "synth_mpie"}
    assert set().union(*(test.benchmarks for test in TESTS.values())) == set(params.BENCHMARKS)


def test_a_comparison_has_the_papers_tests_in_its_order():
    assert {table: list(TABLES[table].tests) for table in COMPARISONS} == {
        table: list(printed) for table, printed in paper.COMPARISONS.items()
    }
    assert list(COMPARED) == [test for table in COMPARISONS for test in TABLES[table].tests]


def test_the_papers_numbers_are_those_of_the_metrics_that_the_records_name():
    printed = {table: [numbers for _, numbers in rows.values()] for table, rows in paper.ABLATIONS.items()}
    for table, tests in paper.COMPARISONS.items():
        printed[table] = [numbers for methods in tests.values() for numbers in methods.values()]
    assert set(printed) == set(TABLES) == {table for metric in METRICS for table in metric.tables}
    for table, rows in printed.items():
        for numbers in rows:
            assert [name for name in numbers._fields if not name.endswith("_std")] == [
                metric.key for metric in printed_in(table)
            ]


def test_ablations_are_rows_of_params_yaml_on_one_test():
    assert set(ABLATIONS) == set(paper.ABLATIONS) < set(params.ABLATION_TABLES)
    assert all(len(TABLES[table].tests) == 1 and TABLES[table].network for table in ABLATIONS)


def test_a_figure_shows_a_test_that_is_made():
    for figure in FIGURES.values():
        assert figure.test in COMPARED or figure.rows == "variants"
        assert (figure.rows == "variants") == (figure.key in params.ABLATION_TABLES)
