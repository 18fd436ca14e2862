"""What the bundled IDSG learns from: landmarks of many people in the same poses and expressions, and their face codes.

The bundle's people pose again, without pictures: groups of 60 people in 64 shots each that a group has in common, so
that the truth of every pair within a group is known. Face codes are those of the bundle's pictures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from tqdm import tqdm

from dg.files import replacing
from dg.identity.encoder import load_face_encoder
from dg.pretraining.faces.bundle import SEED, person_of, shots_of
from dg.pretraining.faces.pictures import Pictures
from dg.synthface import landmarks_in, load_head

GROUP, SHOTS = 60, 64
SETS = ("synth_mpie", "synth_rafd", "synth_vox")


def make_shapes(bundle: Path, head: Path, out: Path, held_out: float, measured: bool) -> None:
    """Write `out`: points (p, SHOTS, 68, 3) of p people, codes (p, pictures, D), group (p,).

    Args:
        bundle: see `dg.pretraining.faces.bundle`. held_out, measured: whose, see `Pictures`.
    """
    if out.exists():
        return
    pictures, encoder = Pictures(bundle, torch.device("cpu"), held_out, measured), load_face_encoder("synthface-id")
    model, group = load_head(head), np.arange(len(pictures.people)) // GROUP
    points, codes = [], []
    for k, number in enumerate(tqdm(pictures.numbers, desc="people's shapes", disable=None)):
        if k % GROUP == 0:
            shots = _shots(len(points) // GROUP)
        points.append(landmarks_in(model, person_of(number), shots))
        images, _ = pictures.images_of(k)
        with torch.no_grad():
            codes.append(encoder(images).numpy())
    fewest = min(map(len, codes))
    points = np.stack(points)
    with replacing(out) as temporary:
        save_file(
            {"points": points, "codes": np.stack([c[:fewest] for c in codes]), "group": group},
            temporary,
        )


def _shots(group: int) -> list[tuple]:
    """(Action, Scene) of the shots that group number `group` has in common."""
    rng, found = np.random.default_rng([SEED, group, 7]), []
    for k, name in enumerate(SETS):
        _, shots = shots_of(name, group, SHOTS // 3 + (k < SHOTS % 3), 128, rng)
        found += [(shot.action, shot.scene) for shot in shots]
    return found
