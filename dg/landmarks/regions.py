"""Which of the 68 iBUG points belong together: the lines of the landmark map, the regions of eq. (3), the mirror.

"Left" and "right" follow iBUG: the image's, as one looks at the picture. The eye 36-41 is on the image's left, so it is
the person's own RIGHT eye; yaw and the rest of this package speak of the image too unless they say "the person's".
"""

from __future__ import annotations

from itertools import pairwise

POINTS = 68

CHAINS: dict[str, tuple[int, ...]] = {
    "contour": tuple(range(17)),
    "left_brow": tuple(range(17, 22)),
    "right_brow": tuple(range(22, 27)),
    "bridge": tuple(range(27, 31)),
    "nostrils": tuple(range(31, 36)),
}
"""Open lines of the landmark map, by name: point numbers in drawing order."""

LOOPS: dict[str, tuple[int, ...]] = {
    "left_eye": tuple(range(36, 42)),
    "right_eye": tuple(range(42, 48)),
    "outer_lips": tuple(range(48, 60)),
    "inner_lips": tuple(range(60, 68)),
}
"""Closed lines of the landmark map: the last point is joined to the first."""

EDGES: tuple[tuple[int, int], ...] = tuple(
    pair for line in (*CHAINS.values(), *((*loop, loop[0]) for loop in LOOPS.values())) for pair in pairwise(line)
)
"""The 63 segments of the landmark map as pairs of point numbers."""

VLS_REGIONS: dict[str, tuple[int, ...]] = {
    "left_eye": tuple(range(36, 42)),
    "right_eye": tuple(range(42, 48)),
    "nose": tuple(range(27, 36)),
    "mouth": tuple(range(48, 68)),
    "contour": tuple(range(17)),
}
"""The five regions of the visible local shape loss, eq. (3), in the order of the margins `sigma`. Brows are in none."""


RELEASED_REGIONS: dict[str, tuple[int, ...]] = {
    "brows": tuple(range(17, 27)),
    "eyes": tuple(range(36, 48)),
    "nose": tuple(range(27, 36)),
    "mouth": tuple(range(48, 68)),
    "contour": tuple(range(17)),
}
"""The five regions of the authors' release: the paper has no brows and tells left and right eye apart.

The release's margins, in this order: .01 .01 .01 .01 .2.
"""


def vls_regions(name: str) -> dict[str, tuple[int, ...]]:
    """The regions of eq. (3) in the order of `sigma`: "paper" or "released"."""
    return {"paper": VLS_REGIONS, "released": RELEASED_REGIONS}[name]


def _mirror() -> tuple[int, ...]:
    pairs = [(k, 16 - k) for k in range(8)]  # contour; 8, the chin, stays
    pairs += [(17 + k, 26 - k) for k in range(5)]  # brows
    pairs += [(31, 35), (32, 34)]  # nostrils
    pairs += [(36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]  # eyes
    pairs += [(48, 54), (49, 53), (50, 52), (55, 59), (56, 58)]  # outer lips
    pairs += [(60, 64), (61, 63), (65, 67)]  # inner lips
    index = list(range(POINTS))
    for a, b in pairs:
        index[a], index[b] = b, a
    return tuple(index)


MIRROR: tuple[int, ...] = _mirror()
"""`points[MIRROR]` with x -> 1 - x is the face in the mirror. Its own inverse."""
