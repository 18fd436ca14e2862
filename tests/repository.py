"""Copies of this repository for tests that run Snakemake and DVC, without what was made or recorded here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from dvc.utils.serialize import load_yaml, modify_yaml
from snakemake.utils import update_config

from tests.scales import LAID_OVER, SHIPPED
from tests.warm_python import warm_python

ROOT = Path(__file__).resolve().parent.parent


def run(folder: Path, *command: str, check: bool = True, warm: bool = False) -> str:
    """Output of `command`, with the tools of this interpreter's environment; `warm`: its jobs run by `warm_python`."""
    tools = [*([warm_python()] if warm else []), Path(sys.executable).parent]
    path = os.pathsep.join([*map(str, tools), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
    for name in ("DVC_STAGE", "PYTEST_CURRENT_TEST", "PYTHONPATH"):
        environment.pop(name, None)
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert not check or done.returncode == 0, done.stdout[-8000:]
    return done.stdout


def repository(folder: Path) -> None:
    """Make `folder` a Git repository with everything in it committed."""
    run(folder, "git", "init", "--quiet")
    for key, value in (("user.name", "test"), ("user.email", "test@example.org"), ("commit.gpgsign", "false")):
        run(folder, "git", "config", key, value)
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "Copy")


def copy_of_this_repository(folder: Path, source: Path = ROOT) -> Path:
    """The files that Git tracks or would, without results, committed ones too, and what DVC recorded of them.

    Returns: `folder`, a repository of its own.
    """
    listed = run(source, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, listed):
        made = name.startswith("results/") and name != "results/README.md"
        if not made and name != "dvc.lock" and (source / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, folder / name, follow_symlinks=False)
    data = folder / "results.dvc"
    kept = [
        line for line in data.read_text(encoding="utf-8").splitlines() if "md5:" not in line and "size:" not in line
    ]
    data.write_text("\n".join(line for line in kept if "nfiles:" not in line) + "\n", encoding="utf-8")
    repository(folder)
    return folder


def tiny_copy(folder: Path, source: Path = ROOT) -> Path:
    """A copy of this repository at scale `tiny` with few jobs: one shard per set, one seed, one row beside "dg"."""
    copy_of_this_repository(folder, source)
    shutil.copy(folder / SHIPPED, folder / "params.yaml")
    with modify_yaml(folder / "params.yaml") as values:
        update_config(values, load_yaml(folder / LAID_OVER["tiny"]))
        for entry in values["datasets"].values():
            entry["shards"] = min(entry["shards"], 1)
        values["ablations"].update(table1={"bl": values["ablations"]["table1"]["bl"]})
        values["ablations"].update(table2={"bl": values["ablations"]["table2"]["bl"]})
        values["scales"]["tiny"]["tables"]["seeds"] = 1
    run(folder, "git", "commit", "--quiet", "--all", "--message", "Tiny")
    return folder
