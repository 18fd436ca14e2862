"""For every key of params.yaml: a change reruns what tests/keys.yaml says, and no job more.

All keys, in about two minutes of CPU: DG_ALL_KEYS=1 pytest -p no:logging tests/test_keys.py
"""

from __future__ import annotations

import os
import random
import shutil
from fnmatch import fnmatchcase

import pytest

from dg import params
from tests.finished import finish, planned, reruns
from tests.flow import places
from tests.keys import KEYS, LISTED, VALUES, meant, told, with_changed
from tests.mutants import changed, is_valid, value_at
from tests.scales import ROOT

QUIET = [key for key in KEYS if told(key) and told(key)["reruns"] == "nothing"]
LOUD = [key for key in KEYS if key not in QUIET]
# The first: a method's commands hold braces, which Snakemake would take for wildcards.
SOME = LOUD if "DG_ALL_KEYS" in os.environ else ["methods.fom.command", *random.Random(0).sample(LOUD, 20)]


@pytest.fixture(scope="module")
def workspace(any_machine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
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
    values = with_changed(key)
    chosen, dag = params.validate(values, "params.yaml"), planned(values, workspace)
    wanted, found = meant(key, chosen, dag.jobs), places(reruns(dag), chosen)
    assert sorted(found - wanted) == [], "too much"
    assert sorted(wanted - found) == [], "too little"
