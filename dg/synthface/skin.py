"""Skin colour of a person, painted into the head's atlas: tone, blush, lips, brows, stubble, freckles, moles, scalp.

Places are told by the *template* position of a texel, so a brow sits on the brow of every person whatever their shape.
All colours are linear light, float32 in [0, 1].
"""

from __future__ import annotations

import numpy as np

from .head import Head
from .noise import field, field_where
from .people import Person

# Hairline in the template: lowest height (dm) that bears hair, by depth z (dm, forward).
_HAIR_Z = (-1.0, -0.4, 0.0, 0.30, 0.50, 0.62, 0.72, 0.95, 1.15, 1.5)
_HAIR_Y = (6.62, 6.66, 6.80, 7.00, 7.12, 7.25, 7.72, 7.88, 7.98, 8.02)


def linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] to linear light, float32."""
    return np.asarray(srgb, np.float32) ** np.float32(2.2)


def scalp(points: np.ndarray, hairline: float) -> np.ndarray:
    """Height (dm) of template points (N, 3) over the hairline; positive where hair grows. `hairline`: see `Person`."""
    z = points[:, 2]
    lowest = np.interp(z, _HAIR_Z, _HAIR_Y) + 0.10 * hairline * np.clip((z - 0.6) / 0.4, 0, 1)
    # Receding temples: the corners of the forehead go first.
    corner = np.exp(-(((np.abs(points[:, 0]) - 0.48) / 0.16) ** 2)) * np.clip((z - 0.7) / 0.3, 0, 1)
    return points[:, 1] - lowest - 0.10 * np.clip(hairline + 0.6, 0, 2) * corner


def beard_area(points: np.ndarray) -> np.ndarray:
    """(N,) in [0, 1]: where a beard grows on template points (lips are cut out by their mask, not here)."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    upper = np.interp(x, [0, 0.22, 0.30, 0.45, 0.62, 0.8], [6.80, 6.76, 6.62, 6.62, 6.85, 7.15])
    return _step(upper - y, 0.06) * _step(y - 6.02, 0.1) * _step(z - 0.42, 0.08)


def paint(head: Head, person: Person) -> np.ndarray:
    """The atlas of a person: (H, W, 4) float32, linear RGB and gloss (0 dull ... 1 wet)."""
    p, seed = head.atlas_xyz, person.texture_seed
    skin, hair = linear(person.skin), linear(person.hair)
    fine = field(p, 0.035, seed + 1)
    colour = skin * (1 + 0.035 * field(p, 0.35, seed) + 0.03 * fine)[:, None]
    masks = head.atlas_masks.astype(np.float32) / 255
    gloss = np.full(len(p), 0.30, np.float32)
    # Only the front of the head has details; most of the atlas is scalp and neck.
    front = np.flatnonzero((masks[:, 2] > 0.01) | (masks[:, 3] > 0.01) | (beard_area(p) > 0))
    colour[front], gloss[front] = _face(colour[front], p[front], masks[front], fine[front], person)
    ears = masks[:, 3]

    # Under the strands the scalp shows the hair's colour; only a shaved head keeps a shadow of it.
    amount = {"bald": 0.30 * (person.hairline < 0.8), "buzz": 0.72}.get(person.cut, 0.97)
    grows = _step(scalp(p, person.hairline) + 0.02 * fine, 0.05) * (1 - np.clip(ears * 2, 0, 1))
    colour = _mix(colour, hair * 0.8 * (1 + 0.15 * field_where(grows > 0, p, 0.03, seed + 4))[:, None], amount * grows)
    gloss *= (1 - 0.8 * amount * grows) * (1 + 0.15 * fine)
    texels = np.concatenate([np.clip(colour, 0.004, 1), np.clip(gloss, 0, 1)[:, None]], 1).astype(np.float32)
    return texels[head.atlas_fill]


def _face(colour, p, masks, fine, person: Person):
    """Colour (N, 3) and gloss (N,) of the face's texels at template places `p` (N, 3)."""
    lips, lids, face, ears, lashes = masks.T
    seed, hair = person.texture_seed, linear(person.hair)
    x, y, z = np.abs(p[:, 0]), p[:, 1], p[:, 2]
    coarse = field(p, 0.35, seed)
    # Blood near the surface: cheeks, nose tip, ears, chin; less visible in dark skin.
    blush = (
        0.8 * _spot(p, (0.42, 6.88, 1.28), 0.22, mirrored=True)
        + 0.9 * _spot(p, (0, 6.90, 1.66), 0.13)
        + 0.7 * ears
        + 0.4 * _spot(p, (0, 6.32, 1.5), 0.16)
        + 0.25 * coarse * face
    )
    blush *= (0.25 + 0.75 * person.redness) * (1 - 0.6 * person.tone)
    colour *= np.exp(blush[:, None] * np.array([0.02, -0.26, -0.22], np.float32))
    # Eye sockets and bags are darker, more with age.
    socket = (
        _spot(p, (0.31, 7.17, 1.36), 0.11, mirrored=True) * (0.35 + 0.6 * person.wrinkles)
        + _spot(p, (0.17, 7.30, 1.36), 0.07, mirrored=True) * 0.6
        + 0.8 * lids
    )
    colour *= np.exp(-socket[:, None] * np.array([0.20, 0.30, 0.24], np.float32))
    # Folds: mouth corner to nostril, and lines of the forehead.
    fold = np.exp(-(((x - np.interp(y, [6.5, 6.62, 6.86], [0.36, 0.33, 0.21])) / 0.018) ** 2)) * _band(
        y, 6.5, 6.86, 0.05
    )
    lines = np.clip(np.sin((y + 0.03 * coarse) * 2 * np.pi / 0.105) - 0.6, 0, 1) * _band(y, 7.62, 7.98, 0.08) * (z > 1)
    lines = lines * 1.2 * (x < 0.5)
    crow = np.clip(np.sin((y - 0.35 * x) * 2 * np.pi / 0.07) - 0.5, 0, 1) * _spot(
        p, (0.58, 7.26, 1.15), 0.07, mirrored=True
    )
    colour *= np.exp(-(0.35 * fold + 0.35 * lines + 0.8 * crow) * person.wrinkles)[:, None]
    colour = _freckles(colour, p, person, face)

    tint = linear(person.lips) * (1 + 0.05 * fine)[:, None]
    colour = _mix(colour, tint, person.lip_strength * np.clip(lips * 1.3, 0, 1))
    # A darker line where the lips meet, else a closed mouth has none.
    colour = _mix(
        colour, colour * 0.35, _line(p, np.abs(y - 6.60 - 0.02 * (x / 0.25) ** 2), 0.012) * (lips > 0.02) * (z < 1.575)
    )

    stubble = beard_area(p) * (1 - np.clip(2 * lips, 0, 1))
    speck = np.clip(0.65 + 0.5 * field_where(stubble > 0, p, 0.02, seed + 2), 0, 1)
    shade = _mix(colour, np.minimum(colour, hair * 0.8 + 0.01), 0.5 * np.ones(len(p), np.float32))
    colour = _mix(colour, shade, stubble * speck * (0.35 * person.stubble + 0.95 * person.beard))
    colour = _brows(colour, p, person)
    colour = _mix(colour, np.float32(0.5) * linear(person.brows), lashes * (0.70 + 0.25 * person.gender))
    gloss = 0.30 + 0.25 * _spot(p, (0, 7.0, 1.6), 0.2) + 0.15 * _spot(p, (0, 7.75, 1.5), 0.3) + 0.6 * lips
    return colour, gloss * (1 - 0.6 * stubble * person.beard)


def _brows(colour: np.ndarray, p: np.ndarray, person: Person) -> np.ndarray:
    height, thickness, arch, length, density = person.brow
    x, y = np.abs(p[:, 0]), p[:, 1]
    inner, outer = 0.13, 0.50 + 0.03 * length
    t = np.clip((x - inner) / (outer - inner), -0.3, 1.3)
    middle = 7.464 + 0.018 * height + (0.046 + 0.018 * arch) * np.sin(np.pi * np.clip(t, 0, 1) ** 1.25 * 0.86)
    half = (0.040 + 0.010 * thickness) * np.interp(t, [-0.05, 0.08, 0.55, 1.0, 1.05], [0.4, 1, 0.95, 0.32, 0.1])
    inside = _step(half - np.abs(y - middle), 0.022) * _step(t + 0.02, 0.06) * _step(1.02 - t, 0.05)
    # Hairs lean outwards: noise stretched along a slanted direction.
    slanted = np.stack([(p[:, 0] - np.sign(p[:, 0]) * 0.6 * y) * 1.0, 0.15 * y, 0.15 * p[:, 2]], 1)
    hairs = np.clip(0.86 + 0.24 * field_where(inside > 0, slanted, 0.016, person.texture_seed + 5), 0, 1)
    strength = np.clip(0.80 + 0.12 * density, 0.35, 0.97)
    return _mix(colour, linear(person.brows), inside * hairs * strength * (p[:, 2] > 1.0))


def _freckles(colour: np.ndarray, p: np.ndarray, person: Person, face: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng([person.texture_seed, 3])
    region = np.exp(-(((p[:, 1] - 7.0) / 0.25) ** 2)) * (p[:, 2] > 1.0)
    dots = _step(field_where((region > 0.05) & (person.freckles > 0), p, 0.022, person.texture_seed + 6) - 1.5, 0.4)
    colour = colour * np.exp(-(dots * region * person.freckles)[:, None] * np.array([0.5, 0.8, 0.9], np.float32))
    patches = np.clip(field_where(face > 0.05, p, 0.09, person.texture_seed + 7) - 1.3, 0, 1) * face * person.blemishes
    colour = colour * np.exp(patches[:, None] * np.array([0.02, -0.35, -0.3], np.float32))
    places = p[(p[:, 2] > 0.8) & (p[:, 1] > 6.2) & (p[:, 1] < 7.9)]
    for _ in range(rng.poisson(2.5)):
        place, size = places[rng.integers(len(places))], rng.uniform(0.010, 0.022)
        near = np.exp(-((p - place) ** 2).sum(1) / size**2)
        colour = _mix(colour, colour * np.array([0.35, 0.25, 0.22], np.float32), near * rng.uniform(0.5, 1))
    return colour


def _spot(p: np.ndarray, centre: tuple[float, float, float], size: float, mirrored: bool = False) -> np.ndarray:
    x = np.abs(p[:, 0]) if mirrored else p[:, 0]
    d = (x - centre[0]) ** 2 + (p[:, 1] - centre[1]) ** 2 + (p[:, 2] - centre[2]) ** 2
    return np.exp(-d / size**2).astype(np.float32)


def _step(x: np.ndarray, width: float) -> np.ndarray:
    t = np.clip(x / width + 0.5, 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def _band(x: np.ndarray, low: float, high: float, width: float) -> np.ndarray:
    return _step(x - low, width) * _step(high - x, width)


def _line(p: np.ndarray, distance: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-((distance / width) ** 2)).astype(np.float32) * (p[:, 2] > 1.2)


def _mix(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    return a + (b - a) * np.asarray(t, np.float32)[:, None]
