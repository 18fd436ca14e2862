"""The jobs behind a file, back to raw data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from graphlib import TopologicalSorter

from dg.why.jobs import Job, Jobs


@dataclass(frozen=True)
class Step:
    """A job, or those that did the same to the shards of one data set.

    Attributes:
        jobs: one or more, that differ in files alone.
        inputs: of all of them, as in `Job`.
    """

    jobs: tuple[Job, ...]
    inputs: dict[str, str]

    @property
    def outputs(self) -> list[str]:
        """Of all its jobs."""
        return [output for job in self.jobs for output in job.outputs]

    @property
    def seconds(self) -> float:
        """Of all its jobs together."""
        return sum(job.seconds for job in self.jobs)


def chain(jobs: Jobs, last: Job, inputs: dict[str, str]) -> list[Step]:
    """`last` and every job before it, none before a job that needs it.

    Args:
        inputs: of `last`, those to follow.
    """
    read = {last: inputs}
    needs: dict[Job, list[Job]] = {}
    todo = [last]
    while todo:
        job = todo.pop()
        if job not in needs:
            made = (jobs.behind(path) for path in read.setdefault(job, job.inputs))
            needs[job] = list(dict.fromkeys(before for before in made if before))
            todo += needs[job]
    groups: dict[tuple[str, str, str], list[Job]] = {}
    for job in reversed(list(TopologicalSorter(needs).static_order())):
        folder = job.outputs[0].rpartition("/")[0]
        groups.setdefault((job.rule, json.dumps(job.settings), folder), []).append(job)
    ordered = [sorted(group, key=lambda job: job.outputs) for group in groups.values()]
    return [
        Step(tuple(group), {path: digest for job in group for path, digest in read[job].items()}) for group in ordered
    ]
