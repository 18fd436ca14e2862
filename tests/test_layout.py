"""What the repository shows before anything ran: its folders, and a workflow that runs its tests in a fork."""

from __future__ import annotations

import os
import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from tests.scales import values_at

ROOT = Path(__file__).resolve().parent.parent


def told(folder):
    """The files and folders that a folder's README names."""
    return [name.rstrip("/") for name in re.findall("`([^`]+)`", (ROOT / folder / "README.md").read_text("utf-8"))]


@pytest.mark.parametrize("folder", ["data", "results"])
def test_git_keeps_the_readme_of_an_ignored_folder_and_nothing_else(folder):
    names = [f"{folder}/README.md", f"{folder}/raw/rafd/a.jpg", f"{folder}/plots/b.csv"]
    ignored = subprocess.run(["git", "check-ignore", *names], cwd=ROOT, capture_output=True, text=True)
    assert ignored.stdout.split() == names[1:]


def test_every_output_that_dvc_records_is_explained():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    outputs = [
        path for stage in stages.values() for out in stage.get("outs", []) + stage.get("metrics", []) for path in out
    ]
    outputs += [out["path"] for out in yaml.safe_load((ROOT / "results.dvc").read_text(encoding="utf-8"))["outs"]]
    assert len(outputs) > 20
    for path in outputs:
        folder, *rest = Path(path.removeprefix("made/")).parts
        if folder in ("data", "results"):
            assert any(fnmatch(rest[0], name.split("/")[0]) for name in told(folder)), path


def test_every_real_data_set_has_its_place():
    sets = values_at()["datasets"]
    assert {f"raw/{name}" for name, entry in sets.items() if entry["kind"] != "synthface"} <= set(told("data"))


def test_a_fork_runs_what_ci_runs():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    commands = [step.get("run") for job in workflow["jobs"].values() for step in job["steps"]]
    assert ".ci/run" in commands and os.access(ROOT / ".ci/run", os.X_OK)
