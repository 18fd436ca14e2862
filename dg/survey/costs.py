"""How much room and time the faces of a data set will take, and what those numbers rest on."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from dg.datasets.rows import Source, is_video
from dg.errors import DgError
from dg.files import read_json
from dg.identity import DIMENSIONS
from dg.params import Params
from dg.pictures import BrokenPicture, centre_square, crop, encode, read_picture
from dg.shards import FRAME_SCHEMA, LANDMARK_SCHEMA, identity_schema
from dg.steps.registry import step_settings
from dg.timings import Timing, read_timings
from dg.videos import read_frames

_LOOKED_AT = 8


def disk(params: Params, source: Source, faces: pd.DataFrame, count: int) -> list[str]:
    """Lines on the room that `count` faces take, by the size of a few of the set's own pictures."""
    key = faces["key"].str.len().mean() + 4
    kinds = {"landmarks": LANDMARK_SCHEMA, "face codes": identity_schema(DIMENSIONS[params.identity.backend])}
    told = ", ".join(f"{kind} {_room(count * (key + _fixed(schema)))}" for kind, schema in kinds.items())
    crops = list(_crops(params, source, faces))
    free = f"{_room(shutil.disk_usage('.').free)} are free here"
    if not crops:
        return [f"Disk: faces not known (none of {_LOOKED_AT} pictures could be read), {told}; {free}."]
    size = _room(count * (np.mean(crops) + 4 + key + _fixed(FRAME_SCHEMA)))
    side, form = params.sizes.image_size, params.sizes.image_format
    return [
        f"Disk: faces {size} (by the middle of {len(crops)} of its pictures, {side} px {form}, "
        f"{_room(np.mean(crops))} each), {told}; {free}."
    ]


def _fixed(schema: pa.Schema) -> float:
    """Bytes of a row, all but texts and pictures."""
    lists = [field.type for field in schema if pa.types.is_fixed_size_list(field.type)]
    return sum(each.list_size * each.value_type.bit_width for each in lists) / 8


def _crops(params: Params, source: Source, faces: pd.DataFrame) -> Iterator[int]:
    """Bytes of a few of the set's pictures, as large and in the format as faces will be."""
    chosen = np.random.default_rng(0).permutation(len(faces))[:_LOOKED_AT]
    for path, frame in faces[["path", "frame"]].iloc[chosen].itertuples(index=False):
        try:
            if is_video(path):
                image = next(shown for _, _, shown in read_frames(source.raw / path, [frame]))
            else:
                image = read_picture(source.raw / path)
        except (BrokenPicture, StopIteration):
            continue
        face = crop(image, centre_square(image), params.sizes.image_size)
        yield len(encode(face, params.sizes.image_format))


def hours(params: Params, dataset: str, count: int) -> list[str]:
    """Lines on the time that `count` faces take, by how long jobs of the same values took on this machine."""
    timings = read_timings()
    cores = os.cpu_count() or 1
    lines, unknown = [], []
    for step, which in (("frames", {"dataset": dataset}), ("landmarks", {}), ("identity", {})):
        wanted = _values(step_settings(params, step, **which).plain())
        seconds, seen = _measured(step, wanted, timings)
        if not seen:
            unknown.append(step)
            continue
        each = seconds / seen
        lines.append(
            f"Time: {step} {_hours(each * count / 3600 / cores)} hours on {cores} cores (by {seen:,} pictures that "
            f"took {each:.2g} s each here, with the same values)."
        )
    if unknown:
        lines.append(f"Time: {', '.join(unknown)} not known: with these values none has run on this machine yet.")
    return [*lines, "What trainings and tests take says python -m dg plan."]


def _hours(hours: float) -> str:
    return f"{hours:.2g}" if hours < 10 else f"{hours:,.0f}"


def _room(size: float) -> str:
    unit = min(3, max(1, int(math.log10(max(size, 1)) // 3)))
    return f"{size / 1000**unit:.3g} {' kMG'[unit]}B"


_UNLIKE = {"code", "dataset", "shards", "raw"}
"""Values that don't change what a picture takes."""


def _values(settings: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in settings.items() if key not in _UNLIKE}


def _measured(step: str, wanted: dict[str, object], timings: dict[str, Timing]) -> tuple[float, int]:
    """Seconds that jobs of the step took on this machine, and how many pictures those were."""
    seconds, pictures = 0.0, 0
    for output, timing in timings.items():
        if timing.rule == step and _values(timing.settings) == wanted:
            shard = Path(output).with_suffix(".json")
            kind = "frames" if step == "frames" else "landmarks"  # codes are of the faces that have landmarks
            try:
                report = read_json(shard.parent.parent / kind / shard.name)
            except DgError:
                continue
            faceless = report.get("faceless", []) if step == "landmarks" else []
            pictures += report["rows"] if step == "frames" else report["faces"] + len(faceless)
            seconds += timing.seconds
    return seconds, pictures
