"""What Snakemake runs once everything is made and a row of `ablations` comes, goes or gets another name.

Files are made by a stand-in for the steps, in a repository of its own: what is tested is which jobs there are.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from dg.networks import TRAININGS
from tests.scales import values_at

ROOT = Path(__file__).resolve().parent.parent
TARGETS = ("tables_1_and_2", "figure_6_models", "tables_3_and_4")
# Makes what stands after --out, and all else that the steps leave beside it.
STAND_IN = """#!/bin/sh
verb=$3
while [ "$1" != --out ]; do shift; done
case "$2" in
  *.safetensors)
    base=${2%.safetensors}
    mkdir -p "${base}_samples"
    echo "$verb" > "$2"
    touch "$base.losses.csv" "${base}_samples/1.png" ;;
  results/table*)
    base=${2%.csv}
    mkdir -p results/headlines
    for end in csv md tex json; do touch "$base.$end"; done
    touch "results/headlines/${base#results/}.json" ;;
  *.*) for end in csv md tex json parquet arrow; do touch "${2%.*}.$end"; done; touch "$2" ;;
  *) mkdir -p "$2"; touch "$2/index.parquet" ;;
esac
"""


# A network of another method: one training, for tests of both phases, that runs DG's IDSG.
RECORD = """
TRAININGS["toy"] = Training(
    rule="toy", network="toy", phase="self", step="rfg", which={"phase": "self"}, runs={"idsg": "idsg_cross"}
)
NETWORKS = (*NETWORKS, "toy")
"""


class Project:
    """A copy of this working tree at scale tiny."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if name.startswith(("Snakefile", "workflow", "dg/", "profiles")) and (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        tools = folder / "tools"
        tools.mkdir()
        (tools / "python").write_text(STAND_IN, encoding="utf-8")
        (tools / "python").chmod(0o755)
        self.values = values_at("tiny")
        self.values["methods"] = {}
        self.values["ablations"] = {
            "table1": {"bl": {"lambda_a": 0, "lambda_vls": 0}, "a": {"lambda_vls": 0}},
            "table2": {"lm": {"lambda_ds": 0}},
            "figure6": {"large_pose": {"train_on": ["VoxCeleb1", "MPIE"]}},
            "claims": {},
        }
        self.values["scales"]["tiny"]["tables"]["seeds"] = 1
        for dataset in self.values["datasets"].values():
            dataset["shards"] = 1

    def snakemake(self, *words: str) -> str:
        (self.folder / "params.yaml").write_text(yaml.safe_dump(self.values, sort_keys=False), encoding="utf-8")
        path = [str(self.folder / "tools"), str(Path(sys.executable).parent), os.environ["PATH"]]
        done = subprocess.run(
            [sys.executable, "-m", "snakemake", "--cores", "2", *words, "--", *TARGETS],
            cwd=self.folder, env={**os.environ, "PATH": os.pathsep.join(path), "DVC_STAGE": "-"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-5000:]
        return done.stdout

    def make(self) -> None:
        self.snakemake("--quiet", "rules")

    def planned(self) -> set[str]:
        """The first output of every job that Snakemake would run."""
        return {line.split(",")[0] for line in re.findall(r"    output: (.*)", self.snakemake("--dry-run"))}

    def checkpoints(self) -> dict[str, str]:
        """Checkpoint -> variants that use it, as the index says."""
        table = pd.read_csv(self.folder / "results/ablations/checkpoints.csv")
        return dict(zip(table["checkpoint"], table["variants"]))


TABLE1 = {"results/table1.csv", "results/ablations/checkpoints.csv"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("rows"))
    made.make()
    assert made.planned() == set()
    return made


def test_the_index_names_the_checkpoints_that_are_there_and_their_variants(project):
    listed = project.checkpoints()
    there = {
        str(path.relative_to(project.folder)) for path in project.folder.glob("results/ablations/**/*.safetensors")
    }
    assert set(listed) == there
    # The IDSG of Table 1's last row is that of Table 2, whose rows don't change it.
    assert "table1-dg-0 table2-lm-0 table2-dg-0" in listed.values()


def test_each_training_runs_the_verb_of_its_record(project):
    for training in TRAININGS.values():
        made = list(project.folder.glob(f"results/**/{training.rule}/*/*.safetensors"))
        assert made and {path.read_text() for path in made} == {f"{training.step}\n"}


def test_a_row_that_comes_goes_and_gets_another_name_runs_its_own_jobs_alone(project):
    rows, before = project.values["ablations"]["table1"], project.checkpoints()
    # First, so that it comes before all rows that share trainings with it.
    project.values["ablations"]["table1"] = {"novls5": {"lambda_vls": 5}, **rows}
    planned = project.planned()
    (net,) = {name for name in planned if name.endswith(".safetensors")}
    assert planned == TABLE1 | {net, "results/ablations/ace/table1-novls5-0/RaFD.json"}
    assert net.startswith("results/ablations/idsg_cross/")
    project.make()
    assert project.checkpoints()[net] == "table1-novls5-0"

    # Another name: its networks stay.
    project.values["ablations"]["table1"] = {"vls5": {"lambda_vls": 5}, **rows}
    assert project.planned() == TABLE1 | {"results/ablations/ace/table1-vls5-0/RaFD.json"}
    project.make()
    assert not (project.folder / "results/ablations/ace/table1-novls5-0").exists()

    # A row whose self phase all others share gets another name too, then all of it is taken back.
    project.values["ablations"]["table1"] = {"vls5": {"lambda_vls": 5}, "b": rows["bl"], "a": rows["a"]}
    assert project.planned() == TABLE1 | {"results/ablations/ace/table1-b-0/RaFD.json"}
    project.values["ablations"]["table1"] = rows
    assert project.planned() == TABLE1
    project.make()
    assert project.planned() == set() and project.checkpoints() == before
    # What no row needs any more is gone.
    assert not (project.folder / net).parent.exists()


def test_a_row_of_table_2_shares_what_it_does_not_change(project):
    project.values["ablations"]["table2"]["ds2"] = {"lambda_ds": 2}
    planned = project.planned()
    nets = sorted(name.split("/")[2] for name in planned if name.endswith(".safetensors"))
    assert nets == ["rfg_cross", "rfg_self"]
    others = {name for name in planned if not name.endswith(".safetensors")}
    tested = "results/ablations/evaluate/table2-ds2-0/RaFD/dg"
    assert others == {
        f"{tested}.arrow", f"{tested}.json", "results/table2.csv", "results/ablations/checkpoints.csv",
    }  # fmt: skip
    del project.values["ablations"]["table2"]["ds2"]
    assert project.planned() == set()


def test_changed_values_of_dg_leave_its_checkpoints_where_they_are(project):
    project.values["lambda_vls"] = 5
    planned = project.planned()
    assert {"results/idsg_cross/dg/joint.safetensors", "results/rfg_cross/dg/joint.safetensors"} < planned
    assert not any(name.startswith(("results/idsg_self", "results/rfg_self", "data")) for name in planned)
    project.values["lambda_vls"] = 10
    assert project.planned() == set()


def test_another_trained_network_takes_a_record_and_a_method_whose_command_names_it(project):
    records = project.folder / "dg/networks.py"
    before = records.read_text(encoding="utf-8")
    records.write_text(before + RECORD, encoding="utf-8")
    mine = {"title": "mine", "tests": ["VoxCeleb1", "RaFD"], "command": "mine {toy} {pairs} {out}"}
    project.values["methods"] = {"mine": mine}
    try:
        planned = project.snakemake("--dry-run", "--printshellcmds")
    finally:
        records.write_text(before, encoding="utf-8")
        project.values["methods"] = {}
    made = {line.split(",")[0] for line in re.findall(r"    output: (.*)", planned)}
    tested = [f"results/evaluate/dg/{test}/mine.{end}" for test in ("VoxCeleb1", "RaFD") for end in ("arrow", "json")]
    assert made == {
        "results/toy/dg/joint.safetensors", *tested, "results/table3.csv", "results/table4.csv", "results/plots",
    }  # fmt: skip
    (train,) = re.findall(r"python -m dg rfg .*", planned)
    assert "--idsg results/idsg_cross/dg/joint.safetensors --out results/toy/dg/joint.safetensors" in train
    assert len(re.findall(r"python -m dg generate .* --toy results/toy/dg/joint\.safetensors", planned)) == 2


def test_a_method_that_is_trained_takes_an_entry_of_params_yaml_alone(project):
    mine = {
        "title": "mine", "tests": ["VoxCeleb1", "RaFD"],
        "train": "fit {data} {out} {seed}", "command": "mine {model} {pairs} {out}",
    }  # fmt: skip
    project.values["methods"] = {"mine": mine}
    try:
        planned = project.snakemake("--dry-run", "--printshellcmds")
        project.make()
        assert project.planned() == set()
        mine["train"] = "fit --longer {data} {out} {seed}"
        again = project.planned()
    finally:
        project.values["methods"] = {}
    made = {line.split(",")[0] for line in re.findall(r"    output: (.*)", planned)}
    tested = [f"results/evaluate/dg/{test}/mine.{end}" for test in ("VoxCeleb1", "RaFD") for end in ("arrow", "json")]
    # Figure 6's model of it and its test, named by the values of its training; and whose they are.
    model, extreme = "results/ablations/methods/mine/", "results/ablations/evaluate/figure6-large_pose-0/Extreme/mine"
    of_figure_6 = {path for path in made if path.startswith("results/ablations/")}
    assert {path.split("mine/")[0] + "mine/" if model in path else path for path in of_figure_6} == {
        model, f"{extreme}.arrow", f"{extreme}.json", "results/ablations/checkpoints.csv",
    }  # fmt: skip
    assert made - of_figure_6 == {path for path in again if not path.startswith("results/ablations/")} == {
        "results/methods/mine/dg/joint", *tested, "results/table3.csv", "results/table4.csv", "results/plots",
    }  # fmt: skip
    (train,) = re.findall(r"python -m dg train_method .* --out results/methods/.*", planned)
    assert "--out results/methods/mine/dg/joint --threads" in train and "results/idsg" not in train
    assert len(re.findall(r"python -m dg generate .* --model results/methods/mine/dg/joint ", planned)) == 2
