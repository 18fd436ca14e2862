"""Whether data of VoxCeleb2's real size fit: generated manifests and prepared sets.

python -m measurements.scale manifest [--clips 50000]     about a minute of CPU for every million rows
python -m measurements.scale faces [--faces 60000 600000] [--memory 500]
python -m measurements.scale dryrun [--clips 1128246]      minutes, most of them for laying a million files

manifest: clips of 200 frames, in shards of as many clips as those of VoxCeleb2's 1,128,246 in 4,096 shards; what one
shard's job reads of it, beside the whole.
faces: prepared sets of so many faces (2.9 GB a million, removed afterwards); the RFG's batches and then every face are
read in a process that may take `memory` MiB more than its libraries did, mapped files aside (RLIMIT_DATA); the most
memory of its own at any time (RssAnon), and what a further face adds to it.
dryrun: a copy of this repository with so many empty clips of 6,112 people where VoxCeleb2 lies; what `snakemake -n
results/table4.csv` takes there, all its processes together, and how many jobs it lists.
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from dvc.utils.serialize import modify_yaml

from dg.datasets.by_shard import write_by_shard
from dg.datasets.rows import Row, Source
from dg.pictures import encode
from dg.shards import FRAME_SCHEMA, LANDMARK_SCHEMA, Manifest, identity_schema, write_shard
from tests.repository import copy_of_this_repository, run

FRAMES, CLIPS, SHARDS, PEOPLE = 200, 1_128_246, 4096, 6112
STEPS = 20


def manifest(clips: int) -> None:
    """Write one, read 20 of its shards, then all."""
    shards = max(1, SHARDS * clips // CLIPS)
    with tempfile.TemporaryDirectory() as folder:
        path, start = Path(folder, "manifest.parquet"), time.process_time()
        write_by_shard(path, _rows(clips, FRAMES, 25.0), shards)
        print(f"{clips * FRAMES} rows, {shards} shards: written in {time.process_time() - start:.0f} s")
        one = np.median([_reading(path, [shard]) for shard in np.linspace(0, shards - 1, 20, dtype=int)], axis=0)
        whole = _reading(path, list(range(shards)))
        for name, (seconds, came) in {"a shard": one, "all": whole}.items():
            print(f"{name}: {seconds:.3f} s, {came / 2**20:.2f} MiB of {path.stat().st_size >> 20} MiB")
        print(f"a shard takes {one[0] / whole[0]:.2%} of the time, {one[1] / whole[1]:.2%} of the bytes")


def _reading(path: Path, shards: list[int]) -> tuple[float, int]:
    """Seconds of CPU and bytes that the frames job of each of the shards needs for its rows."""
    start, came = time.process_time(), _told("io", "rchar")
    listed = Manifest(path)
    for shard in shards:
        listed.rows(shard, ["key", "path", "frame"]).to_pandas()
    return time.process_time() - start, _told("io", "rchar") - came


def _rows(clips: int, frames: int, fps: float | None) -> Iterator[Row]:
    """Clips of the length `frames`, four of a person."""
    source = Source("big", Path("raw"), fps)
    for number in range(clips):
        clip = f"id{number // 4:05d}/{number:07d}"
        for frame in range(frames):
            yield source.row(f"{clip}.mp4", frame, subject=clip[:7], clip=clip, split="train")


def lay_faces(folder: Path, count: int) -> int:
    """A prepared set of 20 shards, 50 faces a clip, one picture for all of them; how many bytes its shards have."""
    rng, picture = (
        np.random.default_rng(0),
        encode(np.random.default_rng(0).integers(0, 255, (20, 20, 3), np.uint8), "png"),
    )
    folder.mkdir()
    write_by_shard(folder / "manifest.parquet", _rows(count // 50, 50, 25.0), 20)
    listed = Manifest(folder / "manifest.parquet")
    for shard in range(listed.shards):
        keys = listed.rows(shard, ["key"])["key"].to_pylist()
        n = len(keys)
        marks = {"points": rng.random((n, 204), np.float32), "visible": rng.random((n, 68)) < 0.5, "score": np.ones(n)}
        for kind, schema, columns in (
            (
                "frames",
                FRAME_SCHEMA,
                {"image": [picture] * n, "box": np.zeros((n, 4)), "original_size": np.zeros((n, 2))},
            ),
            ("landmarks", LANDMARK_SCHEMA, marks | {"pose": np.zeros((n, 6))}),
            ("identity", identity_schema(160), {"code": rng.random((n, 160), np.float32)}),
        ):
            write_shard(folder / kind / f"{shard}.arrow", schema, {"key": keys} | columns)
    return sum(path.stat().st_size for path in folder.rglob("*.arrow"))


def faces(counts: list[int], memory: int) -> None:
    """Lay sets and read them, each in a process of its own."""
    most = []
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            size = lay_faces(Path(folder, "big"), count)
            command = [sys.executable, "-m", "measurements.scale", "read", f"{folder}/big", "--memory", str(memory)]
            most.append(int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
        print(f"{count} faces, {size / 2**20:.0f} MiB of shards: {most[-1] / 2**20:.1f} MiB of memory")
    further = (most[-1] - most[0]) / (counts[-1] - counts[0])
    print(f"a face more: {further:.0f} bytes of memory, {size / counts[-1]:.0f} of shards")


def read(folder: Path, memory: int) -> None:
    """Print how many bytes of memory the batches and a look at every face took at most, beside the libraries."""
    import dg.rfg.data as batches
    from dg.params import load
    from dg.shards import FaceSet
    from dg.steps.registry import step_settings
    from dg.training.pairs import PairSampler
    from dg.training.team import Team

    batches.IN_MEMORY = 0  # a small set is read as a large one
    limit = _told("status", "VmData") * 1024 + (memory << 20)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    settings, seen = step_settings(load(), "rfg", phase="self"), [_told("status", "RssAnon")]
    known = FaceSet([folder], split="train")
    data = batches.Data(settings, known, PairSampler(known.labels, settings.batch, settings.seed), None, Team())
    for step in range(STEPS):
        for part in data.draw(step):
            data.pairs(part)
        seen.append(_told("status", "RssAnon"))
    for first in range(0, len(known), 1000):
        rows = np.arange(first, min(first + 1000, len(known)))
        for column in (known.points, known.visible, known.codes):
            column[rows].sum()
        known.encoded(first)
        seen.append(_told("status", "RssAnon"))
    print((max(seen) - seen[0]) * 1024)


def dryrun(clips: int) -> None:
    """Lay empty clips and ask Snakemake what it would run."""
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of_this_repository(Path(folder, "copy"))
        with modify_yaml(copy / "params.yaml") as values:
            values["benchmarks"]["VoxCeleb2"] = "voxceleb2"
        for number in range(clips):
            person = number * PEOPLE // clips
            part = "test" if person % 50 == 0 else "dev"
            clip = copy / f"data/raw/voxceleb2/{part}/mp4/id{person:05d}/{number // 8:011d}/{number:05d}.mp4"
            clip.parent.mkdir(parents=True, exist_ok=True)
            clip.touch()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        told = run(copy, "snakemake", "--cores", "8", "-n", "results/table4.csv")
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
        jobs = re.findall(r"^total +(\d+)$", told, re.MULTILINE)[-1]
        print(f"{clips} clips, {jobs} jobs: {seconds:.1f} s, {used.ru_maxrss / 1024:.0f} MiB")


def _told(file: str, what: str) -> int:
    """A number of /proc/self: of `io` rchar, bytes read; of `status`, in KiB, RssAnon and what RLIMIT_DATA limits."""
    told = dict(line.split(":", 1) for line in Path("/proc/self", file).read_text().splitlines())
    return int(told[what].split()[0])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    which = parser.add_subparsers(dest="which", required=True)
    which.add_parser("manifest").add_argument("--clips", type=int, default=50_000)
    of_faces, of_read = which.add_parser("faces"), which.add_parser("read")
    of_faces.add_argument("--faces", dest="counts", type=int, nargs="+", default=[60_000, 600_000])
    of_read.add_argument("folder", type=Path)
    which.add_parser("dryrun").add_argument("--clips", type=int, default=CLIPS)
    for one in (of_faces, of_read):
        one.add_argument("--memory", type=int, default=500)
    told = vars(parser.parse_args())
    {"manifest": manifest, "faces": faces, "read": read, "dryrun": dryrun}[told.pop("which")](**told)


if __name__ == "__main__":
    main()
