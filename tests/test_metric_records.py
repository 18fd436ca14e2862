"""The metrics' records against the code that computes them, the docs and DVC's plots."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import yaml

from dg.backends import STAND_INS
from dg.metrics import measures, metric
from dg.metrics.metric import METRICS, Metric, printed_in, shown_by_yaw, shown_in
from dg.reports.comparison import columns
from dg.reports.page.tables import cell
from dg.reports.paper import ROWS1, TABLE2, TABLE3, TABLE4

ROOT = Path(__file__).parent.parent


def test_every_metric_is_computed_and_every_computed_one_has_a_record():
    for_each_pair = {one.key for one in METRICS if one.interval == "people"}
    assert for_each_pair == set(measures.PER_PAIR)
    shares = {one.key for one in METRICS if one.interval == "shares"}
    assert shares == set(measures.PER_SHARE)
    assert {one.key for one in METRICS} - for_each_pair - shares == set(measures.PER_SET)


def test_no_field_of_a_record_may_be_forgotten():
    whole = {field.name: getattr(METRICS[0], field.name) for field in dataclasses.fields(Metric)}
    for name in whole:
        with pytest.raises(TypeError, match=name):
            Metric(**{key: value for key, value in whole.items() if key != name})


def test_only_what_has_a_value_for_each_pair_is_shown_by_yaw():
    assert shown_by_yaw() and all(one.interval in ("people", "shares") for one in shown_by_yaw())


@pytest.mark.parametrize(("table", "of_paper"), [("table2", TABLE2), ("table3", TABLE3), ("table4", TABLE4["RaFD"])])
def test_the_paper_prints_what_the_records_say(table, of_paper):
    scores = next(iter(of_paper.values()))
    assert [one.key for one in printed_in(table)] == list(scores._fields)
    assert set(printed_in(table)) <= set(shown_in(table))


def test_table_1_shows_ace_with_the_spread_that_the_paper_prints():
    assert [(one.key, one.pictures_std) for one in shown_in("table1")] == [("ace", True)] and ROWS1
    assert printed_in("table1") == shown_in("table1")


def test_numbers_are_printed_with_their_digits_signs_and_gaps():
    fid = metric.metric("fid")
    assert [fid.text(12.345), fid.text(12.345, "+"), fid.text(math.nan)] == ["12.3", "+12.3", "–"]
    assert (fid.heading, fid.heading_with_unit, fid.sign) == ("FID ↓", "FID ↓", -1)
    assert metric.metric("ace").heading_with_unit == "ACE ↓ (pixels at 256)"


def test_a_metric_without_a_direction_has_no_arrow_and_no_verdict():
    neither = dataclasses.replace(metric.metric("csim"), better="none")
    assert (neither.heading, neither.sign) == ("CSIM", 0)
    row = {"csim": 0.9, "csim_low": 0.8, "csim_high": 0.95, "paper_csim": 0.5}
    assert cell(row, neither, quoted=False).verdict == ""
    assert cell(row, metric.metric("csim"), quoted=False).verdict == "better"


@pytest.mark.parametrize(("backend", "verdict"), [("arcface", "better"), ("sface", ""), ("dlib", "")])
def test_only_the_papers_network_says_better_or_worse(backend, verdict):
    row = {"csim": 0.9, "csim_low": 0.8, "csim_high": 0.95, "paper_csim": 0.5, "csim_backend": backend}
    found = cell(row, metric.metric("csim"), quoted=False)
    assert (found.verdict, found.difference) == (verdict, "+0.400")


def test_every_network_is_a_column_of_the_tables():
    roles = {one.role for one in METRICS} - {""}
    assert roles <= {name.removesuffix("_backend") for name in columns("table4")} & STAND_INS.keys()


def test_docs_describe_every_metric_as_its_record_does():
    rows = [line.split(" | ") for line in (ROOT / "docs/metrics.md").read_text(encoding="utf-8").splitlines()]
    described = {row[0].removeprefix("| "): row[1:] for row in rows if row[0].startswith("| ")}
    compared = {"source": "source", "truth": "ground truth", "reference": "reference", "set": "all results"}
    for one in METRICS:
        compares, computed, _ = described[one.heading]
        assert compared[one.compares] in compares, one.key
        assert one.key == "ace" or one.unit in computed, one.key


def test_dvcs_plots_show_metrics_where_the_records_do():
    plots = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
    plots = {title: plot for entry in plots if isinstance(entry, dict) for title, plot in entry.items()}
    bars = {title: plot["x"] for title, plot in plots.items() if plot.get("template") == "bar_horizontal"}
    tables = {"Table 1": "table1", "Table 2": "table2", "Tables 3 and 4": "table4"}
    assert bars == {f"{words}, {one.title}": one.key for words, table in tables.items() for one in printed_in(table)}
    by_yaw = [(title, *plot["y"].values()) for title, plot in plots.items() if "by yaw" in title]
    for title, key in by_yaw:
        assert metric.metric(key).by_yaw and f", {metric.metric(key).title} by yaw" in title
    assert len(by_yaw) == 9
