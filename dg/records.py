"""DVC's record of what Snakemake made: results.dvc, and once everything is made dvc.lock."""

from __future__ import annotations

import logging
import os
import subprocess
import time
from pathlib import Path

from dg.errors import DgError

DATA, STAGES = Path("results.dvc"), Path("dvc.lock")


def record(patience: float) -> None:
    """Save in DVC's cache what there is, whole or half of the pipeline, and write its digests to results.dvc.

    Outside of a DVC stage the stages are recorded too if Snakemake sees nothing left to do, so that `dvc repro` has
    nothing to do either; else only that of the plan, so that there is a dvc.lock for Git to keep.

    Args:
        patience: seconds to wait while another process holds DVC's lock.

    Raises:
        DgError: the lock stayed held; nothing is recorded and nothing lost.
    """
    from dvc.lock import LockError

    logging.getLogger("dvc").setLevel(logging.ERROR)
    stages = _stages_to_record()
    deadline = time.monotonic() + patience
    while True:
        try:
            _commit(stages)
            return
        except LockError:
            if time.monotonic() > deadline:
                raise DgError(
                    f"not recorded in DVC, because another process has held DVC's lock for {patience:.0f} s. Nothing "
                    "is lost: `dvc exp run` saves what is here before it starts. Before `dvc exp apply` or `dvc "
                    "checkout --force` run: python -m dg record"
                ) from None
            time.sleep(1)


def _stages_to_record() -> str | None:
    """The target that `dvc commit` gets beside the data; None where DVC itself records the stages."""
    if "DVC_STAGE" in os.environ:
        return None
    left = subprocess.run(["sh", "workflow/nothing-left.sh"], capture_output=True)
    return "dvc.yaml" if left.returncode == 0 else "plan"


def _commit(stages: str | None) -> None:
    from dvc.repo import Repo, lock_repo
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.meta import Meta

    with Repo() as repo, lock_repo(repo):
        (data,) = repo.stage.collect(str(DATA))
        # `dvc commit` refuses what is missing, or keeps its last digest, so that it would come back beside the
        # records of a later run.
        for out in data.outs:
            if not out.exists:
                out.hash_info, out.meta = HashInfo(), Meta()
        data.save(allow_missing=True)
        data.commit(allow_missing=True, relink=False)
        data.dump()
        if stages:
            repo.commit(stages, force=True, relink=False)
