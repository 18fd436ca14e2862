"""A small prepared data set on disk, for tests of the steps that read one."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from dg.datasets.rows import MANIFEST_SCHEMA
from dg.files import write_parquet
from dg.pictures import encode
from dg.shards import FRAME_SCHEMA, LANDMARK_SCHEMA, identity_schema, write_shard
from dg.timings import TIMES

YAWS = (-90.0, -45.0, 0.0, 45.0, 90.0)
EXPRESSIONS = ("neutral", "happy")


def face_key(person: int, yaw: float, expression: str, light: str = "a") -> str:
    """The key of a row of `face_table`."""
    return f"toy/p{person}/{expression}_{yaw:+.0f}_{light}.png"


def face_table(people: int = 3, split: str = "test", yaws=YAWS, expressions=EXPRESSIONS, lights=("a",)) -> pd.DataFrame:
    """Manifest rows of people in every yaw, expression and light."""
    rows = [
        {
            "key": face_key(person, yaw, expression, light),
            "path": f"p{person}/{expression}_{yaw:+.0f}_{light}.png",
            "subject": f"p{person}",
            "clip": f"p{person}",
            "frame": -1,
            "split": split,
            "yaw": yaw,
            "pitch": 0.0,
            "expression": expression,
            "gaze": "",
            "light": light,
            "session": "",
        }
        for person in range(people)
        for yaw in yaws
        for expression in expressions
        for light in lights
    ]
    return pd.DataFrame(rows, columns=MANIFEST_SCHEMA.names)


def prepare(folder: Path, table: pd.DataFrame, size: int = 32, codes: int = 8, hidden: float = 0.0) -> Path:
    """Write `table` as a prepared set of one shard, with made-up pictures, landmarks and face codes.

    Args:
        size: side of the pictures in pixels, a multiple of 4.
        codes: length of a face code.
        hidden: share of the landmarks that are called invisible.
    """
    rng = np.random.default_rng(0)
    keys = table["key"].tolist()
    coarse = rng.integers(0, 255, (len(keys), 4, 4, 3), np.uint8)
    images = coarse.repeat(size // 4, axis=1).repeat(size // 4, axis=2)
    corner = rng.uniform(0.3, 0.35, (len(keys), 1, 3))
    points = corner + rng.uniform(0, 0.3, (len(keys), 68, 3))
    visible = np.random.default_rng(1).random((len(keys), 68)) >= hidden
    write_parquet(folder / "manifest.parquet", table)
    frames = {"key": keys, "image": [encode(image, "png") for image in images]}
    frames |= {"box": [(0, 0, size, size)] * len(keys), "original_size": [(size, size)] * len(keys)}
    write_shard(folder / "frames/0.arrow", FRAME_SCHEMA, frames)
    marks = {"key": keys, "points": points.reshape(-1, 204).astype(np.float32)}
    marks |= {"visible": visible, "score": np.ones(len(keys)), "pose": np.zeros((len(keys), 6))}
    write_shard(folder / "landmarks/0.arrow", LANDMARK_SCHEMA, marks)
    write_shard(
        folder / "identity/0.arrow",
        identity_schema(codes),
        {"key": keys, "code": rng.normal(size=(len(keys), codes)).astype(np.float32)},
    )
    return folder


def disk_is_full(*_args, **_kwargs):
    """Stands in for a writing function."""
    raise OSError(errno.ENOSPC, "No space left on device")


def left_in(folder: Path) -> list[str]:
    """Names of all files under `folder`, hidden ones too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def took(output: str, rule: str, start: float, end: float, there: bool = True, **told) -> None:
    """Leave a job's benchmark file as Snakemake does, and the job's output.

    Args:
        start: and end, seconds since 1970.
        told: what the file says beside rule and time: wildcards, params, threads, input_size_mb, max_rss.
    """
    path = TIMES / f"{output}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {"wildcards": {}, "params": {}, "threads": 1, "input_size_mb": {}, "max_rss": "NA"} | told
    path.write_text(json.dumps({"rule_name": rule, "s": end - start, **known}), encoding="utf-8")
    os.utime(path, (end, end))
    if there:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        Path(output).touch()


class Pictures(torch.utils.data.Dataset):
    """Pictures (n, H, W, 3) uint8 as torch-fidelity takes them."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, number):
        return torch.from_numpy(self.images[number]).permute(2, 0, 1)


def lay_toy_sets(folder: Path) -> None:
    """Sets of two people in the place of SynthFace's in the repository `folder`, as if Snakemake had prepared them."""
    for name in ("synth_rafd", "synth_mpie", "synth_vox"):
        table = face_table(2, split="train")
        prepare(folder / "data/sets" / name, table.assign(key=table["key"].str.replace("toy", name)), size=64)
    (folder / ".snakemake/metadata").mkdir(parents=True)
