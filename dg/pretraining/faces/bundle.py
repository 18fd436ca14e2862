"""The pictures that the bundled RFG and IDSG learn from, as one file of some 60 MB that travels to any machine.

Few pictures of many people, taken at random from the shots of the three benchmark stand-ins, so that a network that has
learnt from them meets their poses, expressions, lights and backgrounds again, but none of their people.
"""

from __future__ import annotations

import io
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import load_file, save_file
from tqdm import tqdm

from dg.files import replacing
from dg.synthface import (
    MPIE,
    MPIE_LIGHTS,
    Person,
    SynthMpie,
    SynthRafd,
    SynthVox,
    load_head,
    render,
    sample_person,
)
from dg.synthface.sets.plan import Job, Shot

KINDS = ("synth_mpie",) * 5 + ("synth_rafd",) * 3 + ("synth_vox",) * 4
"""Whose shots person number n takes: KINDS[n % 12]."""
SEED = 999_999_937
"""Of the people: other ones than in any set of the pipeline, whose seeds are small."""
QUALITY = 88


def render_bundle(out: Path, head: Path, people: int, pictures: int, size: int, workers: int = 1) -> None:
    """Render `people` x `pictures` and write `out`, a safetensors file; a killed run goes on.

    Tensors, n pictures: jpeg (bytes) uint8, start (n + 1,) int64, where each picture's bytes begin; person (n,) int32;
    kind (n,) uint8, number in `KINDS` of the first that is alike; points (n, 68, 3) float16 exact landmarks in crop
    coordinates; visible (n, 68) uint8; yaw (n,) float16 degrees.

    Args:
        head: SynthFace head model (`build_head`).
        size: pixels.
    """
    if out.exists():
        return
    parts = out.with_suffix(".parts")
    parts.mkdir(parents=True, exist_ok=True)
    work = partial(_person, parts, head, pictures, size)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        files = list(tqdm(pool.map(work, range(people), chunksize=4), total=people, desc="people", disable=None))
    loaded = [load_file(file) for file in files]
    joined = {name: np.concatenate([part[name] for part in loaded]) for name in loaded[0] if name != "start"}
    lengths = np.concatenate([np.diff(part["start"]) for part in loaded])
    joined["start"] = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    with replacing(out) as temporary:
        save_file(joined, temporary)


def _person(parts: Path, head: Path, pictures: int, size: int, number: int) -> Path:
    file = parts / f"{number:05d}.safetensors"
    if file.exists():
        return file
    rng = np.random.default_rng([SEED, number])
    name = KINDS[number % len(KINDS)]
    model, (job, shots) = load_head(head), shots_of(name, number, pictures, size, rng)
    person, data, rows = sample_person(*job.person), [], []
    for shot in shots:
        picture, stream = render(model, person, shot.action, shot.scene, size), io.BytesIO()
        Image.fromarray(picture.image).save(stream, "JPEG", quality=QUALITY)
        data.append(np.frombuffer(stream.getvalue(), np.uint8))
        rows.append(picture)
    tensors = {
        "jpeg": np.concatenate(data),
        "start": np.cumsum([0, *map(len, data)]).astype(np.int64),
        "person": np.full(len(rows), number, np.int32),
        "kind": np.full(len(rows), KINDS.index(name), np.uint8),
        "points": np.stack([row.landmarks for row in rows]).astype(np.float16),
        "visible": np.stack([row.visible for row in rows]).astype(np.uint8),
        "yaw": np.array([row.yaw for row in rows], np.float16),
    }
    with replacing(file) as temporary:
        save_file(tensors, temporary)
    return file


def person_of(number: int) -> Person:
    """Person `number` of a bundle."""
    job, _ = shots_of(KINDS[number % len(KINDS)], number, 1, 128, np.random.default_rng(0))
    return sample_person(*job.person)


def shots_of(name: str, number: int, pictures: int, size: int, rng: np.random.Generator) -> tuple[Job, list[Shot]]:
    """Person `number` of the set `name`, and `pictures` of the shots that it has of that person."""
    few = {"size": size, "seed": SEED}
    if name == "synth_mpie":
        light = "frontal" if rng.random() < 0.6 else str(rng.choice(list(MPIE_LIGHTS)[1:5]))
        plan = SynthMpie(train_people=number + 1, test_people=0, expressions=tuple(MPIE), lights=(light,), **few)
    elif name == "synth_vox":
        plan = SynthVox(train_people=number + 1, test_people=0, clips=1, seconds=8, fps=10, **few)
    else:
        plan = SynthRafd(people=number + 1, **few)
    job = plan.jobs()[number]
    shots = plan.shots(job)
    return job, [shots[k] for k in rng.choice(len(shots), min(pictures, len(shots)), replace=False)]
