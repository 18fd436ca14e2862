"""What DVC runs where a value changes: the jobs that tests/keys.yaml says, though stand-ins for them.

A handful of keys in the workspace, in folders of their own and in the queue, half an hour:
DG_SLOW=1 pytest -p no:logging tests/test_experiments.py
"""

from __future__ import annotations

import copy
import os
import re
import shutil
import sys

import pytest
import yaml

from dg.params import validate
from tests.finished import finish, planned
from tests.flow import places
from tests.keys import KEYS, VALUES, meant, with_changed
from tests.mutants import value_at
from tests.scales import ROOT
from tests.stand_ins import StandIns
from tests.waiting import wait_for

pytestmark = pytest.mark.usefixtures("any_machine")
QUICK = "methods.source_unchanged.title"
HANDFUL = [
    QUICK, "landmarks.detector_weights", "methods.rfg_alone.tests", "metrics.csim", "lambda_vls", "rfg.upsampling",
    "seed",
] if "DG_SLOW" in os.environ else [QUICK]  # fmt: skip
"""`seed` last: it renders the pictures of SynthFace anew, which DVC doesn't version."""
MODES = ("workspace", "temp", "queue") if "DG_SLOW" in os.environ else ("workspace",)


def few(values):
    """`values` with few jobs at each place."""
    values = copy.deepcopy(values)
    for entry in values["datasets"].values():
        entry["shards"] = 1
    values["scales"]["sample"]["tables"]["seeds"] = 1
    return values


def word(key):
    """The change of a key as `dvc exp run --set-param` takes it."""
    value = value_at(with_changed(key), KEYS[key])
    return f"{key}=[{','.join(value)}]" if isinstance(value, list) else f"{key}={value}"


def name(key, mode):
    return f"{key.replace('.', '-')}-{mode}"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Everything made, recorded and committed."""
    root = tmp_path_factory.mktemp("experiments")
    project = StandIns(root, few(VALUES))
    finish(few(VALUES), project.folder)
    project(sys.executable, "-m", "dg", "record")
    project("git", "add", "--all")
    project("git", "commit", "--quiet", "--message", "Baseline")
    yield project
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def experiments(project):
    """What `found` says of each experiment, by key and mode."""
    made = {}
    for key in HANDFUL:
        said = start(project, key, "workspace")
        made[key, "workspace"] = found(project, key, "workspace", said)
        project("git", "checkout", "--quiet", "--force", "HEAD")
        project("dvc", "checkout", "--force")
    for key in HANDFUL if "temp" in MODES else ():
        made[key, "temp"] = found(project, key, "temp", start(project, key, "temp", "--temp"))
    if "queue" in MODES:
        for key in HANDFUL:
            start(project, key, "queue", "--queue")
        project("dvc", "queue", "start", "--jobs", "2")
        try:
            wait_for(lambda: queue_is_through(project), 7200, "the queue ends", 5)
        finally:
            project("dvc", "queue", "stop", "--kill")
        said = project("dvc", "queue", "status")
        made |= {(key, "queue"): found(project, key, "queue", said) for key in HANDFUL}
    return made


def queue_is_through(project):
    return not re.search("Queued|Running", project("dvc", "queue", "status"))


def start(project, key, mode, *options):
    return project("dvc", "exp", "run", *options, "--set-param", word(key), "--name", name(key, mode), check=False)


def found(project, key, mode, said):
    """The values of an experiment, the jobs that it ran, and the digest of each thing that it made.

    `said`: what to show where it failed.
    """
    listed = project("git", "for-each-ref", "--format=%(refname)", "refs/exps").split()
    refs = [ref for ref in listed if ref.endswith(f"/{name(key, mode)}")]
    assert len(refs) == 1, said
    values = project("git", "show", f"{refs[0]}:params.yaml")
    made = yaml.safe_load(project("git", "show", f"{refs[0]}:results.dvc"))["outs"]
    digests = {out["path"]: out.get("md5") for out in made if not out["path"].startswith(".snakemake")}
    return values, project.ran(values), digests


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("key", HANDFUL)
def test_dvc_runs_what_depends_on_a_key(key, mode, experiments, tmp_path):
    values, ran, digests = experiments[key, mode]
    assert yaml.safe_load(values) == few(with_changed(key))
    chosen = validate(few(with_changed(key)), "params.yaml")
    for folder in ("profiles", "dg"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    jobs = {str(job.output[0]): job for job in planned(few(with_changed(key)), tmp_path).jobs if job.output}
    wanted = meant(key, chosen, jobs.values())
    # A folder of its own has no raw pictures: those that are cut again are rendered first.
    if mode != "workspace" and (cut := {place for rule, place in wanted if rule == "frames"}):
        wanted |= {("head", ""), *(("synthface", place) for place in cut)}
    assert len(ran) == len(set(ran)), "twice"
    did = places([jobs[output] for output in ran], chosen)
    assert sorted(did - wanted) == [], "too much"
    assert sorted(wanted - did) == [], "too little"
    # The workspace's head is an empty file of `finish`, so what is rendered from it there differs.
    rendered = mode != "workspace" and ("head", "") in wanted
    assert len(digests) > 10 and (rendered or digests == experiments[key, "workspace"][2])
