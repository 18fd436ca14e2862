# What DVC must know of a run; no rules here.
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

RUN = ExitStack()


def close_to_experiments():
    """While Snakemake works in this folder, `dvc exp run` refuses to put other files there."""
    from dvc.fs import localfs
    from dvc.rwlock import rwlock

    if Path(".dvc").is_dir():
        folder = Path(".dvc/tmp/exps")
        folder.mkdir(parents=True, exist_ok=True)
        RUN.enter_context(
            rwlock(str(folder), localfs, "snakemake", [], ["workspace"], False)
        )


def record_in_dvc():
    """After a run, failed or not: save what there is, so that DVC starts from it."""
    RUN.close()
    if Path(".dvc").is_dir():
        subprocess.run([sys.executable, "-m", "dg", "record"], check=False)
