"""How much of a reenactment's time goes into its networks, and how much into everything around them.

    python -m measurements.reenact_speed [--rounds 20] [--cpu-time]

Pictures in memory, the bundled networks, one source; 1 and 16 references at a time. Timed in turns in one run: all
(face found, framed, cut out, landmarks, IDSG, RFG, shown with the mark), and its networks alone on inputs made
beforehand: the face detector, F_l's looks that frame the crop, F_l, IDSG, RFG. Printed: medians, pictures a second, the
overhead.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from dg.landmarks import face_crop
from dg.landmarks.detectors import open_detector
from dg.reenact.layout import Layout
from dg.reenact.networks import load_networks
from dg.reenact.painter import Painter, Source
from dg.synthface import Action, Scene, load_head, render, sample_person
from dg.synthface.head_builder import build_head

BATCHES, DETECTOR = (1, 16), "yunet"
Clock = Callable[[], float]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--cpu-time", action="store_true", help="processor time of one thread, as on a busy machine")
    arguments = parser.parse_args()
    clock = time.process_time if arguments.cpu_time else time.perf_counter
    if arguments.cpu_time:
        torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        build_head(Path(folder) / "head.safetensors")
        head = load_head(Path(folder) / "head.safetensors")
    faces = [render(head, sample_person(0, k), Action(yaw=20 * k - 40), Scene(), 512).image for k in range(5)]
    painter = Painter(load_networks(), DETECTOR)
    source = painter.source(faces[0])
    where = f"{painter.networks.device}, {torch.get_num_threads()} threads"
    print(f"{where}, pictures of 512 px, crops of {painter.finder.size}")
    for batch in BATCHES:
        measure(painter, source, [faces[1 + k % 4] for k in range(batch)], arguments.rounds, clock)


@torch.inference_mode()
def measure(painter: Painter, source: Source, pictures: list[np.ndarray], rounds: int, clock: Clock) -> None:
    """Print both times of `pictures` at once."""
    layout, net, batch = Layout(), painter.networks, len(pictures)
    crops = [painter.finder(picture).crop for picture in pictures]
    images = torch.stack([torch.from_numpy(crop.copy()) for crop in crops]).permute(0, 3, 1, 2).to(net.device) / 255
    found = net.landmarks.detect(images)
    points = net.idsg.generate(found.points, source.code.expand(batch, -1))
    detect, framing = open_detector(DETECTOR), framing_looks(pictures)
    still = source.image.expand(batch, -1, -1, -1)

    def everything() -> None:
        shown = [painter.finder(picture) for picture in pictures]
        seen = painter.look(shown)
        painted = painter.paint(source, seen.points, seen.visible)
        for face, image in zip(shown, painted):
            layout(source.face, face.crop, image)

    parts: dict[str, Callable[[], object]] = {
        "detector": lambda: [detect(picture) for picture in pictures],
        "F_l for the crop": lambda: [face_crop._net().detect(looked_at) for looked_at in framing],
        "F_l": lambda: net.landmarks.detect(images),
        "IDSG": lambda: net.idsg.generate(found.points, source.code.expand(batch, -1)),
        "RFG": lambda: net.rfg.paint(points, still, found.visible),
    }
    times: dict[str, list[float]] = {name: [] for name in ("all", *parts)}
    for _ in range(rounds + 1):
        for name, run in {"all": everything, **parts}.items():
            times[name].append(_seconds(run, net.device, clock))
    medians = {name: median(some[1:]) for name, some in times.items()}  # the first round warms up
    total = sum(medians[name] for name in parts)
    each = ", ".join(f"{name} {1000 * medians[name] / batch:.1f}" for name in parts)
    print(
        f"batch {batch}: {batch / medians['all']:.1f} pictures a second, {1000 * medians['all'] / batch:.1f} ms each; "
        f"networks {1000 * total / batch:.1f} ms ({each}); overhead {100 * (medians['all'] / total - 1):.1f} %",
        flush=True,
    )


def framing_looks(pictures: list[np.ndarray]) -> list[Tensor]:
    """What F_l is shown until the crops of `pictures` are framed, look by look."""
    net, shown = face_crop._net(), []
    detect = net.detect
    net.detect = lambda images: shown.append(images) or detect(images)
    try:
        for picture in pictures:
            face_crop.find_face_crop(picture)
    finally:
        del net.detect
    return shown


def _seconds(run: Callable[[], object], device: str, clock: Clock) -> float:
    start = clock()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - start


if __name__ == "__main__":
    main()
