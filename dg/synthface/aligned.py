"""The aligned ground truth of any pair: the source person in the reference's pose and expression."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from dg.errors import DgError

from .head import Head
from .people import sample_person
from .render import Rendered, render
from .sets import planned
from .sets.plan import Job, Shot, SynthSet


def aligned_truth(folder: Path, head: Head, source: tuple[str, int], reference: tuple[str, int]) -> Rendered:
    """Render what a perfect reenactment of a pair of pictures of one set would be.

    Person, light, background and clothes are the source's; pose, expression, gaze and framing the reference's. With
    the source itself as the reference it is the source picture, byte for byte.

    Args:
        folder: a set that `make_set` made.
        source, reference: (path, frame) as index.parquet has them; frame 0 for pictures.

    Raises:
        DgError: `folder` holds no set, or the set has no such picture.
    """
    stamp = Path(folder) / "parameters.json"
    if not stamp.exists():
        raise DgError(f"{stamp}: not found. The folder holds no SynthFace set; python -m dg synthface makes one.")
    made = json.loads(stamp.read_text(encoding="utf-8"))
    plan = planned(made["set"], made["settings"])
    shown = {key: found for key in {source, reference} if (found := _find(plan, *key)) is not None}
    for key in (source, reference):
        if key not in shown:
            raise DgError(
                f"{folder}: the set has no picture {key[0]}, frame {key[1]}; index.parquet lists what it has."
            )
    job, shot = shown[source]
    _, driving = shown[reference]
    framing = {key: getattr(driving.scene, key) for key in ("shift", "scale", "body_turn")}
    scene = dataclasses.replace(shot.scene, **framing)
    return render(head, sample_person(*job.person), driving.action, scene, plan.size)


def _find(plan: SynthSet, path: str, frame: int) -> tuple[Job, Shot] | None:
    for job in plan.jobs():
        # Paths begin with the subject's folder: other people's shots need not be drawn.
        if f"/{job.subject}/" in path:
            for shot in plan.shots(job):
                if (shot.path, shot.frame) == (path, frame):
                    return job, shot
    return None
