"""Draw the landmark network's points on photographs: python -m measurements.photographs FOLDER SHEET.png [--count 12]

Green points are taken for visible, red ones for hidden. The sheet shows real people: keep it off Git and name the
photographs' source where you show it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from dg.files import replacing
from dg.landmarks.face_crop import find_face_crop
from dg.landmarks.fan import BACKENDS, load_landmark_net
from dg.landmarks.regions import EDGES
from dg.pictures import crop, read_picture

TILE, COLUMNS = 384, 4


def main() -> None:
    """Pictures are taken evenly from the sorted list of all JPEG and PNG files under the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--backend", choices=BACKENDS, default="fan-synthface")
    arguments = parser.parse_args()
    net = load_landmark_net(arguments.backend)
    found = sorted(path for kind in ("jpg", "jpeg", "png") for path in arguments.folder.rglob(f"*.{kind}"))
    chosen = [found[k] for k in np.linspace(0, len(found) - 1, min(arguments.count, len(found))).astype(int)]
    tiles = []
    for path in chosen:
        picture = read_picture(path)
        box = find_face_crop(picture)
        if box is None:
            print(f"{path}: no face found")
            continue
        face = crop(picture, box, 256)
        found = net.detect(torch.from_numpy(face.copy()).permute(2, 0, 1)[None] / 255)
        verdict = "" if float(found.score) > net.face_threshold else " (taken for no face)"
        print(f"{path}: score {float(found.score):.2f}{verdict}")
        tiles.append(drawn(face, found.points[0, :, :2].numpy(), found.visible[0].numpy()))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    rows = [np.concatenate(tiles[k : k + COLUMNS], 1) for k in range(0, len(tiles), COLUMNS)]
    with replacing(arguments.out) as temporary:
        Image.fromarray(np.concatenate(rows)).save(temporary, "png")


def drawn(face: np.ndarray, points: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """(TILE, TILE, 3) uint8: the face with the 68 points and their lines."""
    tile = Image.fromarray(face).resize((TILE, TILE))
    draw, places = ImageDraw.Draw(tile), points * TILE
    for a, b in EDGES:
        draw.line([*places[a], *places[b]], fill=(255, 255, 0))
    for (x, y), seen in zip(places, visible):
        draw.ellipse([x - 2, y - 2, x + 2, y + 2], fill=(0, 255, 0) if seen else (255, 0, 0))
    return np.asarray(tile)


if __name__ == "__main__":
    main()
