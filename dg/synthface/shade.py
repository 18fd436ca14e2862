"""What colour a ray sees: skin, eyes, mouth, clothes and hair under one lamp and the light of the surroundings.

Linear light inside; `shade` returns display (sRGB-like) values.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .body import Body
from .camera import Camera, rotation
from .hair import Ribbons
from .head import EYE_LEFT, EYE_RIGHT, MOUTH, SKIN, TEETH, TONGUE, Head, vertex_normals
from .people import Person
from .rays import Tracer
from .scene import Scene
from .skin import linear

# Red light travels further under skin, so shadows end softly and reddish.
_WRAP = np.array([0.42, 0.20, 0.12], np.float32)
_NECKLINE = 5.55  # dm in the template, above it skin and below it cloth


@dataclasses.dataclass(frozen=True, eq=False)
class Surfaces:
    """Everything a ray may meet, in head coordinates."""

    head: Head
    person: Person
    body: Body
    vertices: np.ndarray
    skin_rays: Tracer
    ribbons: list[tuple[Ribbons, Tracer]]
    gaze: tuple[float, float]


def shade(surfaces: Surfaces, camera: Camera, scene: Scene, size: int):
    """Trace `size` x `size` rays.

    Returns:
        colour (size, size, 3) float32, display values in [0, 1], black where nothing was hit;
        cover (size, size, 1) float32, 1 where something was; head_cover likewise, without clothes.
    """
    origin, rays = camera.position, camera.rays(size)
    light = scene.light
    frame = np.eye(3) if light.room else camera.turn
    lamp = frame.T @ rotation(light.azimuth, light.elevation, 0)[:, 2]
    lamp = lamp.astype(np.float32)
    up = (frame.T @ [0, 1, 0]).astype(np.float32)

    hits = surfaces.skin_rays.nearest(origin, rays)
    depth = hits.distance.copy()
    layer = np.where(hits.face >= 0, 0, -1)
    ribbon_hits = []
    for i, (_, tracer) in enumerate(surfaces.ribbons):
        found = tracer.nearest(origin, rays)
        ribbon_hits.append(found)
        nearer = found.distance < depth
        layer[nearer] = i + 1
        depth[nearer] = found.distance[nearer]

    seen = np.flatnonzero(layer >= 0)
    place = origin + rays[seen] * depth[seen, None]
    lit = _lit(surfaces, place, lamp, light.softness, size, seen, layer)

    linear_colour = np.zeros((size * size, 3), np.float32)
    head_cover = np.zeros(size * size, np.float32)
    head_cover[seen] = 1
    skin_rows = layer[seen] == 0
    rows = seen[skin_rows]
    if len(rows):
        colour, cloth = _skin_colour(
            surfaces, scene, hits.face[rows], hits.weights[rows], place[skin_rows], rays[rows], lamp, up, lit[skin_rows]
        )
        linear_colour[rows] = colour
        head_cover[rows[cloth]] = 0
    for i, (ribbons, _) in enumerate(surfaces.ribbons):
        here = layer[seen] == i + 1
        rows = seen[here]
        if len(rows):
            linear_colour[rows] = _hair_colour(
                ribbons, scene, ribbon_hits[i].face[rows], ribbon_hits[i].weights[rows], rays[rows], lamp, up, lit[here]
            )
    display = _tone(linear_colour)
    cover = (layer >= 0).astype(np.float32)
    return (display.reshape(size, size, 3), cover.reshape(size, size, 1), head_cover.reshape(size, size, 1))


def _tone(x: np.ndarray) -> np.ndarray:
    """Film-like shoulder above 0.7, then gamma."""
    bright = np.maximum(x - 0.7, 0)
    x = np.minimum(x, 0.7) + 0.3 * (1 - np.exp(-bright / 0.3))
    return np.clip(x, 0, 1) ** np.float32(1 / 2.2)


def _lit(surfaces: Surfaces, place, lamp, softness, size, seen, layer) -> np.ndarray:
    """Share of the lamp each hit sees, (N,) float32: one shadow ray a sample, then smoothed over neighbours."""
    # A fixed pattern of offsets in the lamp's disc; 2x2 samples and the blur below mix 16 of them.
    row, column = seen // size % 4, seen % size % 4
    number = row * 4 + column
    radius = np.sqrt((number * 7 % 16 + 0.5) / 16) * np.tan(np.radians(softness))
    angle = number * 2.39996
    side = np.cross(lamp, [0.3, 0.5, 0.81])
    side /= np.linalg.norm(side)
    other = np.cross(lamp, side)
    direction = lamp + (radius * np.cos(angle))[:, None] * side + (radius * np.sin(angle))[:, None] * other
    start = place + 0.012 * lamp
    dark = surfaces.skin_rays.blocked(start, direction)
    for _, tracer in surfaces.ribbons:
        dark |= tracer.blocked(start + 0.02 * lamp, direction)
    # Blur within the same layer only, so that light does not leak from the face into the hair.
    grid = np.zeros((2, size, size), np.float32)
    flat = grid.reshape(2, -1)
    out = np.zeros(len(seen), np.float32)
    for group in (0, 1):
        members = (layer[seen] > 0) == bool(group)
        grid[:] = 0
        flat[0, seen[members]] = ~dark[members]
        flat[1, seen[members]] = 1
        total = _box(_box(grid))
        out[members] = total[0].ravel()[seen[members]] / np.maximum(total[1].ravel()[seen[members]], 1e-6)
    return out


def _box(a: np.ndarray) -> np.ndarray:
    p = np.pad(a, ((0, 0), (1, 1), (1, 1)))
    a = p[:, :-2] + p[:, 1:-1] + p[:, 2:]
    return (a[:, :, :-2] + a[:, :, 1:-1] + a[:, :, 2:]) / 9


def _skin_colour(s: Surfaces, scene: Scene, face, weights, place, rays, lamp, up, lit):
    head, light = s.head, scene.light
    corner = head.faces[face]
    weights = weights.astype(np.float32)

    def blend(a):
        return np.einsum("nk,nkj->nj", weights, a[corner])

    normal = blend(vertex_normals(s.vertices, head.faces))
    part = head.face_part[face]
    ambient = np.einsum("nk,nk->n", weights, head.ambient[corner])
    template = blend(head.template)

    albedo = np.zeros_like(place)
    gloss = np.full(len(face), 0.2, np.float32)
    skin = part == SKIN
    colour, shine = _atlas(s.body.atlas, head.face_uv[face[skin]], weights[skin])
    albedo[skin], gloss[skin] = colour, shine
    outside = skin.copy()
    outside[skin] = ~_in_atlas(s.body.atlas, head.face_uv[face[skin]])
    albedo[outside] = linear(s.person.skin) * 0.95
    gloss[outside] = 0.25

    neckline = _NECKLINE + 0.30 * (template[:, 2] < 0.15) + 0.18 * np.abs(template[:, 0])
    cloth = skin & (template[:, 1] < neckline)
    folds = 1 + 0.12 * np.sin(9 * template[:, 0] + 4 * template[:, 1])
    fabric = linear(s.person.cloth if scene.cloth is None else scene.cloth)
    albedo[cloth] = fabric * folds[cloth, None]
    gloss[cloth] = 0.0

    for kind, tint, shine in ((MOUTH, (0.30, 0.07, 0.06), 0.5), (TONGUE, (0.42, 0.13, 0.12), 0.6)):
        albedo[part == kind], gloss[part == kind] = tint, shine
    teeth = part == TEETH
    gaps = np.abs(np.sin(np.pi * template[teeth, 0] / 0.085)) ** 0.25
    albedo[teeth] = np.array([0.74, 0.69, 0.58], np.float32) * (0.45 + 0.55 * gaps)[:, None]
    gloss[teeth] = 0.7
    # Light hardly reaches into the mouth; its baked share was measured with the mouth shut, so it is set here.
    deep = np.clip((1.50 - template[:, 2]) / 0.35, 0, 1)
    inside = np.isin(part, (MOUTH, TEETH, TONGUE))
    ambient[inside] = (0.6 + 0.3 * teeth[inside]) * (1 - 0.85 * deep[inside])
    # Lids and lips were shut or touching when the share was measured; open ones get some light back.
    ambient[skin] = 0.25 + 0.75 * ambient[skin]

    view = -rays
    cosine = normal @ lamp
    wrapped = np.maximum(cosine[:, None] + _WRAP, 0) / (1 + _WRAP)
    soft = lit[:, None] ** np.array([0.7, 1.0, 1.1], np.float32)
    hemisphere = 0.78 + 0.22 * (normal @ up)
    ambient_light = np.array(light.ambient, np.float32) * (ambient * hemisphere)[:, None]
    lamp_light = np.array(light.colour, np.float32) * np.float32(light.strength)
    diffuse = ambient_light + wrapped * soft * lamp_light
    colour = albedo * diffuse

    half = lamp + view
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    shine = np.maximum((half * normal).sum(1), 0)
    facing = np.clip((view * normal).sum(1), 0, 1)
    fresnel = 0.35 + 0.65 * (1 - facing) ** 4
    lobe = 0.16 * shine**14 + 0.22 * shine**60
    colour += (gloss * lobe * fresnel * lit * (cosine > 0))[:, None] * lamp_light
    rim = 0.05 * gloss * (1 - facing) ** 3 * ambient
    colour += rim[:, None] * np.array(light.ambient, np.float32)

    for which in (EYE_LEFT, EYE_RIGHT):
        rows = part == which
        if rows.any():
            colour[rows] = _eye_colour(s, which, place[rows], view[rows], lamp, lamp_light, up, light, lit[rows])
    return colour, cloth


def _eye_colour(s: Surfaces, part, place, view, lamp, lamp_light, up, light, lit):
    centre, _ = s.body.eyes[part]
    normal = place - centre
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    # Both eyes converge on something about a metre away.
    inward = np.sign(centre[0]) * -1.5
    axis = rotation(s.gaze[0] + inward, 0, 0) @ rotation(0, s.gaze[1], 0) @ [0, 0, 1]
    aside = np.cross([0, 1, 0], axis)
    aside /= np.linalg.norm(aside)
    angle = np.degrees(np.arccos(np.clip(normal @ axis, -1, 1)))
    turn = np.arctan2(normal @ np.cross(axis, aside), normal @ aside)
    spokes = 0.5 * np.sin(23 * turn + s.person.texture_seed % 7) + 0.5 * np.sin(37 * turn + 1.7)
    iris_size, pupil_size = 24.5, 9.5
    t = np.clip((angle - pupil_size) / (iris_size - pupil_size), 0, 1)
    iris = linear(s.person.eyes) * (1.25 - 0.5 * t + 0.22 * spokes * (1 - t))[:, None] * 1.25
    iris *= (1 - 0.75 * np.clip((t - 0.80) / 0.2, 0, 1))[:, None]
    corner = np.clip((angle - 38) / 30, 0, 1)[:, None]
    white = np.array([0.74, 0.70, 0.67], np.float32) * (1 - corner * np.array([0.10, 0.38, 0.36], np.float32))
    albedo = white + (iris - white) * np.clip((iris_size + 1.2 - angle) / 2.4, 0, 1)[:, None]
    albedo *= 1 - 0.97 * np.clip((pupil_size + 0.9 - angle) / 1.8, 0, 1)[:, None]
    # The upper lid and its lashes keep light from the top of the eyeball.
    lid = 1 - 0.55 * np.clip((normal[:, 1] - 0.05) / 0.5, 0, 1) - 0.25 * np.clip(-(normal[:, 1] + 0.3) / 0.4, 0, 1)
    cosine = np.maximum(normal @ lamp + 0.25, 0) / 1.25
    ambient_light = np.array(light.ambient, np.float32) * (0.80 * lid)[:, None]
    colour = albedo * (ambient_light + (cosine * lit * lid)[:, None] * lamp_light)
    mirrored = 2 * (normal * view).sum(1, keepdims=True) * normal - view
    # Catch-lights: the lamp, and a window that every room has.
    lamp_glint = np.clip((mirrored @ lamp - 0.955) / 0.02, 0, 1) * np.sqrt(lit)
    window = lamp * 0.35 + up * 0.55 + view.mean(0) * 0.8
    window /= np.linalg.norm(window)
    window_glint = np.clip((mirrored @ window - 0.972) / 0.012, 0, 1)
    glint = 0.85 * lamp_glint[:, None] * lamp_light + 0.6 * window_glint[:, None] * np.array(light.ambient, np.float32)
    return colour + glint * (angle < 40)[:, None]


def _hair_colour(ribbons: Ribbons, scene: Scene, face, weights, rays, lamp, up, lit):
    light = scene.light
    corner = ribbons.faces[face]
    weights = weights.astype(np.float32)[..., None]
    tangent = (ribbons.tangent[corner] * weights).sum(1)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-6)
    outward = (ribbons.outward[corner] * weights).sum(1)
    albedo = (ribbons.colour[corner] * weights).sum(1)
    along = tangent @ lamp
    sine = np.sqrt(np.maximum(1 - along**2, 0))
    facing = np.clip(outward @ lamp + 0.35, 0, None) / 1.35
    half = lamp - rays
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    glance = np.sqrt(np.maximum(1 - (tangent * half).sum(1) ** 2, 0))
    lamp_light = np.array(light.colour, np.float32) * np.float32(light.strength)
    ambient = np.array(light.ambient, np.float32) * (0.55 + 0.30 * (outward @ up) + 0.10)[:, None]
    lit = 0.18 + 0.82 * lit
    diffuse = ambient + (lit * facing * (0.45 + 0.55 * sine))[:, None] * lamp_light
    gleam = (0.05 * glance**60 + 0.10 * glance**18 * np.float32(0.5)) * lit * np.clip(outward @ lamp + 0.2, 0, 1)
    return albedo * diffuse * 1.15 + gleam[:, None] * lamp_light * (0.35 + 1.5 * albedo)


def _in_atlas(atlas, uv) -> np.ndarray:
    return uv[..., 0].min(1) >= 0


def _atlas(atlas: np.ndarray, uv: np.ndarray, weights: np.ndarray):
    """Colour (N, 3) and gloss (N,) at triangle corners' texels `uv` (N, 3, 2) blended by `weights`; bilinear."""
    place = np.einsum("nk,nkj->nj", weights, uv)
    height, width = atlas.shape[:2]
    x = np.clip(place[:, 0], 0, width - 1.001)
    y = np.clip(place[:, 1], 0, height - 1.001)
    x0, y0 = x.astype(np.int32), y.astype(np.int32)
    fx, fy = (x - x0)[:, None], (y - y0)[:, None]
    flat = atlas.reshape(-1, 4)
    base = y0 * width + x0
    value = (flat[base] * (1 - fx) + flat[base + 1] * fx) * (1 - fy) + (
        flat[base + width] * (1 - fx) + flat[base + width + 1] * fx
    ) * fy
    return value[:, :3], value[:, 3]
