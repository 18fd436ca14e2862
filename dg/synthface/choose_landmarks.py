"""Which vertices of the head mesh are the 68 iBUG landmarks: python -m dg.synthface.choose_landmarks HEAD

Writes `landmarks68.json`; needed only if the mesh changes. dlib's 68-point predictor looks at frontal pictures of 16
hairless neutral people, and for the inner lips (60-67) at the same people with the jaw a little open. A ray through
each predicted pixel gives the skin point, told by its place on the template; the median over people and over both
mirror halves is moved to the nearest vertex of the allowed set: any skin vertex in front for most points, only the
vertices of the lids' margins for the eyes, only lip vertices for the mouth, only vertices of the mid-line for points
that mirror onto themselves. Left and right are mirror images by construction. The jaw line (0-16) is thereby a fixed
curve on the skin from ear to ear (3-D convention), not the outline of the picture.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import dlib
import numpy as np

from dg.files import write_text
from dg.landmarks.regions import MIRROR
from dg.packaged import dlib_weights

from .actions import Action, units
from .body import body_of
from .head import ACTION_UNITS, Head, load_head, vertex_normals
from .landmarks68 import FILE
from .people import Person, sample_person
from .rays import Tracer
from .render import camera_for, render, visible_from
from .scene import Scene

PREDICTOR = "shape_predictor_68_face_landmarks.dat"


def predict68(predictor: dlib.shape_predictor, image: np.ndarray) -> np.ndarray:
    """dlib's landmarks (68, 2) in pixels of an (H, W, 3) uint8 picture framed as SynthFace frames faces."""
    found = dlib.get_frontal_face_detector()(image, 1)
    size = len(image)
    box = found[0] if found else dlib.rectangle(*(int(size * f) for f in (0.22, 0.28, 0.78, 0.84)))
    points = predictor(image, box)
    return np.array([[points.part(i).x, points.part(i).y] for i in range(68)], float)


def choose_landmarks(head: Head, path: Path = FILE, people: int = 16, size: int = 384) -> None:
    """Choose the vertices on pictures of `people` people and `size` pixels, and write them to `path` (JSON)."""
    predictor = dlib.shape_predictor(dlib_weights(PREDICTOR))
    places = np.full((people, 68, 3), np.nan)
    for i in range(people):
        person = dataclasses.replace(sample_person(991, i), cut="bald", hairline=1.0, beard=0.0, stubble=0.1)
        for rows, action in ((np.arange(60), Action()), (np.arange(60, 68), Action(units(jawOpen=0.3)))):
            image = render(head, person, action, Scene(grain=0), size).image
            pixels = predict68(predictor, image)
            places[i, rows] = _on_skin(head, person, action, pixels, size)[rows]
    both = np.concatenate([places, places[:, list(MIRROR)] * [-1, 1, 1]])
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
    about = "68 iBUG landmarks as vertices of the SynthFace head; see choose_landmarks.py"
    write_text(path, json.dumps({"about": about, "vertices": vertices.tolist()}) + "\n")


def _on_skin(head: Head, person: Person, action: Action, pixels: np.ndarray, size: int) -> np.ndarray:
    """Template places (68, 3) of the skin seen at `pixels` (68, 2); beside the head, of the nearest visible vertex."""
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


def main() -> None:
    """Choose the landmarks of the head model that is named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m dg.synthface.choose_landmarks", description=__doc__)
    parser.add_argument("head", type=Path, help="head model (python -m dg head)")
    choose_landmarks(load_head(parser.parse_args().head))


if __name__ == "__main__":
    main()
