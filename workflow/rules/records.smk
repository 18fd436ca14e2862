# One run at a time in a folder, and what DVC must know of it; no rules here.
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from snakemake.exceptions import WorkflowError

from dg.errors import DgError
from dg.records import closed_to_dvc
from dg.runs import (
    MADE,
    be_named_to_jobs,
    clear_up_after_a_killed_run,
    hold_folder,
)
from dg.files import remove_unfinished
from dg.run_options import note_options

HELD, CLOSED = ExitStack(), ExitStack()

if notice := clear_up_after_a_killed_run():
    print(notice, file=sys.stderr)
be_named_to_jobs()


def begin_run():
    """Before the first job: no other run in this folder, and no other files from DVC meanwhile."""
    try:
        HELD.enter_context(hold_folder())
        CLOSED.enter_context(closed_to_dvc())
    except DgError as error:
        raise WorkflowError(str(error)) from None
    told = workflow.config_settings
    note_options(told.configfiles, told.config_args)


def end_run():
    """After a run, failed or not: save what there is, so that DVC starts from it."""
    remove_unfinished(*MADE)
    CLOSED.close()
    if Path(".dvc").is_dir():
        subprocess.run([sys.executable, "-m", "dg", "record"], check=False)


def require_same_values():
    """After a DVC stage's run: DVC takes params.yaml and the code as they are now for what the stage was made by."""
    nothing_left = ["sh", "workflow/nothing-left.sh", *workflow.dag_settings.targets]
    if "DVC_STAGE" in os.environ and subprocess.run(nothing_left).returncode:
        raise WorkflowError(
            "params.yaml, code or raw data have changed since this run began. Run the same command again."
        )
