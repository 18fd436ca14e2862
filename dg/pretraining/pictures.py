"""The training pictures: the shots of SynthFace's set `synth_people`, with the person's mask stored beside each."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from dg.files import read_parquet, replacing, write_parquet
from dg.synthface import load_head, render, sample_person
from dg.synthface.sets.people import SynthPeople
from dg.synthface.sets.plan import Job


def make_people(out: Path, head: Path, plan: SynthPeople, workers: int = 1) -> None:
    """Render `plan` and write `out`/index.parquet last, so where it exists the set is whole. A killed run goes on.

    The pictures are those of `make_set(plan, …)`; that function keeps no masks, without which training could
    not put other backgrounds behind the people.

    Args:
        head: SynthFace head model (`python -m dg head`).
    """
    if (out / "index.parquet").exists():
        return
    jobs = plan.jobs()
    work = partial(_person, out, head, plan)
    # Spawned, not forked: the parent may hold threads of NumPy or torch.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        parts = list(tqdm(pool.map(work, jobs), total=len(jobs), desc="people", disable=None))
    write_parquet(out / "index.parquet", pd.concat([read_parquet(part) for part in parts], ignore_index=True))


def _person(out: Path, head: Path, plan: SynthPeople, job: Job) -> Path:
    part = out / "rows" / f"{job.name}.parquet"
    if part.exists():
        return part
    model, person, rows = load_head(head), sample_person(*job.person), []
    for shot in plan.shots(job):
        picture = render(model, person, shot.action, shot.scene, plan.size)
        mask = f"masks/{Path(shot.path).relative_to('pictures').with_suffix('.png')}"
        for path, pixels in ((shot.path, picture.image), (mask, picture.mask)):
            with replacing(out / path) as temporary:
                Image.fromarray(pixels).save(temporary)
        pose = {"yaw": picture.yaw, "pitch": picture.pitch, "roll": picture.roll}
        landmarks = picture.landmarks.astype(np.float32).ravel()
        rows.append(
            {"path": shot.path, "mask": mask, "subject": job.subject, **pose, "landmarks": landmarks,
             "visible": picture.visible}
        )  # fmt: skip
    write_parquet(part, pd.DataFrame(rows))
    return part
