"""The answer as text: in short, then job by job."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from dg.files import file_digest
from dg.run_options import options_at
from dg.why.chain import Step
from dg.why.jobs import Job, Jobs
from dg.why.origin import card, code, here, recorded

_FEW = 8
_JUDGES = ("csim", "fid", "lpips", "landmarks")
_SEEDS = ("seed", "training_seed")


def as_text(path: Path, told: list[str], steps: list[Step], jobs: Jobs) -> str:
    """The whole answer.

    Args:
        told: what is asked for, in words, lines.
        steps: the last one first.
    """
    lines = [str(path), *(f"  {line}" for line in told), ""]
    now = [("in DVC", recorded(path)), ("code here", here())]
    lines += [f"{name:<10} {words}" for name, words in [*in_short(path, steps, jobs), *now] if words]
    lines += ["", "The jobs behind it, the last one first, with the SHA-256 of each file as the job read it:"]
    for step in steps:
        lines += ["", *_step(step, jobs)]
    return "\n".join(lines)


def in_short(path: Path, steps: list[Step], jobs: Jobs) -> list[tuple[str, str]]:
    """(name, words) of what is known of all `steps` together."""
    last, count = steps[0].jobs[0], sum(len(step.jobs) for step in steps)
    took = f"{count} jobs; they took {_time(sum(step.seconds for step in steps))} here, one after the other"
    cards = [card(jobs, job) for step in steps for job in step.jobs]
    told = [
        *_again(last),
        ("jobs", took),
        ("made", f"{_when(min(job.start for step in steps for job in step.jobs))} to {_when(last.end)}"),
        ("digest", _digest(path, jobs)),
        ("commit", ", ".join(dict.fromkeys(one.commit for one in cards if one.commit))),
        ("versions", ", ".join(sorted({f"{name} {number}" for one in cards for name, number in one.versions.items()}))),
        ("judges", ", ".join(sorted(set(_judges(steps))))),
        ("seeds", "; ".join(_seeds(steps))),
        ("raw data", "; ".join(_raw(steps))),
    ]
    return [(name, words) for name, words in told if words]


def _again(last: Job) -> list[tuple[str, str]]:
    options = options_at(last.start)
    command = shlex.join(["snakemake", "--cores", "all", *(options or []), "--forceall", "--", last.outputs[0]])
    unknown = "whether its run had --configfile or --config is not noted here; if so, `again` needs the same"
    return [("again", command), *([("options", unknown)] if options is None else [])]


def _seeds(steps: list[Step]) -> list[str]:
    """Each seed with the rules that used it."""
    users: dict[str, list[str]] = {}
    for step in steps:
        for key in _SEEDS:
            seed = step.jobs[0].settings.get(key)
            if seed is not None:
                users.setdefault(f"{key} {seed}", []).append(step.jobs[0].rule)
    return [f"{seed} ({', '.join(dict.fromkeys(rules))})" for seed, rules in users.items()]


def _raw(steps: list[Step]) -> list[str]:
    """The folders of raw data, with what their digest is of."""
    sets = {
        step.jobs[0].settings["dataset"]: step.jobs[0].settings for step in steps if step.jobs[0].rule == "manifest"
    }
    of = {name: "its recipe" if told["kind"] == "synthface" else "names and sizes" for name, told in sets.items()}
    return [f"data/raw/{name} ({told['kind']}), digest {told['raw']} of {of[name]}" for name, told in sets.items()]


def _judges(steps: list[Step]) -> Iterator[str]:
    for settings in (step.jobs[0].settings for step in steps if step.jobs[0].rule in ("evaluate", "ace")):
        for role in _JUDGES:
            name = settings.get(role)
            if name:
                yield f"{role} {name['backend'] if isinstance(name, dict) else name}"


def _digest(path: Path, jobs: Jobs) -> str:
    """Of the file as it is now, held to what those read that used it."""
    if not path.is_file():
        return ""
    now = file_digest(path)
    read = {job.outputs[0]: job.inputs[str(path)] for job in jobs if job.inputs.get(str(path))}
    others = [reader for reader, digest in read.items() if digest != now]
    return now + (f" (CHANGED since it was read for {', '.join(others[:3])})" if others else "")


def _step(step: Step, jobs: Jobs) -> list[str]:
    job = step.jobs[0]
    made = f" {len(step.jobs)} jobs alike, in all" if len(step.jobs) > 1 else ""
    lines = [*_names(step.outputs), f"  {job.rule}, {_when(job.end)},{made} {_time(step.seconds)}"]
    if words := code(job):
        found = card(jobs, job)
        lines.append(f"  code      {words}" + (f"; commit {found.commit}" if found.commit else ""))
    if job.command:
        lines += [f"  command   {_command(job)}"]
    if settings := {key: value for key, value in job.settings.items() if key != "code"}:
        lines.append(f"  SETTINGS  {json.dumps(settings)}")
    return lines + [f"  read      {line}" for line in _read(step, jobs)]


def _names(outputs: list[str]) -> list[str]:
    return outputs if len(outputs) <= _FEW else [outputs[0], f"... {len(outputs) - 2} more", outputs[-1]]


def _command(job: Job) -> str:
    """Without the settings, which stand below it."""
    command = job.command.strip()
    if not command.startswith("python -m dg "):
        return " ".join(command.split())
    words = shlex.split(command)
    if "--settings" in words:
        words[words.index("--settings") + 1] = "SETTINGS"
    return " ".join(words)


def _read(step: Step, jobs: Jobs) -> Iterator[str]:
    """The inputs, those of a folder in one line where they are many; those made again since are marked."""
    began = min(job.start for job in step.jobs)
    folders: dict[str, dict[str, str]] = {}
    for path, digest in step.inputs.items():
        folders.setdefault(path.rpartition("/")[0], {})[path] = digest
    for folder, files in folders.items():
        if len(files) > _FEW:
            lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(files.items()))
            told = hashlib.sha256(lines.encode()).hexdigest()
            yield f"{folder}/ ({len(files)} files)  {told} of the lines that sha256sum says of them"
            continue
        for path, digest in files.items():
            before = jobs.behind(path)
            since = f"  MADE AGAIN since, {_when(before.end)}" if before and before.start > began else ""
            yield f"{path}  {digest}{since}"


def _when(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
