"""DVC's record of what Snakemake made: results.dvc, and once everything is made dvc.lock."""

from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import yaml

from dg.errors import DgError
from dg.files import replacing

DATA, STAGES = Path("results.dvc"), Path("dvc.lock")
NOTES = (Path(".dvc/tmp/exps"), Path(".dvc/tmp"))
"""Folders in which DVC lists who uses what: experiments, and files."""


@contextmanager
def closed_to_dvc() -> Iterator[None]:
    """While the block runs, DVC refuses to put other files into this folder, and to record what is half made.

    Of what Snakemake makes and its records of it, DVC would save some from before a job's end and some from after.

    Raises:
        DgError: DVC is at work there itself.
    """
    if not Path(".dvc").is_dir():
        yield
        return
    from dvc.fs import localfs
    from dvc.lock import LockError
    from dvc.rwlock import rwlock

    _forget_what_is_damaged()
    made = [str(Path(out["path"]).absolute()) for out in yaml.safe_load(DATA.read_text(encoding="utf-8"))["outs"]]
    with ExitStack() as closed:
        for folder, read, write in zip(NOTES, ([], made), (["workspace"], [])):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                closed.enter_context(rwlock(str(folder), localfs, "snakemake", read, write, False))
            except LockError as error:
                raise DgError(
                    f"DVC works in this folder. Run the same command again once it is through. {error}"
                ) from None
        yield


def record(patience: float) -> None:
    """Save in DVC's cache what there is, whole or half of the pipeline, and write its digests to results.dvc.

    Outside of a DVC stage the stages are recorded too if Snakemake sees nothing left to do, so that `dvc repro` has
    nothing to do either; else only that of the plan, so that there is a dvc.lock for Git to keep.

    Args:
        patience: seconds to wait while another process holds DVC's lock.

    Raises:
        DgError: the lock stayed held, or the disk is full; what was recorded before still is.
    """
    from dvc.lock import LockError

    logging.getLogger("dvc").setLevel(logging.ERROR)
    _forget_what_is_damaged()
    deadline = time.monotonic() + patience
    while True:
        try:
            _commit()
            return
        except LockError:
            if time.monotonic() > deadline:
                raise DgError(
                    f"not recorded in DVC, because another process has held DVC's lock for {patience:.0f} s. Nothing "
                    "is lost: `dvc exp run` saves what is here before it starts. Before `dvc exp apply` or `dvc "
                    "checkout --force` run: python -m dg record"
                ) from None
            time.sleep(1)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise DgError(
                "not recorded in DVC, because the disk is full. Nothing that was made is lost. Free some space and "
                "run: python -m dg record"
            ) from None


def _forget_what_is_damaged() -> None:
    """Remove what DVC can do without and can't read, as it was killed, or the disk was full, while it wrote it."""
    from dvc.dvcfile import Lockfile
    from dvc.exceptions import DvcException
    from dvc.rwlock import RWLOCK_FILE

    for path in (*(folder / RWLOCK_FILE for folder in NOTES), STAGES):
        try:
            if path == STAGES:
                Lockfile.validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {}, str(path))
            else:
                json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (ValueError, yaml.YAMLError, DvcException):
            path.unlink()


def _stages_to_record() -> str | None:
    """The target that `dvc commit` gets beside the data; None where DVC itself records the stages."""
    if "DVC_STAGE" in os.environ:
        return None
    left = subprocess.run(["sh", "workflow/nothing-left.sh"], capture_output=True)
    return "dvc.yaml" if left.returncode == 0 else "plan"


def _commit() -> None:
    from dvc.repo import Repo, lock_repo
    from dvc.stage.serialize import to_single_stage_file
    from dvc.utils.serialize import dump_yaml
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.meta import Meta

    with Repo() as repo, lock_repo(repo):
        (data,) = repo.stage.collect(str(DATA))
        if not data.outs:
            raise DgError(f"{DATA}: lists nothing. Bring it back (git checkout {DATA}) and run: python -m dg record")
        # `dvc commit` refuses what is missing, or keeps its last digest, so that it would come back beside the
        # records of a later run.
        for out in data.outs:
            if not out.exists:
                out.hash_info, out.meta = HashInfo(), Meta()
        data.save(allow_missing=True)
        data.commit(allow_missing=True, relink=False)
        with replacing(DATA) as temporary:  # DVC itself would begin by emptying it
            dump_yaml(temporary, to_single_stage_file(data))
        # Last: DVC takes params.yaml as it is now for that by which all this was made.
        if stages := _stages_to_record():
            repo.commit(stages, force=True, relink=False)
