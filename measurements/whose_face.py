"""How often is a person's face told from another beside it, by one picture of theirs? The table of docs/landmarks.md.

    python -m measurements.whose_face [--photographs FOLDER] [--people 24]

FOLDER/<person>/neutral.jpg is what each is known by, smiling.jpg the face in question, beside that of everybody else.
The same of SynthFace's people: known by a frontal neutral picture, asked about others at 0, 30 and 60 degrees of yaw.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from dg.identity.encoder import load_face_encoder
from dg.known_people import meant
from dg.landmarks.detectors import open_detector
from dg.landmarks.face_crop import chosen, face_crop, face_points
from dg.pictures import crop, read_picture
from dg.recognition.sface import SFace
from dg.synthface import EXPRESSIONS, Action, load_head, random_scene, render, sample_person
from dg.synthface.head_builder import build_head

SIDE = 256
YAWS = (0.0, 30.0, 60.0)

Codes = dict[str, np.ndarray]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--people", type=int, default=24)
    a = parser.parse_args()
    coder = _coder()
    rows = []
    if a.photographs:
        folders = sorted(path.parent for path in a.photographs.glob("*/neutral.jpg"))
        if len(folders) < 2:
            parser.error(f"{a.photographs}: holds fewer than two people, <person>/neutral.jpg and smiling.jpg")
        faces = [
            [coder(read_picture(folder / f"{name}.jpg")) for name in ("neutral", "smiling")] for folder in tqdm(folders)
        ]
        rows += told("photographs", *zip(*faces))
    pictures = synthetic(a.people)
    known = [coder(shown[0]) for shown in tqdm(pictures)]
    for number, yaw in enumerate(YAWS, 1):
        rows += told(f"SynthFace, {yaw:.0f} degrees", known, [coder(shown[number]) for shown in tqdm(pictures)])
    print(pd.DataFrame(rows).round(3).to_string(index=False))


def synthetic(people: int) -> list[list[np.ndarray]]:
    """Of each person a neutral frontal picture, and one smiling at each of YAWS in another scene."""
    with tempfile.TemporaryDirectory() as folder:
        build_head(path := Path(folder) / "head.safetensors")
        head = load_head(path)
    shown = []
    for number in tqdm(range(people)):
        person = sample_person(0, 9_400_000 + number)
        actions = [Action(EXPRESSIONS["neutral"]), *(Action(EXPRESSIONS["smile"], yaw) for yaw in YAWS)]
        scenes = [random_scene(np.random.default_rng([number, k])) for k in range(len(actions))]
        shown.append([render(head, person, *how, 160).image for how in zip(actions, scenes)])
    return shown


def _coder() -> Callable[[np.ndarray], Codes]:
    detector, sface, encoder = open_detector("yunet"), SFace(), load_face_encoder("synthface-id")

    def codes(image: np.ndarray) -> Codes:
        found = detector(image)
        seen = crop(image, face_crop(image, chosen(found)), SIDE) if found else image
        points = face_points(seen)
        pixels = torch.from_numpy(seen.copy()).permute(2, 0, 1)[None] / 255
        made = {
            "SFace": sface(seen, points),
            "synthface-id": encoder(pixels, torch.from_numpy(points)[None])[0].numpy(),
        }
        return {name: code / np.linalg.norm(code) for name, code in made.items()}

    return codes


def told(what: str, known: list[Codes], asked: list[Codes]) -> list[dict[str, object]]:
    """A row per recogniser: shares of pairs of people of which the right face, the wrong one or none is told."""
    rows = []
    for name in known[0]:
        alike = np.stack([code[name] for code in known]) @ np.stack([code[name] for code in asked]).T
        pairs = [(i, j) for i in range(len(alike)) for j in range(len(alike)) if i != j]
        answers = [meant(alike[i, [i, j]]) for i, j in pairs]
        own, others = np.diag(alike).mean(), np.mean([alike[pair] for pair in pairs])
        shares = {word: np.mean([answer == way for answer in answers]) for word, way in (("right", 0), ("wrong", 1))}
        untold = np.mean([answer is None for answer in answers])
        rows.append(
            {"faces": what, "by": name, "pairs": len(pairs), **shares, "not told": untold, "own": own, "others": others}
        )
    return rows


if __name__ == "__main__":
    main()
