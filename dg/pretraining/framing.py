"""The table behind the crops, dg/landmarks/framing.csv: what F_l's points on SynthFace tell of the camera's framing.

python -m dg.pretraining.framing HEAD.safetensors OUT.csv
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from dg.files import write_csv
from dg.landmarks.fan import LandmarkNet, load_landmark_net
from dg.landmarks.framing import FRONTAL, Laid, lay, mirrored
from dg.pictures import crop
from dg.synthface import RAFD, Action, load_head, random_scene, random_units, render, sample_person

PEOPLE, SHOTS, LOOKS = range(5000, 5220), 4, 2
"""Of whom; their expressions at one camera; crops of each picture, framed a little off."""
SIZE = 192  # pixels
CROP_SCALE, CROP_SHIFT = 0.04, 0.02  # standard deviations: of log side, and of the centre in sides
RIDGE, STEADY = 10.0, 100.0
TURNS = 10  # facts that are no places of points: not held small


def make_framing(head_file: Path, out: Path) -> None:
    """Render people, find their points and fit the table to where the camera's picture lies (15 minutes)."""
    write_csv(out, pd.DataFrame(fit_table(_found(head_file)).numpy().round(6), columns=["right", "down", "grown"]))


def fit_table(points: Tensor) -> Tensor:
    """(F, 3) from points (people, looks, 68, 3) in coordinates of SynthFace's pictures, whose centre is 0.5, side 1.

    Least squares, with RIDGE times the squares of what multiplies the places of points. What one person's expressions
    at one camera differ by counts STEADY times what people differ by: source, reference and truth are to be framed
    alike, while a head a little larger than another harms nobody.
    """
    both = torch.cat([points, mirrored(points) + points.new_tensor([1, 0, 0])])
    laid = lay(both.flatten(0, 1))
    facts, wanted = (values.unflatten(0, both.shape[:2]) for values in (laid.facts, _wanted(laid)))
    yaw = laid.pose[:, 0].unflatten(0, both.shape[:2]).mean(1)
    facts, wanted = facts[yaw > -FRONTAL], wanted[yaw > -FRONTAL]
    held = torch.full((facts.shape[-1],), RIDGE, dtype=torch.float64)
    held[:TURNS] = 1e-6
    squares, products = torch.diag(held), torch.zeros(facts.shape[-1], 3, dtype=torch.float64)
    for weight, part in ((points.shape[1], lambda values: values.mean(1)), (STEADY, _beside_mean)):
        squares = squares + weight * part(facts).T @ part(facts)
        products = products + weight * part(facts).T @ part(wanted)
    return torch.linalg.solve(squares, products)


def _beside_mean(values: Tensor) -> Tensor:
    """(people, looks, F) less each person's mean: (people * looks, F)."""
    return (values - values.mean(1, keepdim=True)).flatten(0, 1)


def _wanted(laid: Laid) -> Tensor:
    x, y, scale = laid.pose[:, 3:].unbind(1)
    return torch.stack([(0.5 - x) / scale, (0.5 - y) / scale, -scale.log()], 1)


def _found(head_file: Path) -> Tensor:
    """(people, looks, 68, 3)."""
    head, net, rng = load_head(head_file), load_landmark_net("fan-synthface"), np.random.default_rng(5)
    found = []
    for number in tqdm(PEOPLE, desc="framing", unit="person", disable=None):
        person = sample_person(77, number)
        yaw = float(rng.choice([0, 45, 90, rng.uniform(20, 100)]) * rng.choice([-1, 1]))
        pitch, roll = rng.normal(0, 6, 2) if rng.random() < 0.5 else (0.0, 0.0)
        for shot in range(SHOTS):
            units = RAFD[str(rng.choice(sorted(RAFD)))] if shot % 2 else random_units(rng)
            scene = dataclasses.replace(random_scene(rng), shift=(0.0, 0.0), scale=1.0)
            action = Action(units, float(np.clip(yaw, -90, 90)), float(pitch), float(roll))
            image = render(head, person, action, scene, SIZE).image
            found += [_points(net, image, rng) for _ in range(LOOKS)]
    return torch.stack(found).unflatten(0, (len(PEOPLE), -1))


def _points(net: LandmarkNet, image: np.ndarray, rng: np.random.Generator) -> Tensor:
    """(68, 3) in coordinates of the picture, seen in a crop that is a little off."""
    side, (x, y) = np.exp(rng.normal(0, CROP_SCALE)), 0.5 + rng.normal(0, CROP_SHIFT, 2)
    corner = torch.tensor([x - side / 2, y - side / 2, 0.5 - side / 2], dtype=torch.float64)
    box = tuple(SIZE * edge for edge in (x - side / 2, y - side / 2, x + side / 2, y + side / 2))
    face = torch.from_numpy(crop(image, box, SIZE).copy()).permute(2, 0, 1)[None] / 255
    return net.detect(face).points[0].double() * side + corner


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("head", type=Path, help="SynthFace's head model, data/synthface/head.safetensors")
    parser.add_argument("out", type=Path)
    told = parser.parse_args()
    make_framing(told.head, told.out)
