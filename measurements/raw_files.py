"""What manifest, check and raw digest take of data sets of a million files, laid out as their owners ship them.

python -m measurements.raw_files {mpie,voxceleb1,voxceleb2,faces} [--files 100000] [--under FOLDER]

The files are hard links in a temporary folder, of which nothing is left: empty pictures (mpie; voxceleb1, VGG's faces;
faces), or one video of 8 frames (voxceleb2; its manifest opens every one, so it isn't made here, only `check`). Each is
asked in a process of its own; CPU seconds, seconds and peak memory of it are printed, beside the machine's load.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count, islice, product
from pathlib import Path

from dg.datasets import mpie
from dg.digests import ROOT
from tests.videos import write_video

_LINKS = 30_000  # file systems allow so many names of a file

DIGEST = "from pathlib import Path; from dg.digests import raw_data; print(raw_data(Path('data/raw/{set}'), Path('m')))"
MANIFEST = """
from pathlib import Path
from dg.datasets.manifest import make_manifest
from dg.params import load
from dg.steps.data import manifest_settings
make_manifest(manifest_settings(load(), "{set}"), Path("data/raw/{set}"), Path("out/manifest.parquet"), 0.05)
"""
CHECK = "from dg.params import load; from dg.survey import survey; print(survey(load(), '{set}'))"


def main() -> None:
    """Lay the files, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("set", choices=_NAMES)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--under", type=Path, help="folder for the temporary one")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=a.under) as folder:
        os.chdir(folder)
        Path("params.yaml").write_text(
            (ROOT / "params.yaml")
            .read_text()
            .replace(
                "datasets:\n", "datasets:\n  faces: {kind: faces, crop: detect, shards: 16, max_broken: 0.02}\n", 1
            )
        )
        started = time.monotonic()
        _lay(Path("data/raw", a.set), islice(_NAMES[a.set](), a.files), video=a.set == "voxceleb2")
        print(f"{a.files:,} files laid in {time.monotonic() - started:.0f} s", flush=True)
        jobs = {"digest": DIGEST, "manifest": MANIFEST, "check": CHECK}
        if a.set == "voxceleb2":
            del jobs["manifest"]
        for what, code in jobs.items():
            _measure(what, code.format(set=a.set))


def _lay(raw: Path, names: Iterator[str], video: bool) -> None:
    for number, name in enumerate(names):
        if number % _LINKS == 0:
            base = Path(f"base-{number}.mp4")
            if video:
                write_video(base, frames=8, rate=25, size=32)
            else:
                base.touch()
        path = f"{raw}/{name}"
        try:
            os.link(base, path)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path))
            os.link(base, path)


def _measure(what: str, code: str) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started, load = time.monotonic(), os.getloadavg()[0]
    # -c in a process of a process: ru_maxrss is that of the largest child so far.
    run = f"import resource\n{code}\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    done = subprocess.run(
        [sys.executable, "-c", run], env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    )
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if done.returncode:
        raise SystemExit(f"{what}: failed, see above")
    *told, memory = done.stdout.splitlines()
    print("\n".join(f"    {line[:200]}" for line in told))
    print(f"{what}: {cpu:.1f} s of CPU, {wall:.1f} s, {int(memory) / 1024:.0f} MiB; load {load:.1f}", flush=True)


def _mpie() -> Iterator[str]:
    # People change first, so that few files are of all of them.
    taken = [(session, recording) for session, last in enumerate((2, 3, 3, 3), 1) for recording in range(1, last + 1)]
    for (session, recording), camera, light, person in product(taken, mpie.CAMERAS, range(20), range(1, 347)):
        yield (
            f"session{session:02}/multiview/{person:03}/{recording:02}/{camera[:2]}_{camera[2]}/"
            f"{person:03}_{session:02}_{recording:02}_{camera}_{light:02}.png"
        )


def _voxceleb1() -> Iterator[str]:
    for number in count():
        frame, utterance = number % 8, number // 8
        yield (
            f"unzippedFaces/{chr(65 + utterance // 120 % 26)}_{utterance // 120}/1.6/{utterance // 7:011d}/"
            f"{utterance:07d}/{25 * frame:07d}.jpg"
        )


def _voxceleb2() -> Iterator[str]:
    for number in count():
        person = number // 185 % 10_000
        yield f"{'dev' if person % 50 else 'test'}/mp4/id{person:05d}/{number // 8:011d}/{number:05d}.mp4"


def _faces() -> Iterator[str]:
    for number in count():
        yield f"person {number // 100}/{number}.jpg"


_NAMES = {"mpie": _mpie, "voxceleb1": _voxceleb1, "voxceleb2": _voxceleb2, "faces": _faces}


if __name__ == "__main__":
    main()
