"""For every key of params.yaml: a change reruns what tests/keys.yaml says, and no job more.

All keys, in about two minutes of CPU: DG_ALL_KEYS=1 pytest -p no:logging tests/test_keys.py
"""

from __future__ import annotations

import os
import random
import shutil
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from dg import params
from tests.finished import finish, planned, reruns
from tests.flow import Flow, places
from tests.mutants import changed, is_valid, leaves, mutants, value_at
from tests.scales import ROOT, values_at

VALUES = values_at()
for _network in ("idsg", "rfg"):  # bundled weights fit networks of their sizes alone
    VALUES["scales"]["sample"][_network]["init"] = "scratch"
KEYS = {".".join(path): path for path in leaves(VALUES)}
LISTED = yaml.safe_load((ROOT / "tests/keys.yaml").read_text(encoding="utf-8"))
PATTERNS = [name for name in LISTED if "*" in name]


def told(key):
    """What tests/keys.yaml says of a key, {"reruns": …} at least; None if it says nothing."""
    name = key if key in LISTED else next((p for p in PATTERNS if fnmatchcase(key, p)), None)
    entry = LISTED.get(name)
    return entry if entry is None or isinstance(entry, dict) else {"reruns": entry}


def with_changed(key):
    """params.yaml with another value of `key`."""
    entry, path = told(key), KEYS[key]
    if "to" not in entry:
        return next(mutants(VALUES, path))
    values = changed(VALUES, path, entry["to"])
    for other, value in entry.get("with", {}).items():
        values = changed(values, tuple(other.split(".")), value)
    assert entry["to"] != value_at(VALUES, path) and is_valid(values), f"tests/keys.yaml: {key}: no valid change"
    return values


def starts(rule, known):
    """The places that "rule place !place" stands for."""
    rule, *words = rule.split()
    wanted, others = [word for word in words if word[0] != "!"] or ["*"], [word[1:] for word in words if word[0] == "!"]

    def among(place, patterns):
        return any(fnmatchcase(place, pattern) for pattern in patterns)

    found = {place for place in known if place[0] == rule and among(place[1], wanted) and not among(place[1], others)}
    assert found, f"tests/keys.yaml: no job is '{rule} {' '.join(words)}'"
    return found


QUIET = [key for key in KEYS if told(key) and told(key)["reruns"] == "nothing"]
LOUD = [key for key in KEYS if key not in QUIET]
# The first: a method's commands hold braces, which Snakemake would take for wildcards.
SOME = LOUD if "DG_ALL_KEYS" in os.environ else ["methods.fom.tests", *random.Random(0).sample(LOUD, 20)]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        patch.setattr("dg.ready.require_weights", lambda values: None)  # no file of weights needs to be there
        for name in ("profiles", "dg"):
            (folder / name).symlink_to(ROOT / name)
        finish(VALUES, folder)
        yield folder
    shutil.rmtree(folder)


def test_every_key_is_listed_and_no_other():
    assert not [key for key in KEYS if told(key) is None]
    assert not [name for name in LISTED if not any(fnmatchcase(key, name) for key in KEYS)]


def test_a_finished_workspace_has_nothing_left_to_do(workspace):
    assert reruns(planned(VALUES, workspace)) == []


def test_keys_that_nothing_uses_rerun_nothing_all_at_once(workspace):
    values = VALUES
    for key in QUIET:
        values = changed(values, KEYS[key], value_at(with_changed(key), KEYS[key]))
    assert len(QUIET) > 80 and is_valid(values)
    assert [str(job) for job in reruns(planned(values, workspace))] == []


@pytest.mark.parametrize("key", SOME)
def test_a_changed_key_reruns_what_depends_on_it(key, workspace):
    values, expected = with_changed(key), told(key)["reruns"]
    chosen = params.validate(values, "params.yaml")
    dag = planned(values, workspace)
    known = places(dag.jobs, chosen)
    begun = set().union(*(starts(rule, known) for rule in ([expected] if isinstance(expected, str) else expected)))
    meant, found = Flow(chosen, known).after(begun), places(reruns(dag), chosen)
    assert sorted(found - meant) == [], "too much"
    assert sorted(meant - found) == [], "too little"
