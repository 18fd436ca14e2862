"""What the bundled IDSG learns from: landmarks of many people in the same poses and expressions, and their face codes.

The bundle's people pose again, without pictures: groups of 60 people in 96 shots each that a group has in common, so
that the truth of every pair within a group is known. Face codes are those of some of the bundle's pictures, with the
landmarks that F_l finds there.

64 shots are as the benchmark stand-ins have them, where lids hardly ever close and mouths move in few ways. An IDSG
that has seen nothing else opens a closed eye again. So 32 more have the same heads and cameras, but random expressions,
half of them with closing lids.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from tqdm import tqdm

from dg.files import replacing
from dg.identity.encoder import load_face_encoder
from dg.landmarks.fan import load_landmark_net
from dg.pretraining.faces.bundle import SEED, person_of, shots_of
from dg.pretraining.faces.pictures import Pictures
from dg.pretraining.faces.shape_head import looked_at
from dg.synthface import Action, Scene, landmarks_in, load_head, random_units
from dg.weights import bundled_digest

GROUP, BENCHMARK, RANDOM = 60, 64, 32
SHOTS = BENCHMARK + RANDOM
SETS = ("synth_mpie", "synth_rafd", "synth_vox")


def make_shapes(bundle: Path, head: Path, out: Path, held_out: float, measured: bool) -> None:
    """Write `out`: points (p, SHOTS, 68, 3) of p people, codes (p, pictures looked at, D), group (p,).

    Nothing is done if `out` is there and E_f and F_l are those that it was made with.

    Args:
        bundle: see `dg.pretraining.faces.bundle`. held_out, measured: whose, see `Pictures`.
    """
    made_with = {name: bundled_digest(name) or "" for name in ("synthface-id", "fan-synthface")}
    if out.exists():
        with safe_open(out, "np") as file:
            if (file.metadata() or {}) == made_with:
                return
        print(f"{out}: made with another E_f or F_l than lies in dg/weights, made anew", flush=True)
    pictures, encoder = Pictures(bundle, torch.device("cpu"), held_out, measured), load_face_encoder("synthface-id")
    landmarks = load_landmark_net("fan-synthface", "cpu")
    model, group = load_head(head), np.arange(len(pictures.people)) // GROUP
    points, codes = [], []
    for k, number in enumerate(tqdm(pictures.numbers, desc="people's shapes", disable=None)):
        if k % GROUP == 0:
            shots = _shots(len(points) // GROUP)
        points.append(landmarks_in(model, person_of(number), shots))
        with torch.no_grad():
            codes.append(encoder(*looked_at(pictures, k, landmarks)).numpy())
    fewest = min(map(len, codes))
    points = np.stack(points)
    with replacing(out) as temporary:
        save_file(
            {"points": points, "codes": np.stack([c[:fewest] for c in codes]), "group": group},
            temporary,
            made_with,
        )


def _shots(group: int) -> list[tuple[Action, Scene]]:
    """The shots that group number `group` has in common."""
    rng, found = np.random.default_rng([SEED, group, 7]), []
    for k, name in enumerate(SETS):
        _, shots = shots_of(name, group, BENCHMARK // 3 + (k < BENCHMARK % 3), 128, rng)
        found += [(shot.action, shot.scene) for shot in shots]
    chosen = rng.choice(BENCHMARK, RANDOM, replace=False)
    return found + [(_expressive(rng, found[k][0], lids=bool(n % 2)), found[k][1]) for n, k in enumerate(chosen)]


def _expressive(rng: np.random.Generator, action: Action, lids: bool) -> Action:
    """The same head with a random expression; with `lids`, both eyes close by one random share."""
    units = random_units(rng)
    if lids:
        units |= dict.fromkeys(("eyeBlinkLeft", "eyeBlinkRight"), float(rng.uniform(0, 1)))
    return replace(action, units=units)
