"""The head model of SynthFace, as rendering uses it; `build_head` makes its file.

`load_head` maps that file; it needs NumPy only, so render workers start in milliseconds and never import torch, warp or
anny.

Coordinates everywhere in SynthFace: decimetres, x to the person's left, y up, z forward (out of the face). Seen from
the front, +x is the picture's right.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np

from dg.errors import DgError

FORMAT = "synthface-head-3"

SKIN, MOUTH, EYE_LEFT, EYE_RIGHT, TEETH, TONGUE = range(6)
"""Values of `Head.face_part`."""

ACTION_UNITS = """
    browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft
    cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight
    eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft
    eyeWideRight jawForward jawLeft jawOpen jawRight mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft
    mouthFrownRight mouthFunnel mouthLeft mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight
    mouthPucker mouthRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft
    mouthSmileRight mouthStretchLeft mouthStretchRight mouthUpperUpLeft mouthUpperUpRight noseSneerLeft
    noseSneerRight tongueOut
""".split()
"""The 52 ARKit units, the rows of `Head.actions`."""

PHENOTYPES = tuple(
    [
        f"universal-{g}-{a}-{m}muscle-{w}weight"
        for g in ("male", "female")
        for a in ("young", "old")
        for m in ("min", "average", "max")
        for w in ("min", "average", "max")
    ]
    + [f"{r}-{g}-{a}" for r in ("african", "asian", "caucasian") for g in ("male", "female") for a in ("young", "old")]
)
"""Names of the rows of `Head.phenotypes`: MakeHuman's adult body types and faces."""


@dataclasses.dataclass(frozen=True, eq=False)
class Head:
    """A linear model of adult heads with neck and shoulders; V vertices, F triangles.

    Attributes:
        template: (V, 3) float32, dm. The average mesh.
        faces: (F, 3) int32 vertex indices, counter-clockwise from outside.
        face_part: (F,) uint8, one of SKIN, MOUTH, EYE_LEFT, EYE_RIGHT, TEETH, TONGUE.
        face_uv: (F, 3, 2) float32, atlas texels (column, row) of the corners; only SKIN faces use it.
        phenotypes: (48, V, 3) float16 offsets in dm, rows named by `PHENOTYPES`.
        controls: (C, 2, V, 3) float16 offsets in dm: [c, 0] for a weight of +1, [c, 1] for -1 (zero if one-sided).
        control_names: C names such as "nose-hump" or "asym-eye-1".
        actions: (52, V, 3) float16 offsets in dm of the ARKit units `ACTION_UNITS` at weight 1.
        mirror: (V,) int32, the vertex at the mirrored place.
        ambient: (V,) float32 in [0, 1], the share of the sky a vertex of the template sees.
        twist: (V,) float32 in [0, 1], 1 where a vertex turns with the head and 0 where it stays with the body.
        atlas_fill: (H, W) int32, for each texel of the atlas the nearest used texel, as an index into N.
        atlas_xyz: (N, 3) float32, template position in dm of each used texel.
        atlas_masks: (N, 5) uint8 in 0-255: lips, eyelids, face, ears, lashes (the upper lids' edges).
        lid_margin: (V,) uint8, 1 on the edge of an upper lid, 2 of a lower one, where eyelashes are rooted; else 0.
    """

    template: np.ndarray
    faces: np.ndarray
    face_part: np.ndarray
    face_uv: np.ndarray
    phenotypes: np.ndarray
    controls: np.ndarray
    actions: np.ndarray
    mirror: np.ndarray
    ambient: np.ndarray
    twist: np.ndarray
    atlas_fill: np.ndarray
    atlas_xyz: np.ndarray
    atlas_masks: np.ndarray
    lid_margin: np.ndarray
    control_names: tuple[str, ...]

    def shape(self, phenotype: np.ndarray, control: np.ndarray) -> np.ndarray:
        """Vertices at rest, (V, 3) float32 dm, for weights (48,) and control values (C,) in about [-1, 1]."""
        rest = self.template.astype(np.float32, copy=True)
        for row in np.flatnonzero(phenotype):
            rest += np.float32(phenotype[row]) * self.phenotypes[row]
        for row in np.flatnonzero(control):
            rest += np.float32(abs(control[row])) * self.controls[row, 0 if control[row] > 0 else 1]
        return rest

    def act(self, rest: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """`rest` (V, 3) with the 52 action units at `weights` (52,), usually in [0, 1]. Returns (V, 3) float32."""
        out = rest.copy()
        for row in np.flatnonzero(weights):
            out += np.float32(weights[row]) * self.actions[row]
        return out

    def act_at(self, index: np.ndarray, rest: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """`act`, at the vertices `index` (n,) alone: (n, 3)."""
        out = rest[index]
        for row in np.flatnonzero(weights):
            out += np.float32(weights[row]) * self.actions[row][index]
        return out


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals, (V, 3) float32."""
    corner = vertices[faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    total = np.stack([np.bincount(faces.ravel(), np.repeat(normal[:, k], 3), len(vertices)) for k in range(3)], 1)
    return (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def load_head(path: Path) -> Head:
    """Map the file that `build_head` wrote (arrays are read-only views; pages are shared between processes).

    Raises:
        DgError: no such file, or it is not a SynthFace head of this version; the message says how to make it.
    """
    path = Path(path)
    if not path.is_file():
        raise DgError(f"{path}: no SynthFace head there. Make it with `python -m dg head --out {path}`.")
    # The format is plain: 8 bytes with the header's length, a JSON header, then the arrays. Mapping it here keeps
    # the arrays shared between workers, where safetensors' own NumPy reader would copy them into each.
    raw = np.memmap(path, np.uint8, "r")
    length = int(raw[:8].view(np.uint64)[0]) if raw.size >= 8 else 0
    if not 0 < length <= raw.size - 8:
        raise DgError(f"{path}: not a safetensors file. Delete it and build the head again.")
    header = json.loads(raw[8 : 8 + length].tobytes())
    meta = json.loads(header.pop("__metadata__", {}).get("head", "{}"))
    if meta.get("format") != FORMAT:
        raise DgError(f"{path}: format {meta.get('format')!r}, wanted {FORMAT!r}. Delete it and build the head again.")
    kinds = {"F32": np.float32, "F16": np.float16, "I32": np.int32, "U8": np.uint8}
    arrays = {}
    for name, entry in header.items():
        start, stop = (8 + length + o for o in entry["data_offsets"])
        arrays[name] = np.asarray(raw[start:stop]).view(kinds[entry["dtype"]]).reshape(entry["shape"])
    return Head(**arrays, control_names=tuple(meta["control_names"]))
