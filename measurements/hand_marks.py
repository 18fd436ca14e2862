"""Landmarks against points marked by hand: python -m measurements.hand_marks LONDON SHEET.png

LONDON is the Face Research Lab London Set (DeBruine & Jones 2017, CC BY 4.0): <subject>/neutral.jpg, its 189 marks
neutral.csv, and smiling.jpg. The marks that correspond to iBUG points are in `MARKS`; distances are shares of the
distance between the pupils, marks 0 and 1. Smiling pictures have no marks: there dlib's 68-point predictor stands in
for them, and is measured against the marks on the neutral pictures, so that one sees what that is worth.

A failure is a picture without a face, a score under the network's threshold, or a mean error over 15 %.
The sheet shows the worst pictures and every failure; it shows real people: keep it off Git and name the source.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import dlib
import numpy as np
import pandas as pd
import torch
from PIL import Image

from dg.files import replacing
from dg.landmarks.detectors import dlib_faces
from dg.landmarks.face_crop import find_face_crop
from dg.landmarks.fan import BACKENDS, LandmarkNet, load_landmark_net
from dg.packaged import dlib_weights
from dg.pictures import crop, read_picture
from measurements.photographs import drawn

MARKS = {
    "eye corners": {36: (18,), 39: (22,), 42: (23,), 45: (27,)},
    "mouth corners": {48: (87,), 54: (93,)},
    "nose tip": {30: (54, 60)},  # the tip itself has no mark: the middle between those on its two sides
    "brow ends": {17: (71,), 21: (76,), 22: (77,), 26: (82,)},
}
"""iBUG points (0-67) and the set's marks (0-188) whose mean they are held to."""

FAILED = 0.15


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--backend", choices=BACKENDS, default="fan-synthface")
    parser.add_argument("--show", type=int, default=8, help="how many of the worst pictures the sheet shows")
    arguments = parser.parse_args()
    net = load_landmark_net(arguments.backend)
    predictor = dlib.shape_predictor(dlib_weights("shape_predictor_68_face_landmarks.dat"))
    rows, tiles = [], []
    for path in sorted(arguments.folder.glob("*/*.jpg")):
        row, tile = measure(net, predictor, path)
        rows.append(row)
        tiles.append(tile)
    table = pd.DataFrame(rows)
    for kind, pictures in table.groupby("kind"):
        against = "hand marks" if kind == "neutral" else "dlib's points (a stand-in: no hand marks exist)"
        failed = pictures["failure"] != ""
        print(
            f"{kind}: {len(pictures)} pictures, {failed.sum()} failures; errors against {against}, % of pupil distance"
        )
        means = pictures[[*MARKS, "all"]].mean() * 100
        print("  " + ", ".join(f"{name} {value:.1f}" for name, value in means.items()))
        if kind == "neutral":
            print(f"  dlib's points against the same marks: {100 * pictures['dlib'].mean():.1f}")
        for _, row in pictures[failed].iterrows():
            print(f"  FAILED {row['picture']}: {row['failure']}")
    order = np.argsort(-table["all"].fillna(np.inf).to_numpy())
    chosen = [tiles[k] for k in order[: arguments.show]]
    sheet = [np.concatenate(chosen[k : k + 4], 1) for k in range(0, len(chosen) - len(chosen) % 4, 4)]
    with replacing(arguments.sheet) as temporary:
        Image.fromarray(np.concatenate(sheet)).save(temporary, "png")


def corresponding(points: np.ndarray) -> dict[str, np.ndarray]:
    """(68, 2) points -> name of a group -> (n, 2)."""
    return {name: points[list(pairs)] for name, pairs in MARKS.items()}


def marked(marks: np.ndarray) -> dict[str, np.ndarray]:
    """(189, 2) marks -> name of a group -> (n, 2), the places that `corresponding` is held to."""
    return {name: np.stack([marks[list(m)].mean(0) for m in pairs.values()]) for name, pairs in MARKS.items()}


def errors(found: dict[str, np.ndarray], truth: dict[str, np.ndarray], unit: float) -> dict[str, float]:
    """Mean distance per group and over all points, in `unit`s."""
    each = {name: np.linalg.norm(found[name] - truth[name], axis=1) / unit for name in truth}
    return {name: float(values.mean()) for name, values in each.items()} | {
        "all": float(np.concatenate(list(each.values())).mean())
    }


def measure(net: LandmarkNet, predictor: dlib.shape_predictor, path: Path) -> tuple[dict, np.ndarray]:
    """One picture: its row of the table, and its tile of the sheet."""
    picture, name = read_picture(path), f"{path.parent.name}/{path.name}"
    row = {"picture": name, "kind": path.stem, "failure": "", "dlib": np.nan}
    box = find_face_crop(picture)
    if box is None:
        return row | {"failure": "no face found"}, np.zeros((384, 384, 3), np.uint8)
    shown = crop(picture, box, 256)
    found = net.detect(torch.from_numpy(shown.copy()).permute(2, 0, 1)[None] / 255)
    tile = drawn(shown, found.points[0, :, :2].numpy(), found.visible[0].numpy())
    points = found.points[0, :, :2].numpy() * (box[2] - box[0]) + box[:2]
    face = dlib.rectangle(*(round(edge) for edge in dlib_faces(picture)[0][0]))
    theirs = np.array([(p.x, p.y) for p in predictor(picture, face).parts()], float)
    marks = path.with_suffix(".csv")
    if marks.exists():
        places = pd.read_csv(marks).to_numpy()
        truth, unit = marked(places), float(np.linalg.norm(places[0] - places[1]))
        row["dlib"] = errors(corresponding(theirs), truth, unit)["all"]
    else:
        truth = corresponding(theirs)
        unit = float(np.linalg.norm(theirs[36:42].mean(0) - theirs[42:48].mean(0)))
    row |= errors(corresponding(points), truth, unit)
    if float(found.score) < net.face_threshold:
        row["failure"] = f"score {float(found.score):.2f}, taken for no face"
    elif row["all"] > FAILED:
        row["failure"] = f"mean error {100 * row['all']:.0f} %"
    return row, tile


if __name__ == "__main__":
    main()
