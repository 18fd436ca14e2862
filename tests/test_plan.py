import base64
import json
import os
import sys
from pathlib import Path

import pandas as pd
import pytest

from dg import plan as planning
from dg.errors import DgError
from dg.plan import plan, recorded_seconds


def record(folder, output, rule, start, end):
    path = folder / base64.b64encode(output.encode(), altchars=b"-_").decode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"rule": rule, "starttime": start, "endtime": end}))


def test_the_time_of_a_job_is_the_mean_of_its_kind_and_outputs_of_one_job_count_once(tmp_path):
    record(tmp_path, "results/rfg_self/dg/joint.safetensors", "rfg_self", 100, 400)
    record(tmp_path, "results/ablations/rfg_self/table2-bl-0/x.safetensors", "rfg_self", 0, 50)
    record(tmp_path, "results/ablations/rfg_self/table2-id-0/x.safetensors", "rfg_self", 0, 70)
    for end in ("json", "parquet"):
        record(tmp_path, f"results/evaluate/dg/RaFD/dg.{end}", "evaluate", 0, 10)
    record(tmp_path, "results/evaluate/dg/MPIE/dg.json", "evaluate", 0, 20)
    record(tmp_path, "results/evaluate/dg/VoxCeleb1/dg.arrow", "reenact", 0, 99)
    record(tmp_path, "results/never_ended", "reenact", 0, None)
    assert recorded_seconds(tmp_path) == {
        "rfg_self": 300, "rfg_self, ablation": 60, "evaluate": 15, "reenact, VoxCeleb1": 99,
    }  # fmt: skip
    assert recorded_seconds(tmp_path / "none") == {}


def test_the_plan_counts_jobs_side_by_side_and_says_what_was_never_measured(tmp_path, monkeypatch):
    jobs = [("evaluate", f"results/evaluate/dg/RaFD/{k}") for k in range(4)] + [
        ("rfg_self", "results/rfg_self/dg/x")
    ] * 2
    monkeypatch.setattr(planning, "planned_jobs", lambda targets: [*jobs, ("brew", "results/tea")])
    monkeypatch.setattr(planning, "recorded_seconds", lambda records: {"evaluate": 90.0})
    monkeypatch.setattr(planning.os, "cpu_count", lambda: 2)
    shipped = tmp_path / "seconds.csv"
    shipped.write_text("job,seconds,all_cores\nrfg_self,240,True\nevaluate,1,False\n")
    monkeypatch.setattr(planning, "MEASURED", shipped)
    said = plan(["all"])
    # 4 evaluations of 90 s on two cores, 2 trainings of 240 s one after the other: 180 + 480 s.
    assert said.endswith("7 jobs, about 11 minutes; not counted, as never measured: brew.")
    assert [line.split()[0] for line in said.splitlines()[1:4]] == ["evaluate", "rfg_self", "brew"]
    monkeypatch.setattr(planning, "planned_jobs", lambda targets: [])
    assert plan(["all"]) == "Nothing to be done: everything is there."


def test_targets_that_snakemake_refuses_are_said(monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(DgError, match=r"results/table9\.csv: Snakemake refuses:\n(.|\n)*table9"):
        plan(["results/table9.csv"])


def test_the_shipped_times_are_read():
    shipped = pd.read_csv(planning.MEASURED).set_index("job")
    assert (shipped["seconds"] > 0).all() and shipped["all_cores"].dtype == bool
    assert {"synthface", "rfg_self", "rfg_self, ablation", "evaluate"} <= set(shipped.index)
