"""Are SynthFace's people distinct? python -m measurements.identities [--people 40] [--size 128]

dlib's face recogniser, which has no part in making SynthFace, looks at people of no data set, each with three
expressions at nine yaws under random light and background. Printed: the AUC of "same person" against "different people"
over all pairs of pictures whose yaws both lie within a bound, and within a bound of each other.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from itertools import chain
from pathlib import Path

import numpy as np
from scipy.stats import mannwhitneyu

from dg.metrics.csim import Dlib
from dg.synthface import EXPRESSIONS, Action, load_head, random_scene, render, sample_person
from dg.synthface.head_builder import build_head

YAWS = (-45, -30, -20, -10, 0, 10, 20, 30, 45)
SHOWN = ("neutral", "smile", "surprise")
STRANGERS = 9_000_000  # no data set's people begin here


@cache
def _tools(head: Path):
    return load_head(head), Dlib()


def embed(head: Path, size: int, number: int) -> list[tuple[int, int, np.ndarray]]:
    """(person, yaw, dlib's embedding) of every picture of person `number`."""
    model, dlib = _tools(head)
    person, out = sample_person(0, STRANGERS + number), []
    for e, expression in enumerate(SHOWN):
        for k, yaw in enumerate(YAWS):
            rng = np.random.default_rng([number, e, k])
            tilt = rng.normal(0, 5, 2)
            action = Action(EXPRESSIONS[expression], yaw, float(tilt[0]), float(tilt[1]))
            made = render(model, person, action, random_scene(rng), size)
            out.append((number, yaw, dlib(made.image, made.landmarks)))
    return out


def auc(same: np.ndarray, different: np.ndarray) -> float:
    """Chance that a pair of one person is nearer than a pair of two."""
    return float(mannwhitneyu(same, different).statistic / len(same) / len(different))


def table(rows: list[tuple[int, int, np.ndarray]]) -> list[tuple[int, float, float, int]]:
    """(bound in degrees, AUC with both yaws within it, AUC with yaws that far apart at most, pairs of the first)."""
    person, yaw, codes = (np.array(column) for column in zip(*rows))
    first, second = np.triu_indices(len(person), 1)
    nearness = -np.linalg.norm(codes[first] - codes[second], axis=1)
    same = person[first] == person[second]

    def over(pairs: np.ndarray) -> float:
        return auc(nearness[pairs & same], nearness[pairs & ~same])

    out = []
    for bound in (0, 10, 20, 30, 45, 90):
        within = (np.abs(yaw[first]) <= bound) & (np.abs(yaw[second]) <= bound)
        out.append((bound, over(within), over(np.abs(yaw[first] - yaw[second]) <= bound), int(within.sum())))
    return out


def main() -> None:
    """Render, embed, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--size", type=int, default=128)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(os.cpu_count()) as pool:
        head = Path(folder) / "head.safetensors"
        build_head(head)
        rows = list(chain.from_iterable(pool.map(partial(embed, head, arguments.size), range(arguments.people))))
    print(f"{arguments.people} people x {len(SHOWN)} expressions x {len(YAWS)} yaws, {arguments.size} px")
    print("yaw   both within it   that far apart at most   pairs (both within)")
    for bound, within, apart, pairs in table(rows):
        print(f"{bound:3d}   {within:.4f}           {apart:.4f}                   {pairs}")


if __name__ == "__main__":
    main()
