"""Hours that data sets of the published size take on this machine: the tables of docs/datasets.

    python -m measurements.hours pictures         what `python -m dg check` says of so many pictures, for each set
    python -m measurements.hours trainings [--scale paper] [--idsg 40] [--rfg 2]

pictures: each set's steps run on a few pictures of its size, of SynthFace's people, once to warm up and once for their
processor seconds of one thread, which a machine's other work hardly changes. They are left where Snakemake leaves its
jobs' times, and check's own code makes the hours of them: by the mean over the sets, as check
doesn't ask how large pictures are.
trainings: processor seconds of a step, by two trainings of unlike length, on a set of noise; the RFG's R1, which comes
every eight steps, is in neither's difference. What a training takes doesn't depend on the size of its set.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import torch
from PIL import Image

from dg.datasets.manifest import make_manifest
from dg.digests import ROOT
from dg.frames import extract_frames
from dg.identity.extract import find_codes
from dg.idsg import load_idsg
from dg.idsg.training import train_idsg
from dg.landmarks.extract import find_landmarks
from dg.params import Params, load
from dg.rfg.training import RfgTraining
from dg.shards import FaceSet
from dg.steps.data import ManifestSettings, frames_settings
from dg.steps.registry import step_settings
from dg.steps.settings import Settings
from dg.survey.costs import hours
from dg.synthface import Action, Scene, load_head, render, sample_person
from dg.synthface.head_builder import build_head
from dg.training.pairs import PairSampler
from dg.training.team import joined
from measurements.training import made_up, settings_of


class Shipped(NamedTuple):
    """As its owners publish a set.

    Attributes:
        pictures: or sampled frames of its videos.
        width, height: of them in pixels.
        seconds: of the video that stands for its videos here; 0: it holds pictures.
    """

    pictures: int
    width: int
    height: int
    seconds: int = 0


SETS = {
    "rafd": Shipped(8_040, 681, 1024),
    "mpie": Shipped(750_000, 640, 480),
    "voxceleb1": Shipped(352 * 3600, 224, 224, seconds=8),  # 352 hours, of which 1 frame a second is taken
    "voxceleb2": Shipped(2_442 * 3600 * 25, 224, 224, seconds=1),  # 2,442 hours, 25 frames a second
}
PICTURES, RATE = 12, 25


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("pictures", "trainings"))
    parser.add_argument("--scale", default="paper")
    parser.add_argument("--idsg", type=int, default=40, help="steps of the IDSG")
    parser.add_argument("--rfg", type=int, default=2, help="steps of the RFG")
    a = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{_processor()}, {os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if a.what == "trainings":
            trainings(Path(folder), a.scale, {"idsg": a.idsg, "rfg": a.rfg})
            return
        os.chdir(folder)
        params = load(ROOT / "params.yaml")
        build_head(Path("head.safetensors"))
        head = load_head(Path("head.safetensors"))
        shown = [(sample_person(77, 3000 + k), Action(yaw=30.0 * (k % 3))) for k in range(6)]
        faces = [render(head, *who, Scene(), 256).image for who in shown]
        for name, shipped in SETS.items():
            _lay(Path("raw", name), shipped, faces)
            pictures(params, name)
        for name, shipped in SETS.items():
            print("\n".join([f"{name}, {shipped.pictures:,} pictures:", *hours(params, name, shipped.pictures)]))


def pictures(params: Params, name: str) -> None:
    """Run the three steps on the set twice, and leave the times of the second."""
    entry, folder = params.datasets[name], Path("data/sets", name)
    as_folders = ManifestSettings(dataset=name, kind="faces", fps=entry.fps, shards=1)
    make_manifest(as_folders, Path("raw", name), folder / "manifest.parquet", 0.0)
    frames = frames_settings(params, name).model_copy(update={"shards": 1})
    landmarks, identity = step_settings(params, "landmarks"), step_settings(params, "identity")
    cut, marks, codes = (folder / f"{kind}/0.arrow" for kind in ("frames", "landmarks", "identity"))
    for _ in range(2):
        with _noted("frames", frames, cut):
            extract_frames(frames, Path("raw", name), folder / "manifest.parquet", 0, cut, 0.5)
        with _noted("landmarks", landmarks, marks):
            find_landmarks(landmarks.backend, cut, marks)
        with _noted("identity", identity, codes):
            find_codes(identity.backend, cut, codes, marks)


@contextlib.contextmanager
def _noted(rule: str, settings: Settings, out: Path) -> Iterator[None]:
    """Processor seconds go where Snakemake notes those of its jobs."""
    start = time.process_time()
    yield
    job = {"rule_name": rule, "wildcards": {}, "input_size_mb": {}, "threads": 1, "max_rss": 1}
    job |= {"params": {"job": json.dumps(settings.plain())}, "s": time.process_time() - start}
    path = Path(f"logs/times/{out}.jsonl")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(job))


def trainings(folder: Path, scale: str, counts: dict[str, int]) -> None:
    """Print seconds a step, and hours of all steps, of both generators' phases."""
    made = made_up(folder / "noise", settings_of(scale).size)
    faces, idsg = FaceSet([made], split="train"), None
    with joined() as team:
        for network, phase in (("idsg", "self"), ("idsg", "cross"), ("rfg", "self"), ("rfg", "cross")):
            whole = settings_of(scale, network, phase)
            sampler, out = PairSampler(faces.table, whole.batch, 0), folder / f"{network}_{phase}.safetensors"
            took = []
            for steps in (1, 1 + counts[network]):
                s, state = whole.model_copy(update={"steps": steps}), folder / f"state/{network}/{phase}/{steps}"
                started = time.process_time()
                if network == "idsg":
                    train_idsg(s, [made], out, idsg, state)
                else:
                    start = load_idsg(idsg) if phase == "cross" else None
                    RfgTraining(s, faces, sampler, start, team).run(out, state, s.ema, "hours", {})
                took.append(time.process_time() - started)
            idsg = out if network == "idsg" else idsg
            each = (took[1] - took[0]) / counts[network]
            print(f"{network} {phase}: {each:.3f} s a step, {each * whole.steps / 3600:,.3g} hours", flush=True)


def _lay(raw: Path, shipped: Shipped, faces: list[np.ndarray]) -> None:
    """Pictures of the set's size, or one video, of faces as high as half of them."""
    raw.joinpath("anna").mkdir(parents=True)
    side = shipped.height // 2 if not shipped.seconds else shipped.height
    place = ((shipped.width - side) // 2, (shipped.height - side) // 2)
    shown = []
    for face in faces:
        picture = Image.new("RGB", (shipped.width, shipped.height), (200, 200, 200))
        picture.paste(Image.fromarray(face).resize((side, side), Image.Resampling.LANCZOS), place)
        shown.append(picture)
    if not shipped.seconds:
        for number in range(PICTURES):
            shown[number % len(shown)].save(raw / f"anna/{number}.jpg", quality=95)
        return
    with av.open(str(raw / "anna/clip.mp4"), "w") as container:
        stream = container.add_stream("h264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = shipped.width, shipped.height, "yuv420p"
        for number in range(RATE * shipped.seconds):
            container.mux(stream.encode(av.VideoFrame.from_image(shown[number // RATE % len(shown)])))
        container.mux(stream.encode())


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
