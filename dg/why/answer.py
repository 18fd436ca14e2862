"""The question and its answer, whole or in short."""

from __future__ import annotations

import os
from pathlib import Path

from dg.errors import DgError
from dg.study.tables import TABLES
from dg.why.chain import chain
from dg.why.jobs import Job, Jobs
from dg.why.number import number
from dg.why.picture import picture
from dg.why.text import as_text, in_short

_TABLES = {f"{key}.csv" for key in TABLES}


def why(path: Path, words: list[str]) -> str:
    """Where the file `path` comes from: what it is, the command that makes it again, and every job behind it.

    Args:
        path: a file that Snakemake made, or one that lies beside or inside of such a one.
        words: of a table, which number (or row) of it; of pictures of a test, the number of one.

    Raises:
        DgError: there is no such file, row or picture, or no record of how it was made.
    """
    path, jobs = _inside(path), Jobs()
    job = _maker(path, jobs)
    told, inputs = _narrowed(path, job, words)
    return as_text(path, told, chain(jobs, job, inputs), jobs)


def why_in_short(path: Path, jobs: Jobs) -> list[tuple[str, str]]:
    """(name, words) of what all jobs behind `path` have in common; as `why`, which has the jobs one by one too."""
    path = _inside(path)
    job = _maker(path, jobs)
    return in_short(path, chain(jobs, job, job.inputs), jobs)


def _inside(path: Path) -> Path:
    """As Snakemake calls it: from the project's folder, not through DVC's links."""
    return Path(str(Path(os.path.relpath(path))).removeprefix("made/"))


def _maker(path: Path, jobs: Jobs) -> Job:
    if not path.exists():
        raise DgError(f"{path}: not found. Snakemake makes what it has a rule for: snakemake --cores all -- {path}")
    job = jobs.behind(str(path))
    if job is None:
        raise DgError(
            f"{path}: no job of Snakemake made this file. Expected one of what it made here, such as: "
            f"{', '.join(_examples(jobs))}."
        )
    return job


def _narrowed(path: Path, job: Job, words: list[str]) -> tuple[list[str], dict[str, str]]:
    """What `words` choose: told, and the inputs that it is from."""
    if not words:
        return [], job.inputs
    for table in (Path(output) for output in job.outputs if Path(output).name in _TABLES):
        chosen = number(table, job, words)
        return chosen.told, chosen.summaries
    if job.rule == "generate" and len(words) == 1:
        return picture(path, words[0], job.inputs), job.inputs
    raise DgError(
        f"{path}: '{' '.join(words)}' says nothing here. Words choose a number of a table (results/table4.csv RaFD DG "
        "csim) or a picture of results/evaluate/VARIANT/TEST/METHOD.arrow (its number)."
    )


def _examples(jobs: Jobs) -> list[str]:
    """Files of several kinds, those first that people look at."""
    made = {job.rule: job.outputs[0] for job in jobs}
    looked_at = ("comparison", "ablation", "report", "paper_figure", "generate", "rfg_cross")
    return [made[rule] for rule in dict.fromkeys((*looked_at, *made)) if rule in made][:5]
