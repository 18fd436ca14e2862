import base64
import json
import os
import sys
from pathlib import Path

import pandas as pd
import pytest

from dg import plan as planning
from dg.errors import DgError
from dg.params import validate
from dg.plan import plan, recorded_jobs, recorded_seconds
from dg.settings import step_settings
from tests.scales import values_at

NETWORKS = [f"results/{rule}/dg/joint.safetensors" for rule in ("idsg_cross", "rfg_cross")]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with nothing but records, and a function that puts one there as Snakemake does, with its file."""
    monkeypatch.chdir(tmp_path)

    def record(output, rule, start, end, settings=None, inputs=(), there=True):
        path = tmp_path / "records" / base64.b64encode(output.encode(), altchars=b"-_").decode()
        path.parent.mkdir(parents=True, exist_ok=True)
        # As Snakemake keeps them.
        params = sorted(map(repr, ["--rfg results/x.safetensors", ["a"], json.dumps(settings)])) if settings else []
        kept = {"rule": rule, "params": params, "input": list(inputs), "starttime": start, "endtime": end}
        path.write_text(json.dumps(kept))
        if there:
            Path(output).parent.mkdir(parents=True, exist_ok=True)
            Path(output).touch()

    return record


def of_scale(scale="sample", **changed):
    return validate(values_at(scale) | changed, "params.yaml")


def test_the_time_of_a_job_is_the_mean_of_its_kind_and_outputs_of_one_job_count_once(project):
    p = of_scale()

    def train(output, variant, start, end):
        project(output, "rfg_self", start, end, step_settings(p, "rfg", variant, phase="self"))

    train("results/rfg_self/dg/joint.safetensors", "dg", 100, 400)
    train("results/ablations/rfg_self/table2-bl-0/x.safetensors", "table2-bl-0", 0, 50)
    train("results/ablations/rfg_self/table2-id-0/x.safetensors", "table2-id-0", 0, 70)
    for end in ("json", "parquet"):
        project(f"results/evaluate/dg/RaFD/dg.{end}", "evaluate", 0, 10)
    project("results/evaluate/dg/MPIE/dg.json", "evaluate", 0, 20)
    tuned = step_settings(p, "reenact", benchmark="VoxCeleb1", method="dg") | {"quoted": "it's"}
    project("results/evaluate/dg/VoxCeleb1/dg.arrow", "reenact", 0, 99, tuned)
    project("results/never_ended", "ace", 0, None)
    project("results/gone", "figure", 0, 5, there=False)
    assert recorded_seconds(Path("records"), p) == {
        "rfg_self": 300, "rfg_self, ablation": 60, "evaluate": 15, "reenact, VoxCeleb1": 99,
    }  # fmt: skip
    assert recorded_seconds(Path("none"), p) == {}
    # The page counts jobs of whatever sizes.
    jobs = recorded_jobs(Path("records"))
    assert len(jobs) == 6 and jobs["reenact", "results/evaluate/dg/VoxCeleb1/dg"].end == 99


def test_runs_of_other_sizes_tell_nothing(project):
    sample = of_scale()
    frames, pairs = "data/sets/synth_rafd/frames/0.arrow", "data/sets/synth_rafd/pairs/RaFD.parquet"
    project(frames, "frames", 0, 1, step_settings(sample, "frames", dataset="synth_rafd"))
    project(pairs, "pairs", 2, 3, step_settings(sample, "pairs", benchmark="RaFD"), [frames])
    for path, step, rule in zip(NETWORKS, ("idsg", "rfg"), ("idsg_cross", "rfg_cross")):
        project(path, rule, 4, 14, step_settings(sample, step, phase="cross"), [frames])
    project("results/evaluate/dg/RaFD/dg.json", "evaluate", 20, 25, {"benchmark": "RaFD"}, [pairs, frames, *NETWORKS])
    project("results/evaluate/dg/RaFD/x.json", "evaluate", 20, 25, {}, [pairs])
    here = {"frames": 1, "pairs": 1, "idsg_cross": 10, "rfg_cross": 10, "evaluate": 5}
    assert recorded_seconds(Path("records"), sample) == here
    for scale in ("hour", "tiny", "paper"):
        found = recorded_seconds(Path("records"), of_scale(scale))
        assert found == ({"frames": 1} if scale == "hour" else {})
    # What says nothing of sizes: a loss's weight.
    assert recorded_seconds(Path("records"), of_scale(lambda_vls=1, lambda_id=2)) == here
    # The network made again leaves evaluations as long as they were; the pairs made again may not.
    project(NETWORKS[0], "idsg_cross", 40, 50, step_settings(sample, "idsg", phase="cross"), [frames])
    assert recorded_seconds(Path("records"), sample) == here
    project(pairs, "pairs", 30, 31, step_settings(sample, "pairs", benchmark="RaFD"), [frames])
    assert "evaluate" not in recorded_seconds(Path("records"), sample)


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
        monkeypatch.setattr(planning, "recorded_seconds", lambda records, params: here)
        return plan(["all"])

    return of


def test_the_plan_counts_jobs_side_by_side_and_says_what_was_never_measured(planned, monkeypatch):
    said = planned("sample", {"evaluate": 90.0})
    # 4 evaluations of 90 s on two cores, 2 trainings of 240 s one after the other: 180 + 480 s.
    assert said.endswith("7 jobs, about 11 minutes; not counted, as never measured at scale 'sample': brew.")
    assert [line.split()[0] for line in said.splitlines()[1:4]] == ["evaluate", "rfg_self", "brew"]
    monkeypatch.setattr(planning, "planned_jobs", lambda targets: [])
    assert planned("sample", {}) == "Nothing to be done: everything is there."


def test_the_shipped_times_are_those_of_scale_sample_alone(planned):
    said = planned("paper", {})
    assert said.endswith(
        "7 jobs; no estimate for scale 'paper': seconds.csv holds times of scale sample, and this machine has no "
        "records of these sizes."
    )
    assert [line.split() for line in said.splitlines()[1:4]] == [
        [job, count, "?", "nowhere"] for job, count in (("evaluate", "4"), ("rfg_self", "2"), ("brew", "1"))
    ]
    said = planned("paper", {"evaluate": 90.0})
    assert said.endswith("about 3 minutes; not counted, as never measured at scale 'paper': rfg_self; brew.")


def test_targets_that_snakemake_refuses_are_said(monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(DgError, match=r"results/table9\.csv: Snakemake refuses:\n(.|\n)*table9"):
        plan(["results/table9.csv"])


def test_the_shipped_times_are_read():
    shipped = pd.read_csv(planning.MEASURED).set_index("job")
    assert (shipped["seconds"] > 0).all() and shipped["all_cores"].dtype == bool
    assert {"synthface", "rfg_self", "rfg_self, ablation", "evaluate"} <= set(shipped.index)
