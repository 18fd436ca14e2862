"""Faces found and missed by each detector, how steady the crops are over expressions and what that is worth in SSIM:
docs/landmarks.md.

python -m measurements.crops PICTURES [--detectors yunet dlib] [--people 12] [--first 3000] [--photographs FOLDER …]

PICTURES is a folder for the rendered pictures, which are made if they are missing (5 minutes). Each is looked at three
times: as it is; below a wall of one colour, as in a portrait; and before a photograph of no face.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import skimage
import torch
from PIL import Image
from tqdm import tqdm

from dg.landmarks.detectors import Detector, open_detector
from dg.landmarks.face_crop import chosen, crop_box, face_crop
from dg.metrics.ssim import ssim
from dg.pictures import Box, crop, is_picture, read_picture
from dg.synthface import RAFD, Action, Background, Light, Scene, load_head, render, sample_person
from dg.synthface.head_builder import build_head

SIZE = 256
CUT = 128  # pixels, the size of the pipeline's crops at scale sample
ALL, SOME = list(RAFD), ["neutral", "happiness", "surprise"]
EXPRESSIONS = {0: ALL, 30: SOME, 45: ALL, 60: SOME, 75: SOME, 90: ALL}
"""By yaw in degrees; every second person turns the other way."""
WALLS = (
    "coffee.png",
    "brick.png",
    "gravel.png",
    "chelsea.png",
    "motorcycle_left.png",
    "rocket.jpg",
    "grass.png",
    "ihc.png",
)
_SCENE = Scene(
    Light(0, 30, 0.55, ambient=(0.6, 0.6, 0.61), softness=22, room=True),
    Background("plain", (0.86,) * 3, (0.86,) * 3),
    cloth=(0.09, 0.09, 0.1),
)


class Shown(NamedTuple):
    """A rendered face in a picture; `truth`: the square that SynthFace's camera framed."""

    person: int
    yaw: int
    expression: str
    behind: str
    image: np.ndarray
    truth: Box


def rendered(folder: Path, people: range) -> Iterator[Shown]:
    """All of `people`."""
    head_file = folder / "head.safetensors"
    if not head_file.exists():
        build_head(head_file)
    head = load_head(head_file)
    for person in people:
        for yaw, expressions in EXPRESSIONS.items():
            for expression in expressions:
                path = folder / f"{person}_{yaw:02d}_{expression}.npz"
                if not path.exists():
                    action = Action(RAFD[expression], float(yaw if person % 2 else -yaw))
                    made = render(head, sample_person(77, person), action, _SCENE, SIZE)
                    np.savez(path, image=made.image, mask=made.mask)
                with np.load(path) as kept:
                    image, mask = kept["image"], kept["mask"][..., None] / 255
                yield from (
                    Shown(person, yaw, expression, *where) for where in _placed(image, mask, sum(map(ord, path.stem)))
                )


def _placed(image: np.ndarray, mask: np.ndarray, number: int) -> Iterator[tuple[str, np.ndarray, Box]]:
    yield "cropped", image, (0, 0, SIZE, SIZE)
    photograph = Image.open(Path(skimage.__file__).parent / "data" / WALLS[number % len(WALLS)]).convert("RGB")
    for behind, wall, left in (
        ("plain wall", np.full((452, 340, 3), 219, np.uint8), 42),
        ("photograph", np.array(photograph.resize((640, 480))), number * 37 % (640 - SIZE)),
    ):
        top = len(wall) - SIZE
        place = (slice(top, None), slice(left, left + SIZE))
        wall[place] = (mask * image + (1 - mask) * wall[place]).astype(np.uint8)
        yield behind, wall, (left, top, left + SIZE, top + SIZE)


def looked(detector: Detector, shown: Shown) -> dict[str, object]:
    """A row: whether the face was found, what else was, seconds, and the crop in shares of the true one."""
    start = time.process_time()
    found = detector(shown.image)
    seconds = time.process_time() - start
    right = [face for face in found if _overlap(crop_box(*face), shown.truth) > 0.4]
    row = {"found": bool(right), "wrong": len(found) - len(right), "seconds": seconds}
    if right:
        left, top, _, _ = shown.truth
        start = time.process_time()
        box, rough = face_crop(shown.image, chosen(right)), crop_box(*chosen(right))
        row["crop_seconds"] = time.process_time() - start
        row |= {"box": box, "rough_box": rough, "side": (box[2] - box[0]) / SIZE, "rough": (rough[2] - rough[0]) / SIZE}
        row |= {"x": ((box[0] + box[2]) / 2 - left) / SIZE, "y": ((box[1] + box[3]) / 2 - top) / SIZE}
    return row


def ssim_of_cuts(images: list[np.ndarray], boxes: list[Box]) -> float:
    """SSIM of pictures of one person before one camera, each cut by its own box, to the same cut by their mean box.

    A method that paints the truth exactly, framed as the person is framed on average, would reach no more.
    """
    mean = tuple(np.mean(boxes, axis=0))
    own, alike = (
        torch.stack([torch.from_numpy(crop(image, box, CUT).copy()) for image, box in zip(images, cuts)])
        for cuts in (boxes, [mean] * len(boxes))
    )
    return float(ssim(*(cut.permute(0, 3, 1, 2) / 255 for cut in (own, alike))).mean())


def worth(rows: pd.DataFrame) -> pd.DataFrame:
    """SSIM by yaw with the detector's own boxes and with the crops, see `ssim_of_cuts`."""
    eight = rows[rows["found"] & rows["yaw"].isin([0, 45, 90])]
    told = [
        {"yaw": yaw} | {name: ssim_of_cuts(list(group["image"]), list(group[name])) for name in ("rough_box", "box")}
        for (yaw, _, _), group in eight.groupby(["yaw", "behind", "person"])
    ]
    return pd.DataFrame(told).groupby("yaw").mean()


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    sides = [min(a[k + 2], b[k + 2]) - max(a[k], b[k]) for k in (0, 1)]
    both = max(0.0, sides[0]) * max(0.0, sides[1])
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def steadiness(rows: pd.DataFrame) -> pd.DataFrame:
    """Percent of the side, by yaw: what the crops of a person's eight expressions differ by, and from the truth."""
    eight = rows[rows["found"] & rows["yaw"].isin([0, 45, 90])]
    groups = eight.groupby(["yaw", "behind", "person"])
    by_person = pd.DataFrame(
        {
            "detector's own, std": groups["rough"].std(ddof=0) / groups["rough"].mean(),
            "side, std": groups["side"].std(ddof=0) / groups["side"].mean(),
            "side, most": groups["side"].agg(lambda side: np.abs(side / side.mean() - 1).max()),
            "centre, std": np.hypot(groups["x"].std(ddof=0), groups["y"].std(ddof=0)),
        }
    )
    table = 100 * by_person.groupby("yaw").mean()
    table["side, most of all"] = 100 * by_person["side, most"].groupby("yaw").max()
    error = eight.assign(side=(eight["side"] - 1) ** 2, x=(eight["x"] - 0.5) ** 2, y=(eight["y"] - 0.5) ** 2).groupby(
        "yaw"
    )
    table["side from truth, rms"] = 100 * np.sqrt(error["side"].mean())
    table["centre from truth, rms"] = 100 * np.sqrt(error["x"].mean() + error["y"].mean())
    return table


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--detectors", nargs="+", default=["yunet", "dlib"])
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--first", type=int, default=3000, help="number of the first of them")
    parser.add_argument("--photographs", type=Path, nargs="*", default=[])
    a = parser.parse_args()
    os.makedirs(a.pictures, exist_ok=True)
    pd.set_option("display.width", 200)
    for name in a.detectors:
        detector = open_detector(name)
        rows = pd.DataFrame(
            shown._asdict() | looked(detector, shown)
            for shown in tqdm(rendered(a.pictures, range(a.first, a.first + a.people)), desc=name, disable=None)
        )
        missed = rows.assign(missed=~rows["found"]).groupby(["behind", "yaw"])["missed"].agg(["sum", "size"])
        print(f"\n{name}: missed, by yaw\n{(missed['sum'].astype(str) + '/' + missed['size'].astype(str)).unstack()}")
        print(f"wrong: {rows['wrong'].sum()} in {len(rows)} pictures; seconds: {rows['seconds'].mean():.3f} a picture,")
        print(f"and {rows['crop_seconds'].mean():.3f} for the crop\n{steadiness(rows).round(2)}")
        print(f"SSIM to the same cut alike for all expressions\n{worth(rows).round(4)}")
        for folder in a.photographs:
            paths = sorted(path for path in folder.rglob("*") if is_picture(path))
            found = [len(detector(read_picture(path))) for path in paths]
            print(f"{folder.name}: {found.count(0)} of {len(paths)} missed, {sum(n > 1 for n in found)} with several")


if __name__ == "__main__":
    main()
