"""dvc.yaml: a value that changes what a stage's Snakemake jobs do must make DVC run that stage."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
from pathlib import Path

import pytest
import yaml
from snakemake.api import SnakemakeApi
from snakemake.settings.types import DAGSettings, OutputSettings, ResourceSettings

from tests.mutants import leaves, mutants
from tests.scales import values_at

pytestmark = pytest.mark.usefixtures("any_machine")
ROOT = Path(__file__).parent.parent
VALUES = values_at()
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
MAKERS = {
    name: {path for out in [*stage.get("outs", []), *stage.get("metrics", [])] for path in out}
    for name, stage in STAGES.items()
    if "outs" in stage
}
"""The files and folders that each stage records."""
# So that the detector has something to do, and networks may have any size.
VALUES["datasets"]["synth_vox"]["crop"] = "detect"
for _network in ("idsg", "rfg"):
    VALUES["scales"][VALUES["scale"]][_network]["init"] = "scratch"
# Of the blocks that people name, one for all.
UNUSED = {("datasets", name) for name in VALUES["datasets"] if name != "synth_vox"}
UNUSED |= {("methods", name) for name in VALUES["methods"] if name != "rfg_alone"}
UNUSED |= {("presets", name) for name in VALUES["presets"] if name != VALUES["preset"]}
OF_THE_SCALE = [
    ("image_size",), ("image_format",), ("idsg", "batch"), ("idsg", "cross_steps"), ("rfg", "self_steps"),
    ("rfg", "channels"), ("protocols", "references"), ("fine_tune", "steps"), ("fine_tune", "frames"),
    ("tables", "seeds"), ("tables", "figure6"), ("synthface", "synth_rafd", "people"),
]  # fmt: skip


BLOCKS = ("ablations", "presets")
"""Blocks of rows and of overrides: each is one key here."""
KEYS = [path for path in leaves(VALUES, BLOCKS) if path[0] != "scales" and path[:2] not in UNUSED]
KEYS += [("scales", VALUES["scale"], *path) for path in OF_THE_SCALE]


def planned(values, folder):
    """What Snakemake would run to make everything: outputs of a job -> its inputs and its command with the settings."""
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    said = io.StringIO()
    with contextlib.redirect_stderr(said), SnakemakeApi(OutputSettings(printshellcmds=True)) as api:
        workflow = api.workflow(ResourceSettings(cores=2), snakefile=ROOT / "Snakefile", workdir=folder)
        workflow.dag(DAGSettings(targets={"all"})).execute_workflow(executor="dryrun")
    jobs = {}
    for block in re.split("(?m)^rule ", said.getvalue()):
        told, _, command = block.partition("Shell command:")
        facts = dict(re.findall(r"(?m)^    (input|output): (.+)$", told))
        if "output" in facts:
            jobs[facts["output"]] = facts.get("input"), command.rpartition("\n[")[0]  # the next job's date follows
    return jobs


def stages_of(outputs):
    """The stages that record one of a job's outputs, written as Snakemake lists them."""
    made = {str(path) for output in outputs.split(", ") for path in [Path(output), *Path(output).parents]}
    return {stage for stage, recorded in MAKERS.items() if made & {path.removeprefix("made/") for path in recorded}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = Path.cwd()
    yield tmp_path_factory.mktemp("planned")
    os.chdir(here)  # Snakemake goes to its folder and stays there


@pytest.fixture(scope="module")
def shipped(folder):
    jobs = planned(VALUES, folder)
    assert len(jobs) > 100 and set().union(*map(stages_of, jobs)) == set(MAKERS) - {"provenance"}
    return jobs


def upstream(stage):
    """The stages on whose outputs `stage` depends, itself among them."""
    found = {stage}
    for name in itertools.chain.from_iterable(itertools.repeat(list(MAKERS), len(MAKERS))):
        if any(MAKERS[name] & set(STAGES[one].get("deps", [])) for one in found):
            found.add(name)
    return found


@pytest.mark.parametrize("path", KEYS, ids=".".join)
def test_a_changed_key_runs_every_stage_whose_jobs_it_changes(path, shipped, folder):
    changed = set()
    for values in mutants(VALUES, path):
        jobs = planned(values, folder)
        differing = [outputs for outputs in {**shipped, **jobs} if jobs.get(outputs) != shipped.get(outputs)]
        changed = set().union(*map(stages_of, differing))
        if changed:  # not so, where "auto" finds just what is asked for here
            break
    assert changed, "no job sees this key"
    declaring = {stage for stage in changed if path[0] in STAGES[stage]["params"]}
    for stage in changed:
        assert upstream(stage) & declaring, f"dvc.yaml: stage {stage} must list {path[0]} among its params"


def test_every_stage_that_runs_snakemake_watches_the_rules():
    for name, stage in STAGES.items():
        if stage["cmd"].startswith("snakemake"):
            assert {"Snakefile", "workflow/rules"} <= set(stage["deps"]), name
