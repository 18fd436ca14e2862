import dataclasses
import os
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

from dg import plan as planning
from dg.errors import DgError
from dg.networks import TRAININGS
from dg.params import validate
from dg.plan import MEASURED, SIZED, measured_seconds, plan
from dg.steps.registry import step_settings
from dg.timings import TIMES, Timing, read_timings
from measurements.job_times import with_times
from tests.prepared import took
from tests.scales import ROOT, values_at

NETWORKS = [f"results/{rule}/dg/joint.safetensors" for rule in ("idsg_cross", "rfg_cross")]


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A folder of no other files."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def of_scale(scale="sample", **changed):
    return validate(values_at(scale) | changed, "params.yaml")


def ran(p, output, rule, start, end, inputs=(), **which):
    """A job of `rule` on `which`, told what it would be told with the values `p`."""
    if rule in TRAININGS:
        step, about = TRAININGS[rule].step, TRAININGS[rule].which
    else:
        step, *names = SIZED.get(rule, ("",))
        about = {name: which[name] for name in names}
    settings = step_settings(p, step, which.get("variant", "dg"), **about) if step else None
    params = {"job": settings.job() if settings else "{}", "start": "--rfg results/x.safetensors"}
    took(output, rule, start, end, wildcards=which, params=params, input_size_mb=dict.fromkeys(inputs, 1.0))


@pytest.mark.usefixtures("alone")
def test_the_time_of_a_job_is_the_mean_of_its_kind():
    p = of_scale()
    ran(p, "results/rfg_self/dg/joint.safetensors", "rfg_self", 100, 400, variant="dg")
    for row, end in (("bl", 50), ("id", 70)):
        output = f"results/ablations/rfg_self/table2-{row}-0/x.safetensors"
        ran(p, output, "rfg_self", 0, end, variant=f"table2-{row}-0")
    ran(p, "results/evaluate/dg/RaFD/dg.json", "evaluate", 0, 10)
    ran(p, "results/evaluate/dg/MPIE/dg.json", "evaluate", 0, 20)
    ran(p, "results/evaluate/dg/VoxCeleb1/dg.arrow", "generate", 0, 99, test="VoxCeleb1", method="dg")
    took("results/gone", "figure", 0, 5, there=False)
    assert measured_seconds(read_timings(), p) == {
        "rfg_self": 300, "rfg_self, ablation": 60, "evaluate": 15, "generate, VoxCeleb1": 99,
    }  # fmt: skip
    assert measured_seconds({}, p) == {}


@pytest.mark.usefixtures("alone")
def test_times_of_other_sizes_tell_nothing():
    sample = of_scale()
    frames, pairs = "data/sets/synth_rafd/frames/0.arrow", "data/sets/synth_rafd/pairs/RaFD.parquet"
    ran(sample, frames, "frames", 0, 1, dataset="synth_rafd")
    ran(sample, pairs, "pairs", 2, 3, [frames], test="RaFD")
    for path, rule in zip(NETWORKS, ("idsg_cross", "rfg_cross")):
        ran(sample, path, rule, 4, 14, [frames])
    ran(sample, "results/evaluate/dg/RaFD/dg.json", "evaluate", 20, 25, [pairs, frames, *NETWORKS])
    ran(sample, "results/evaluate/dg/RaFD/x.json", "evaluate", 20, 25, [pairs])
    here = {"frames": 1, "pairs": 1, "idsg_cross": 10, "rfg_cross": 10, "evaluate": 5}

    def measured(p):
        return measured_seconds(read_timings(), p)

    assert measured(sample) == here
    for scale in ("hour", "tiny", "paper"):
        assert measured(of_scale(scale)) == ({"frames": 1} if scale == "hour" else {})
    # What says nothing of sizes: a loss's weight.
    assert measured(of_scale(lambda_vls=1, lambda_id=2)) == here
    # The network made again leaves evaluations as long as they were; the pairs made again may not.
    ran(sample, NETWORKS[0], "idsg_cross", 40, 50, [frames])
    assert measured(sample) == here
    ran(sample, pairs, "pairs", 30, 31, [frames], test="RaFD")
    assert "evaluate" not in measured(sample)


@pytest.mark.usefixtures("alone")
def test_the_time_that_a_killed_snakemake_was_writing_is_none():
    took("data/sets/a/frames/0.arrow", "frames", 0, 1)
    took("data/sets/a/frames/1.arrow", "frames", 0, 1)
    (TIMES / "data/sets/a/frames/1.arrow.jsonl").write_text('{"rule_na')
    assert list(read_timings()) == ["data/sets/a/frames/0.arrow"]


def test_every_rule_of_all_has_a_shipped_time():
    rules = re.findall(r"(?m)^rule (\w+):\n(?:    .*\n|\n)*?    output:", _rules("bundled.smk"))
    wanted = {*rules, *TRAININGS, *(f"train_{name}" for name, method in of_scale().methods.items() if method.train)}
    told = pd.read_csv(ROOT / MEASURED)
    assert len(rules) > 20 and wanted == {job.removesuffix(", ablation").split(", ")[0] for job in told["job"]}
    assert (told["seconds"] > 0).all() and told["job"].is_unique


def _rules(*left_out):
    files = sorted((ROOT / "workflow/rules").glob("*.smk"))
    return "".join(file.read_text(encoding="utf-8") for file in files if file.name not in left_out)


def test_shipped_times_are_renewed_where_a_kind_of_job_ran():
    shipped = pd.DataFrame({"job": ["figure", "rfg_self"], "seconds": [1.0, 2.0], "all_cores": [False, False]})
    timing = Timing("rfg_self", {}, {}, [], threads=2, seconds=7.06, end=0, memory=None)
    timings = {
        "results/rfg_self/dg/x": timing,
        "results/ablations/rfg_self/y/x": dataclasses.replace(timing, threads=1),
    }
    made = with_times(shipped, timings, {"rfg_self": 7.06, "rfg_self, ablation": 9.0})
    assert made.to_csv(index=False).splitlines() == [
        "job,seconds,all_cores", "figure,1.0,False", "rfg_self,7.1,True", '"rfg_self, ablation",9.0,False',
    ]  # fmt: skip


@pytest.mark.usefixtures("alone")
def test_a_training_of_sizes_that_no_variant_has_any_more_tells_nothing():
    none = {"table1": {}, "table2": {}, "figure6": {}, "claims": {}}
    mine = of_scale(ablations=none | {"table2": {"mine": {"sizes.rfg.self_steps": 7}}})
    ran(mine, "results/ablations/rfg_self/0123456789abcdef/x.safetensors", "rfg_self", 0, 9, variant="table2-mine-0")
    assert measured_seconds(read_timings(), mine) == {"rfg_self, ablation": 9}
    without = of_scale(ablations=none)
    assert measured_seconds(read_timings(), without) == {}


@pytest.mark.usefixtures("alone")
def test_a_job_that_was_told_of_its_work_in_other_words_tells_nothing():
    took("data/sets/synth_rafd/pairs/RaFD.parquet", "pairs", 2, 3, wildcards={"benchmark": "RaFD"})
    assert measured_seconds(read_timings(), of_scale()) == {}


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """plan() of some jobs at a scale, with records and shipped times made up."""
    jobs = [("evaluate", f"results/evaluate/dg/RaFD/{k}") for k in range(4)] + [
        ("rfg_self", "results/rfg_self/dg/x")
    ] * 2
    monkeypatch.setattr(planning, "planned_jobs", lambda targets: [*jobs, ("brew", "results/tea")])
    monkeypatch.setattr(planning.os, "cpu_count", lambda: 2)
    shipped = tmp_path / "seconds.csv"
    shipped.write_text("job,seconds,all_cores\nrfg_self,240,True\nevaluate,1,False\n")
    monkeypatch.setattr(planning, "MEASURED", shipped)

    def of(scale, here):
        monkeypatch.setattr(planning, "load", lambda: of_scale(scale))
        monkeypatch.setattr(planning, "measured_seconds", lambda timings, params: here)
        return plan(["all"])

    return of


def test_the_plan_counts_jobs_side_by_side_and_says_what_was_never_measured(planned, monkeypatch):
    said = planned("sample", {"evaluate": 90.0})
    # 4 evaluations of 90 s on two cores, 2 trainings of 240 s one after the other: 180 + 480 s.
    assert said.endswith("7 jobs, about 11 minutes; not counted, as never measured at scale 'sample': brew.")
    assert [line.split()[0] for line in said.splitlines()[1:4]] == ["evaluate", "rfg_self", "brew"]
    # One takes as long as it takes, however many cores there are: 480 + 100 s on 8 cores.
    monkeypatch.setattr(planning.os, "cpu_count", lambda: 8)
    assert planned("sample", {"brew": 100.0}).endswith("7 jobs, about 10 minutes.")
    monkeypatch.setattr(planning, "planned_jobs", lambda targets: [])
    assert planned("sample", {}) == "Nothing to be done: everything is there."


def test_the_shipped_times_are_those_of_scale_sample_alone(planned):
    said = planned("paper", {})
    assert said.endswith(
        "7 jobs; no estimate for scale 'paper': seconds.csv holds times of scale sample, and this machine has no "
        "times of these sizes."
    )
    assert [line.split() for line in said.splitlines()[1:4]] == [
        [job, count, "?", "nowhere"] for job, count in (("evaluate", "4"), ("rfg_self", "2"), ("brew", "1"))
    ]
    said = planned("paper", {"evaluate": 90.0})
    assert said.endswith("about 3 minutes; not counted, as never measured at scale 'paper': rfg_self; brew.")


@pytest.fixture
def startable(alone, shipped_file, monkeypatch):
    """That folder with what Snakemake needs to plan."""
    for name in ("Snakefile", "workflow", "profiles", "dg"):
        (alone / name).symlink_to(ROOT / name)
    (alone / "params.yaml").symlink_to(shipped_file)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("startable")
def test_a_job_of_several_outputs_is_planned_once():
    rules = [rule for rule, _ in planning.planned_jobs(["results/table4.csv"])]
    assert rules.count("comparison") == 1 and rules.count("synthface") == 3


@pytest.mark.usefixtures("startable")
def test_targets_that_snakemake_refuses_are_said():
    with pytest.raises(DgError, match=r"results/table9\.csv: Snakemake refuses:\n(.|\n)*table9"):
        plan(["results/table9.csv"])


def test_the_shipped_times_are_read():
    shipped = pd.read_csv(planning.MEASURED).set_index("job")
    assert (shipped["seconds"] > 0).all() and shipped["all_cores"].dtype == bool
    assert {"synthface", "rfg_self", "rfg_self, ablation", "evaluate"} <= set(shipped.index)
