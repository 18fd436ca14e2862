"""A workspace in which everything is made, by stand-ins: empty files and Snakemake's own records of them."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from snakemake.api import SnakemakeApi
from snakemake.dag import DAG
from snakemake.jobs import Job
from snakemake.settings.types import DAGSettings, OutputSettings, ResourceSettings
from snakemake.workflow import Workflow

from tests.scales import ROOT

MADE = 1e9
"""When each file was made, seconds since 1970: all at once, so that none is newer than what is made from it."""


def planned(values: dict[str, Any], folder: Path, target: str = "all", cores: int = 2) -> DAG:
    """What Snakemake would do in `folder` for `target`, as `snakemake --dry-run` works it out."""
    return _workflow(values, folder, target, cores).dag


def finish(values: dict[str, Any], folder: Path) -> None:
    """Lay empty files in `folder` where params.yaml with these values has files made, and Snakemake's records of them,
    as if it had made them."""
    workflow = _workflow(values, folder)
    made = list(_touched(workflow.dag.jobs, folder))
    workflow.iocache.deactivate()  # it remembers that no file was there, so records would lack the inputs' checksums
    with contextlib.chdir(folder):
        for job in made:
            asyncio.run(workflow.persistence.finished(job))


def reruns(dag: DAG) -> list[Job]:
    """The jobs that Snakemake would run."""
    return [job for job in dag.jobs if dag.needrun(job)]


def _workflow(values: dict[str, Any], folder: Path, target: str = "all", cores: int = 2) -> Workflow:
    here = Path.cwd()
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    try:
        with contextlib.redirect_stderr(io.StringIO()), SnakemakeApi(OutputSettings()) as api:
            workflow = api.workflow(ResourceSettings(cores=cores), snakefile=ROOT / "Snakefile", workdir=folder)
            workflow.dag(DAGSettings(targets={target})).execute_workflow(executor="dryrun")
            return workflow._workflow_store
    finally:
        os.chdir(here)  # Snakemake goes to its folder and stays there


def _touched(jobs: Iterable[Job], folder: Path) -> Iterable[Job]:
    for job in jobs:
        for output in job.output:
            path = folder / output
            if output.is_directory:
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        yield job
    for job in jobs:
        for output in job.output:
            os.utime(folder / output, (MADE, MADE))
