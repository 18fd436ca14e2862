"""Hair as a few thousand thin ribbons grown from the scalp of one person.

Strands start on the scalp, follow the cut's combing and gravity, and are kept outside the head. Hair does not move with
expressions, so it is built once per person in head coordinates.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .head import EYE_LEFT, SKIN, Head, vertex_normals
from .people import Person
from .rays import Tracer
from .skin import beard_area, linear, scalp

CENTRE = np.array([0.0, 7.40, 0.50], np.float32)
"""Middle of the skull, dm."""


@dataclasses.dataclass(frozen=True, eq=False)
class Ribbons:
    """Strands of K points as ribbons.

    Attributes:
        vertices: (S * K * 2, 3) float32 dm.  faces: (S * (K - 1) * 2, 3) int32; faces of a strand are consecutive.
        tangent: (S * K * 2, 3) float32, unit, from root to tip.
        outward: (S * K * 2, 3) float32, unit, away from the head.
        colour: (S * K * 2, 3) float32 linear RGB.
    """

    vertices: np.ndarray
    faces: np.ndarray
    tangent: np.ndarray
    outward: np.ndarray
    colour: np.ndarray


@dataclasses.dataclass(frozen=True)
class _Cut:
    strands: int
    points: int
    length: float  # dm
    spread: float  # relative spread of the length
    width: float  # dm, at the root
    lift: float  # share of the growing direction that is the skin's normal, at the root
    gravity: float
    layer: float  # dm, how far the outermost strands stand off the head


_CUTS = {
    "short": _Cut(4200, 5, 0.30, 0.25, 0.020, 0.55, 0.05, 0.14),
    "swept back": _Cut(3600, 8, 0.75, 0.2, 0.022, 0.35, 0.00, 0.20),
    "side part": _Cut(3600, 8, 0.62, 0.2, 0.022, 0.40, 0.12, 0.20),
    "fringe": _Cut(3800, 8, 0.80, 0.15, 0.024, 0.25, 0.25, 0.18),
    "bob": _Cut(3600, 12, 1.55, 0.12, 0.026, 0.30, 0.45, 0.24),
    "long": _Cut(3600, 14, 2.9, 0.12, 0.030, 0.30, 0.45, 0.24),
    "curly": _Cut(4600, 9, 0.95, 0.25, 0.024, 0.6, 0.1, 0.42),
    "bun": _Cut(3200, 9, 1.0, 0.1, 0.020, 0.15, 0.0, 0.07),
}


def grow(head: Head, rest: np.ndarray, person: Person) -> Ribbons | None:
    """The hair of a person with vertices `rest` (V, 3), or None for cuts that are only painted on the skin."""
    cut = _CUTS.get(person.cut)
    if cut is None:
        return None
    rng = np.random.default_rng([person.texture_seed, 8])
    roots, normals = _roots(head, rest, person, cut.strands, rng)
    surface = _Surface(head, rest)
    length = cut.length * np.exp(0.18 * person.hair_length) * np.exp(rng.normal(0, cut.spread, len(roots)))
    layer = cut.layer * np.exp(0.2 * person.hair_volume) * rng.beta(1.2, 1.6, len(roots)).astype(np.float32) + 0.012
    path = _walk(roots, normals, person, cut, length.astype(np.float32), layer, surface, rng)
    dark = rng.normal(0, 0.16, (len(roots), 1)).astype(np.float32)
    colour = linear(person.hair) * np.exp(dark) * (1 + 0.06 * rng.normal(size=(len(roots), 3)).astype(np.float32))
    return _ribbons(path, cut.width, colour, CENTRE)


def grow_beard(
    head: Head, rest: np.ndarray, person: Person
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """Beard strands that ride on the moving skin, or None.

    Returns:
        face (S,) the triangle each strand sits on, weights (S, 3), path (S, K, 3) offsets from the root in dm,
        colour (S, 3) linear RGB.
    """
    if person.beard < 0.3:
        return None
    rng = np.random.default_rng([person.texture_seed, 9])
    middle = head.template[head.faces].mean(1)
    amount = beard_area(middle) * (head.face_part == SKIN) * ~_lip_faces(head)
    face, weights = _scatter(rest, head.faces, amount, int(4500 * person.beard), rng)
    normals = _normal_at(rest, head.faces, face, weights)
    root = (rest[head.faces[face]] * weights[..., None]).sum(1)
    length = (0.05 + 0.13 * max(0.0, person.beard - 0.45)) * np.exp(rng.normal(0, 0.3, len(face)))
    down = np.array([0, -1, 0.05]) + 0.25 * rng.normal(size=(len(face), 3)) + 0.5 * np.sign(root) * [0.5, 0, 0]
    path = [np.zeros_like(normals)]
    for k in range(3):
        step = 0.40 * normals + (0.5 + 0.3 * k) * down
        path.append(path[-1] + step / np.linalg.norm(step, axis=1, keepdims=True) * (length / 3)[:, None])
    colour = linear(person.hair) * 0.85 * np.exp(rng.normal(0, 0.2, (len(face), 1)))
    return face, weights.astype(np.float32), np.stack(path, 1).astype(np.float32), colour.astype(np.float32)


def beard_ribbons(beard, vertices: np.ndarray, faces: np.ndarray) -> Ribbons:
    """Ribbons of `grow_beard`'s strands on the moved `vertices` (V, 3)."""
    face, weights, path, colour = beard
    root = (vertices[faces[face]] * weights[..., None]).sum(1)
    return _ribbons(root[:, None] + path, 0.009, colour, CENTRE)


def _ribbons(path: np.ndarray, width: float, colour: np.ndarray, centre: np.ndarray) -> Ribbons:
    count, points = path.shape[:2]
    tangent = np.gradient(path, axis=1)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=2, keepdims=True), 1e-9)
    outward = path - np.minimum(
        centre, np.stack([centre[0] + 0 * path[..., 0], path[..., 1] + 0.35, centre[2] + 0 * path[..., 2]], -1)
    )
    outward /= np.maximum(np.linalg.norm(outward, axis=2, keepdims=True), 1e-9)
    side = np.cross(tangent, outward)
    side /= np.maximum(np.linalg.norm(side, axis=2, keepdims=True), 1e-9)
    taper = np.interp(np.linspace(0, 1, points), [0, 0.6, 1], [1.0, 0.95, 0.35]) * width / 2
    edge = side * taper[None, :, None]
    vertices = np.stack([path - edge, path + edge], 2).reshape(-1, 3).astype(np.float32)
    base = (np.arange(count)[:, None] * points + np.arange(points - 1)) * 2
    quad = base[..., None] + np.array([0, 1, 3, 2])
    faces = np.concatenate([quad[..., [0, 1, 2]], quad[..., [0, 2, 3]]], 2).reshape(-1, 3).astype(np.int32)

    def each(a):
        return np.repeat(a.reshape(-1, 3), 2, 0).astype(np.float32)

    # Roots lie in the shade of the hair above them, tips are bleached a little.
    shade = np.linspace(0.78, 1.12, points)[None, :, None]
    return Ribbons(vertices, faces, each(tangent), each(outward), each(colour[:, None] * shade))


def _lip_faces(head: Head) -> np.ndarray:
    texel = np.clip(head.face_uv.mean(1).astype(int), 0, None)
    inside = (texel[:, 0] < head.atlas_fill.shape[1]) & (texel[:, 1] < head.atlas_fill.shape[0])
    out = np.zeros(len(texel), bool)
    out[inside] = head.atlas_masks[head.atlas_fill[texel[inside, 1], texel[inside, 0]], 0] > 60
    return out


def _ear_faces(head: Head) -> np.ndarray:
    texel = np.clip(head.face_uv.mean(1).astype(int), 0, None)
    inside = (texel[:, 0] < head.atlas_fill.shape[1]) & (texel[:, 1] < head.atlas_fill.shape[0])
    out = np.zeros(len(texel), bool)
    out[inside] = head.atlas_masks[head.atlas_fill[texel[inside, 1], texel[inside, 0]], 3] > 60
    return out


def _scatter(rest, faces, amount, count, rng):
    """`count` random surface points with density `amount` (F,): face (S,), weights (S, 3)."""
    corner = rest[faces]
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1) * amount
    face = rng.choice(len(faces), count, p=area / area.sum())
    a, b = np.sqrt(rng.random(count)), rng.random(count)
    return face, np.stack([1 - a, a * (1 - b), a * b], 1)


def _normal_at(rest, faces, face, weights):
    normal = (vertex_normals(rest, faces)[faces[face]] * weights[..., None]).sum(1)
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def _roots(head: Head, rest, person: Person, count: int, rng):
    middle = head.template[head.faces].mean(1)
    amount = (
        (head.face_part == SKIN) & (scalp(middle, person.hairline) > 0) & (middle[:, 1] > 6.5) & ~_ear_faces(head)
    ).astype(float)
    # The parting and the front show most; the nape least.
    amount *= np.interp(middle[:, 1], [6.6, 7.4, 8.2], [0.6, 1.0, 1.5])
    face, weights = _scatter(rest, head.faces, amount, count, rng)
    root = (rest[head.faces[face]] * weights[..., None]).sum(1)
    return root.astype(np.float32), _normal_at(rest, head.faces, face, weights).astype(np.float32)


class _Surface:
    """Distance of the outermost skin from `CENTRE` by direction; keeps strands out of the head, neck and shoulders."""

    def __init__(self, head: Head, rest: np.ndarray, rows: int = 64, columns: int = 96) -> None:
        self.rows, self.columns = rows, columns
        polar = (np.arange(rows) + 0.5) / rows * np.pi
        azimuth = (np.arange(columns) + 0.5) / columns * 2 * np.pi - np.pi
        polar, azimuth = np.meshgrid(polar, azimuth, indexing="ij")
        direction = np.stack([np.sin(polar) * np.sin(azimuth), np.cos(polar), np.sin(polar) * np.cos(azimuth)], -1)
        direction = direction.reshape(-1, 3).astype(np.float32)
        hits = Tracer(rest, head.faces[head.face_part < EYE_LEFT]).nearest(CENTRE + 4 * direction, -direction)
        self.radius = np.where(hits.face >= 0, 4 - hits.distance, 0.5).reshape(rows, columns).astype(np.float32)

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For points (N, 3): the surface's distance (N,) in their direction, and the unit direction (N, 3)."""
        d = points - CENTRE
        r = np.maximum(np.linalg.norm(d, axis=1, keepdims=True), 1e-6)
        d = d / r
        row = np.arccos(np.clip(d[:, 1], -1, 1)) / np.pi * self.rows - 0.5
        column = (np.arctan2(d[:, 0], d[:, 2]) + np.pi) / (2 * np.pi) * self.columns - 0.5
        r0, c0 = np.floor(row).astype(int), np.floor(column).astype(int)
        fr, fc = row - r0, column - c0
        out = 0
        for dr, wr in ((0, 1 - fr), (1, fr)):
            for dc, wc in ((0, 1 - fc), (1, fc)):
                out = out + wr * wc * self.radius[np.clip(r0 + dr, 0, self.rows - 1), (c0 + dc) % self.columns]
        return out.astype(np.float32), d


def _combing(points: np.ndarray, root: np.ndarray, person: Person) -> np.ndarray:
    """Direction (N, 3) in which the cut is combed at `points`; not unit length where the hair is loose."""
    x, z = points[:, 0], points[:, 2]
    front = np.clip((root[:, 2] - 0.55) / 0.5, 0, 1)
    top = np.clip((root[:, 1] - 7.75) / 0.3, 0, 1)
    part = 0.32 * person.parting
    side = np.tanh((root[:, 0] - part) / 0.06)
    away = np.stack([np.sign(x), -0.8 + 0 * x, -0.6 + 0 * x], 1)
    crown = points - np.array([0.08, 8.55, -0.25])
    if person.cut == "short":
        return crown * [0.8, 0.6, 0.9] + np.stack([0.5 * side * front, 0.2 * front, 0 * x], 1)
    if person.cut == "swept back":
        return np.stack([0.35 * np.sign(x) * (1 - top), -0.5 * (1 - top) + 0.3 * front, -1.0 + 0 * x], 1)
    if person.cut == "side part":
        return (
            top[:, None] * np.stack([side * 1.0, -0.1 - 0.2 * np.abs(x - part), 0.15 - 0.5 * front], 1)
            + (1 - top[:, None]) * away
        )
    if person.cut == "fringe":
        forward = np.stack([0.25 * x + 0.15 * side, -0.55 + 0 * x, 1.0 * (z < 1.45)], 1)
        return (top * front)[:, None] * forward + (1 - top * front)[:, None] * (crown * [1, 0.7, 0.6] + away * 0.4)
    if person.cut in ("bob", "long"):
        # Over the top to the sides, then down beside the face, never across it.
        tuck = np.stack([side * 1.1, -0.35 + 0 * x, -0.55 * front], 1)
        return top[:, None] * tuck + (1 - top[:, None]) * np.stack([0.25 * np.sign(x), -1 + 0 * x, -0.30 * front], 1)
    if person.cut == "bun":
        return np.array([0, 7.95, -0.55]) - points
    return points - CENTRE  # curly


def _walk(roots, normals, person: Person, cut: _Cut, length, layer, surface: _Surface, rng) -> np.ndarray:
    """Paths (S, K, 3) of the strands."""
    step = (length / (cut.points - 1))[:, None]
    curl = 0.25 + 1.0 * person.curl
    phase = rng.uniform(0, 2 * np.pi, (len(roots), 1))
    axis = rng.normal(size=(len(roots), 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    other = np.cross(axis, rng.normal(size=axis.shape))
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    loose = 0.10 * rng.normal(size=roots.shape)
    point, path, heading = roots - 0.01 * normals, [], normals * 1.0
    fringe = 7.58 + 0.05 * rng.normal(size=len(roots)) + 0.05 * person.hair_length
    keep_clear = person.cut in ("bob", "long")
    for k in range(cut.points):
        path.append(point)
        comb = _combing(point, roots, person)
        _, direction = surface(point)
        if person.cut not in ("curly", "bun"):  # combing goes along the head, never out of it
            comb = comb - np.maximum((comb * direction).sum(1, keepdims=True), 0) * direction
        comb = comb / np.maximum(np.linalg.norm(comb, axis=1, keepdims=True), 1e-6)
        lift = cut.lift * max(0.0, 1 - (k + 1) / (0.5 * cut.points)) if person.cut != "curly" else cut.lift
        wanted = (1 - 0.5 * lift) * comb + lift * normals + loose
        wanted[:, 1] -= cut.gravity * k / 3
        wave = np.cos(phase + 1.9 * k) * axis + np.sin(phase + 1.9 * k) * other
        heading = 0.35 * heading + wanted + (1.6 if person.cut == "curly" else 0.28 * curl) * wave
        heading /= np.maximum(np.linalg.norm(heading, axis=1, keepdims=True), 1e-6)
        point = point + step * heading
        radius, direction = surface(point)
        r = ((point - CENTRE) * direction).sum(1)
        lowest = radius + layer * min(1.0, (k + 1) / 3)
        # Shoulders stop hair: sliding along them would look like strings.
        stuck = lowest - r > np.maximum(0.6 * step[:, 0], 0.05)
        stuck &= direction[:, 1] < -0.45
        highest = np.maximum(r, lowest)
        # On the skull hair also lies down: nothing stands off further than its layer.
        on_skull = np.clip((direction[:, 1] + 0.75) / 0.3, 0, 1)
        held = np.minimum(highest, radius + np.maximum(1.5 * layer, 0.02))
        point = CENTRE + direction * (highest + on_skull * (held - highest))[:, None]
        if person.cut == "fringe":  # cut above the eyes
            stuck |= (point[:, 1] < fringe) & (point[:, 2] > 0.95)
        point = np.where(stuck[:, None], path[-1], point)
        if keep_clear:
            y, z = point[:, 1], point[:, 2]
            face = np.clip((7.75 - y) / 0.25, 0, 1)
            point[:, 2] = np.where(face > 0, np.minimum(z, z * (1 - face) + face * (0.72 + 0.15 * np.abs(layer))), z)
    return np.stack(path, 1).astype(np.float32)
