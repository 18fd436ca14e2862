"""Disturb the pipeline again and again, and compare what it ends with to a run that nobody disturbed.

python -m measurements.kills FOLDER [--seed 0]

FOLDER gets two copies of this repository at the sizes of tests/tiny.yaml, on one core. In the first everything behind
`TARGETS` is made in peace. In the second, whose name has a quote and a space, each rule is disturbed at a random moment
of one of its jobs, each training also after its first saved state: killed (-9) with or without its Snakemake, Snakemake
alone, Ctrl-C, SIGTERM, an exception in the job, a second run at the same time, a full disk, also while DVC records, and
under `dvc repro`. After each the same command goes on. Checked each time: no process outlives its Snakemake; each file
that Snakemake has a record of, and each that DVC saved with such a record, is byte by byte that of the first copy. At
the end everything is.

A full disk needs a small one: mount -t tmpfs -o size=2g tmpfs FOLDER. Without it those are left out. Broken off, the
same command goes on.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
import yaml
from dvc.utils.serialize import modify_yaml

from dg.timings import read_timings
from tests.repository import tiny_copy

TARGETS = ["results/table4.csv"]
RULES = ["head", "synthface", "manifest", "frames", "landmarks", "identity", "pairs", "idsg_self", "rfg_self"]
RULES += ["idsg_cross", "rfg_cross", "originals", "generate", "evaluate", "generate", "evaluate", "comparison"]
TRAININGS = {"idsg_self", "idsg_cross", "rfg_self", "rfg_cross"}
UNDER_DVC = 5
"""Each so manieth run is of `dvc repro`."""
EXACT = {".arrow", ".parquet", ".csv", ".safetensors"}
"""Endings of files that two runs make alike; the others hold times."""
SMALL = 8 << 30
"""Bytes of a file system that may be filled."""
# Of each Python that starts: on a signal, an exception wherever its main thread is.
RAISES = """
import signal

def fail(*_):
    raise RuntimeError("an exception in the job")

signal.signal(signal.SIGUSR1, fail)
"""


def copy(folder: Path) -> None:
    """The repository with one data set and no other methods, and states of trainings often."""
    tiny_copy(folder)
    with modify_yaml(folder / "params.yaml") as values:
        values["methods"] = {}
        values["benchmarks"] = dict.fromkeys(values["benchmarks"], "synth_mpie")
        values["scales"]["tiny"]["idsg"].update(self_steps=60, cross_steps=60)
        values["scales"]["tiny"]["rfg"].update(self_steps=5, cross_steps=5)
    loop = folder / "dg/training/loop.py"
    text = loop.read_text(encoding="utf-8")
    assert "SECONDS_BETWEEN_STATES = 30.0" in text
    loop.write_text(text.replace("SECONDS_BETWEEN_STATES = 30.0", "SECONDS_BETWEEN_STATES = 0.2"), encoding="utf-8")
    stages = folder / "dvc.yaml"
    stages.write_text(stages.read_text(encoding="utf-8").replace("--cores all", "--cores 1"), encoding="utf-8")
    raises = folder.parent / "raises"
    raises.mkdir(exist_ok=True)
    (raises / "sitecustomize.py").write_text(RAISES, encoding="utf-8")


def start(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """A command of this interpreter's environment in a process group of its own; what it says goes to `said`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder.parent / "raises")}
    with open(said(folder), "wb") as log:
        return subprocess.Popen(
            words, cwd=folder, env={**os.environ, **environment},
            stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip


def said(folder: Path) -> Path:
    """The last command's output."""
    return folder.parent / f"{folder.name}.log"


def snakemake(*options: str) -> list[str]:
    """The command that makes everything."""
    return ["snakemake", "--cores", "1", *options, "--", *TARGETS]


def of_folder(folder: Path, *wanted: str) -> list[psutil.Process]:
    """The processes that work in `folder` and have all the words `wanted`, oldest first."""
    found = []
    for process in psutil.process_iter(["cwd", "cmdline", "create_time", "status"]):
        words = process.info["cmdline"] or []
        if process.info["cwd"] == str(folder) and set(wanted) <= set(words) and process.info["status"] != "zombie":
            found.append(process)
    return sorted(found, key=lambda process: process.info["create_time"])


def running_job(folder: Path) -> tuple[str, psutil.Process] | None:
    """The rule of the job that runs, and its process: the first behind its shell, or that shell."""
    text = said(folder).read_text(encoding="utf-8", errors="replace")
    begun = [line.split()[1].rstrip(":") for line in text.splitlines() if line.startswith(("rule ", "localrule "))]
    shells = [one for one in of_folder(folder, "-c") if "pipefail" in " ".join(one.info["cmdline"])]
    jobs = of_folder(folder, "-m", "dg", "--out") or shells
    return (begun[-1], jobs[0]) if begun and jobs else None


@dataclass
class Disturbance:
    """What is done to a job of `rule`, `after` seconds after its start or, of a training, its first saved state."""

    rule: str
    saved: bool
    after: float
    how: str

    def __str__(self) -> str:
        where = "its first saved state" if self.saved else "its start"
        return f"{self.rule}, {self.after:.1f} s after {where}: {self.how}"


def disturbances(seed: int, full: bool, seconds: dict[str, float]) -> list[Disturbance]:
    """One per entry of RULES and one more per training; every way at least once, at any moment of the `seconds` that
    a rule's jobs take."""
    rng = random.Random(seed)
    ways = list(WAYS) if full else [way for way in WAYS if way != "the disk is full"]
    places = [(rule, False) for rule in RULES] + [(rule, True) for rule in dict.fromkeys(RULES) if rule in TRAININGS]
    hows = ways + rng.choices(ways, k=len(places) - len(ways))
    rng.shuffle(hows)
    # A training's first state is saved early, here.
    return [
        Disturbance(rule, saved, rng.uniform(0.01, 0.2 if saved else 0.5) * seconds[rule], how)
        for (rule, saved), how in zip(places, hows)
    ]


# The ways. Each gets the command, its folder, the job and a number of seconds.


def kill_all(started: subprocess.Popen[bytes], *_: object) -> None:
    os.killpg(started.pid, signal.SIGKILL)


def kill_the_first(started: subprocess.Popen[bytes], *_: object) -> None:
    started.kill()


def kill_snakemake(_started: subprocess.Popen[bytes], folder: Path, *_: object) -> None:
    for process in of_folder(folder, "--cores"):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def kill_the_job(_started: subprocess.Popen[bytes], _folder: Path, job: psutil.Process, *_: object) -> None:
    with suppress(psutil.NoSuchProcess):
        job.kill()


def raise_in_the_job(_started: subprocess.Popen[bytes], _folder: Path, job: psutil.Process, *_: object) -> None:
    # Again, as what imports something that need not be there swallows it.
    with suppress(psutil.NoSuchProcess):
        while job.is_running() and job.status() != psutil.STATUS_ZOMBIE:
            job.send_signal(signal.SIGUSR1)
            time.sleep(0.5)


def kill_the_record(started: subprocess.Popen[bytes], folder: Path, job: psutil.Process, after: float) -> None:
    kill_the_job(started, folder, job)
    if started.args[0] == "snakemake":
        while started.poll() is None and not of_folder(folder, "dg", "record"):
            time.sleep(0.05)
        time.sleep(after)
    with suppress(ProcessLookupError):
        kill_all(started)


def interrupt(started: subprocess.Popen[bytes], *_: object) -> None:
    os.killpg(started.pid, signal.SIGINT)


def terminate(started: subprocess.Popen[bytes], *_: object) -> None:
    os.killpg(started.pid, signal.SIGTERM)  # as at a shutdown; DVC alone lives on


def fill_the_disk(started: subprocess.Popen[bytes], folder: Path, *_: object) -> None:
    filler = folder.parent / "filler"
    with open(filler, "wb") as stream, suppress(OSError):
        while True:
            stream.write(bytes(1 << 16))
            stream.flush()
    started.wait()
    lines = said(folder).read_text().splitlines()
    print(*[line for line in lines if "isk" in line or "No space" in line][:1] or lines[-20:], sep="\n    ")
    filler.unlink()


def start_another(started: subprocess.Popen[bytes], folder: Path, *_: object) -> None:
    kill_all(started)
    started.wait()
    both = [start(folder, *snakemake()) for _ in range(2)]
    while all(one.poll() is None for one in both) and len(both) == 2:
        time.sleep(0.2)
    first = next(one for one in both if one.poll() is not None)
    assert first.returncode, "both ran"
    for one in both:
        with suppress(ProcessLookupError):
            os.killpg(one.pid, signal.SIGKILL)
        one.wait()


WAYS: dict[str, Callable[..., None]] = {
    "kill -9 of everything": kill_all,
    "kill -9 of the command alone": kill_the_first,
    "kill -9 of Snakemake alone": kill_snakemake,
    "kill -9 of the job alone": kill_the_job,
    "kill -9 of the job, then of everything while it is recorded": kill_the_record,
    "Ctrl-C": interrupt,
    "SIGTERM": terminate,
    "an exception in the job": raise_in_the_job,
    "the disk is full": fill_the_disk,
    "two at once": start_another,
}


def disturb(folder: Path, command: list[str], planned: list[Disturbance]) -> Disturbance | None:
    """Run the command up to a job whose rule is among `planned`, disturb it, and wait for its end.

    Returns:
        What was done; None: the command ran to its end before.

    Raises:
        SystemExit: it failed before, which is what must not happen.
    """
    started = start(folder, *command)
    while True:
        found = running_job(folder)
        chosen = found and next((one for one in planned if one.rule == found[0]), None)
        if chosen and (not chosen.saved or states(folder)):
            time.sleep(chosen.after)
            if found[1].is_running():
                break
        if started.poll() is not None:
            if started.returncode:
                raise SystemExit(f"{' '.join(command)}: failed undisturbed, see {said(folder)}")
            return None
        time.sleep(0.2)
    print(command[0], chosen, flush=True)
    WAYS[chosen.how](started, folder, found[1], chosen.after)
    started.wait(timeout=1800)
    time.sleep(2)
    if command[0] == "dvc" and of_folder(folder, "--cores"):  # Snakemake goes on without DVC
        again = start(folder, *command).wait()
        if not again or "Snakemake works in this folder" not in said(folder).read_text(encoding="utf-8"):
            raise SystemExit(f"two at once, see {said(folder)}")
        kill_snakemake(started, folder)
        time.sleep(2)
    return chosen


def lengths(folder: Path) -> dict[str, float]:
    """Seconds that a job of each rule took there, the median."""
    taken: dict[str, list[float]] = {}
    with chdir(folder):
        for timing in read_timings().values():
            taken.setdefault(timing.rule, []).append(timing.seconds)
    return {rule: median(seconds) for rule, seconds in taken.items()}


def states(folder: Path) -> list[Path]:
    """Saved states of trainings."""
    return list(folder.glob(".cache/training/*/state.safetensors"))


def digests(folder: Path) -> dict[str, str]:
    """MD5, as DVC uses it, of every file that is the same in each run, by path."""
    files = [path for part in ("data/sets", "results") for path in (folder / part).rglob("*") if path.suffix in EXACT]
    return {str(path.relative_to(folder)): hashlib.md5(path.read_bytes()).hexdigest() for path in files}


def recorded(names: Iterator[str] | list[str], incomplete: list[str]) -> set[str]:
    """The paths that Snakemake's records, given by their names, call made."""

    def path(name: str) -> str:
        return base64.urlsafe_b64decode("".join(part.removeprefix("@") for part in name.split("/"))).decode()

    return {path(name) for name in names} - {path(name) for name in incomplete}


def files_in(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def check(folder: Path, wanted: dict[str, str]) -> None:
    """Whether nothing runs any more, nothing half-written lies about, and whatever has a record is right.

    Raises:
        SystemExit: it isn't.
    """
    left = [" ".join(process.cmdline()) for process in of_folder(folder)]
    here = recorded(files_in(folder / ".snakemake/metadata"), files_in(folder / ".snakemake/incomplete"))
    wrong = compared(digests(folder), here, wanted)
    saved: dict[str, dict[str, str]] = {}
    for out in yaml.safe_load((folder / "results.dvc").read_text(encoding="utf-8"))["outs"]:
        if out.get("md5", "").endswith(".dir"):
            listing = folder / ".dvc/cache/files/md5" / out["md5"][:2] / out["md5"][2:]
            saved[out["path"]] = {one["relpath"]: one["md5"] for one in json.loads(listing.read_text(encoding="utf-8"))}
    there = recorded(list(saved.pop(".snakemake/metadata", {})), list(saved.pop(".snakemake/incomplete", {})))
    versioned = {f"{part}/{name}": md5 for part, files in saved.items() for name, md5 in files.items()}
    wrong += [f"{name}, as DVC saved it" for name in compared(versioned, there, wanted)]
    wrong += [f"{name}: DVC saved a half-written file" for name in versioned if ".tmp" in name]
    print(f"    {len(here)} files made, {len(there)} saved in DVC", *left, *wrong, sep="\n    ", flush=True)
    if left or wrong:
        raise SystemExit(1)


def compared(found: dict[str, str], trusted: set[str], wanted: dict[str, str]) -> list[str]:
    """Paths of trusted files that differ."""
    known = {name: md5 for name, md5 in found.items() if name in trusted and Path(name).suffix in EXACT}
    return [name for name, md5 in known.items() if wanted.get(name, md5) != md5]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    # Started in the background, a shell has it ignored, in all that is started here too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    calm, stormy = (chosen.folder.resolve() / name for name in ("calm", "it's stormy"))
    for folder in (calm, stormy):
        if not folder.exists():
            copy(folder)
    began = time.monotonic()
    if start(calm, *snakemake()).wait():
        raise SystemExit(f"the calm run failed, see {said(calm)}")
    wanted = digests(calm)
    print(f"calm: {len(wanted)} files, {time.monotonic() - began:.0f} s", flush=True)
    through = chosen.folder / "through.json"
    done = json.loads(through.read_text()) if through.exists() else []
    usage = os.statvfs(chosen.folder)
    planned = disturbances(chosen.seed, usage.f_blocks * usage.f_frsize < SMALL, lengths(calm))
    left = [one for one in planned if str(one) not in done]
    again: list[str] = []
    while left:
        command = ["dvc", "repro"] if (len(done) + 1) % UNDER_DVC == 0 and not again else snakemake(*again)
        if (what := disturb(stormy, command, left)) is None:
            if again:
                break
            # A disturbance came too late or did nothing: what others are to disturb is made once more.
            again = ["--forcerun", *sorted({one.rule for one in left})]
            continue
        again = []
        check(stormy, wanted)
        left.remove(what)
        done.append(str(what))
        through.write_text(json.dumps(done))
    print(f"{len(done)} of {len(planned)} disturbances", *left, sep="\n    not met: ", flush=True)
    if start(stormy, *snakemake()).wait():
        raise SystemExit(f"the last run failed, see {said(stormy)}")
    check(stormy, wanted)
    ended = digests(stormy)
    differing = [name for name in wanted if ended.get(name) != wanted[name]]
    print(*differing, f"{len(wanted) - len(differing)} of {len(wanted)} files are byte-equal", sep="\n")
    sys.exit(bool(differing))


if __name__ == "__main__":
    main()
