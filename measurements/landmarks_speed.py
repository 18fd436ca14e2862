"""Landmarks: ours against face_alignment's own loop, and memory over many pictures.

python -m measurements.landmarks_speed speed [--count 32] [--compile]
python -m measurements.landmarks_speed memory [--count 10000]

speed: the landmarks step with `fan` and face_alignment's `get_landmarks_from_directory` with its 3DFAN-4 and depth
network, on the same PNG crops, threads and (random: the official ones can't be had everywhere) weights, the boxes given
to both. face_alignment's default adds up the picture and its mirror image; it is timed with and without.
memory: what the landmarks step with `fan-synthface` holds of its own, over a tenth of the pictures and over all.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import os
import shutil
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from face_alignment import FaceAlignment, LandmarksType
from face_alignment.models import FAN, ResNetDepth
from PIL import Image

from dg.files import file_digest
from dg.landmarks.extract import find_landmarks
from dg.landmarks.fan import load_landmark_net
from dg.shards import FRAME_SCHEMA, write_shard
from dg.synthface import Action, Scene, load_head, render, sample_person
from dg.synthface.head_builder import build_head
from dg.weights import landmarks
from dg.weights.published import PUBLISHED


class WholePicture:
    """A detector that says what both sides know: the picture is the crop."""

    reference_scale = 195

    def detect_from_image(self, image: np.ndarray) -> list[list[float]]:
        """The box around which face_alignment cuts exactly the picture."""
        size = len(image)
        side = size / 200 * self.reference_scale / 2
        x, y = size / 2, size / 2 + 0.12 * side
        return [[x - side / 2, y - side / 2, x + side / 2, y + side / 2, 1.0]]

    def tensor_or_path_to_ndarray(self, path: str) -> np.ndarray:
        """The picture as RGB."""
        return np.asarray(Image.open(path).convert("RGB"))


def crops(folder: Path, count: int, size: int) -> list[bytes]:
    """PNG bytes of SynthFace faces at all yaws."""
    build_head(folder / "head.safetensors")
    head, out = load_head(folder / "head.safetensors"), []
    for k in range(count):
        made = render(head, sample_person(3, k // 8), Action(yaw=-80 + 160 * k / count), Scene(), size)
        stream = io.BytesIO()
        Image.fromarray(made.image).save(stream, "PNG")
        out.append(stream.getvalue())
    return out


def shard(path: Path, pictures: list[bytes]) -> None:
    """A frame shard of the pictures."""
    n = len(pictures)
    columns = {"key": [str(k) for k in range(n)], "image": pictures, "box": np.zeros((n, 4))}
    write_shard(path, FRAME_SCHEMA, columns | {"original_size": np.zeros((n, 2), int)})


def give_random_weights(folder: Path) -> None:
    """Put files of the official form where both sides look for them."""
    torch.manual_seed(0)
    hub = folder / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    os.environ["TORCH_HOME"] = str(folder)
    torch.hub.set_dir(str(folder / "hub"))
    states = {"FAN": FAN(4).state_dict(), "DEPTH": {"state_dict": ResNetDepth().state_dict()}}
    PUBLISHED.mkdir(parents=True, exist_ok=True)
    for name, state in states.items():
        weights = getattr(landmarks, name)
        theirs = hub / weights.names[0]
        torch.save(state, theirs)
        shutil.copyfile(theirs, PUBLISHED / weights.names[0])
        setattr(landmarks, name, dataclasses.replace(weights, sha256=file_digest(theirs)))


def speed(count: int, compiled: bool) -> None:
    """Print pictures a second of both, and their ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures = crops(folder, count, 256)
        (folder / "png").mkdir()
        for k, picture in enumerate(pictures):
            (folder / f"png/{k:04d}.png").write_bytes(picture)
        shard(folder / "frames.arrow", pictures)
        os.chdir(folder)
        give_random_weights(folder)
        find_landmarks("fan", folder / "frames.arrow", folder / "warm.arrow")
        start = time.perf_counter()
        find_landmarks("fan", folder / "frames.arrow", folder / "ours.arrow")
        whole = time.perf_counter() - start
        start = time.perf_counter()
        load_landmark_net("fan")
        # Their networks are loaded before their clock starts.
        ours = count / (whole - (time.perf_counter() - start))
        print(f"{torch.get_num_threads()} threads, {count} crops of 256 px")
        print(f"ours                                 {ours:.2f} pictures/s")
        for flip in (True, False):
            net = FaceAlignment(LandmarksType.THREE_D, device="cpu", flip_input=flip, compile=compiled,
                                face_detector="folder")  # fmt: skip
            net.face_detector = WholePicture()
            net.get_landmarks_from_image(
                str(folder / "png/0000.png"), net.face_detector.detect_from_image(np.zeros((256, 256, 3)))
            )
            start = time.perf_counter()
            net.get_landmarks_from_directory(str(folder / "png"), show_progress_bar=False)
            theirs = count / (time.perf_counter() - start)
            kind = "its default: picture + mirror image" if flip else "flip_input=False"
            print(f"face_alignment, {kind}: {theirs:.2f} pictures/s; ours / theirs = {ours / theirs:.2f}")


def own_peak(frames: Path, out: Path) -> float:
    """Most MiB of its own (not of the mapped shard) that the landmarks step holds; sampled ten times a second."""
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            status = Path("/proc/self/status").read_text()
            peak[0] = max(peak[0], int(status.split("RssAnon:")[1].split()[0]) / 1024)

    watcher = threading.Thread(target=watch)
    watcher.start()
    find_landmarks("fan-synthface", frames, out)
    done.set()
    watcher.join()
    return peak[0]


def memory(count: int) -> None:
    """Print the peaks over a tenth of the pictures and over all of them, each in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder, peaks = Path(name), []
        few = crops(folder, 32, 128)
        for part in (count // 10, count):
            shard(folder / "frames.arrow", [few[k % len(few)] for k in range(part)])
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                peaks.append(pool.submit(own_peak, folder / "frames.arrow", folder / "ours.arrow").result())
            print(f"{part} pictures: peak {peaks[-1]:.0f} MiB")
        print(f"ratio {peaks[1] / peaks[0]:.2f}")


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "memory"))
    parser.add_argument("--count", type=int)
    parser.add_argument("--compile", action="store_true", help="let face_alignment compile its networks (its default)")
    arguments = parser.parse_args()
    if arguments.what == "speed":
        speed(arguments.count or 32, arguments.compile)
    else:
        memory(arguments.count or 10_000)


if __name__ == "__main__":
    main()
