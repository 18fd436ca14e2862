"""A person's geometry and colours, made once and used for every picture of them."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict

import numpy as np

from . import hair, skin
from .head import EYE_LEFT, EYE_RIGHT, Head
from .people import Person
from .rays import Tracer

_BRIDGE, _CHIN = 133, 2161  # vertices on the midline: between the eyes, under the chin
_SPAN = 1.10  # dm between them on every head
REACH = 2.75  # dm, height of the picture: from below the collar to just over the hair


@dataclasses.dataclass(frozen=True, eq=False)
class Body:
    """Attributes:
    rest: (V, 3) float32 dm, no expression.  atlas: (H, W, 4) float32, see `skin.paint`.
    aim: (3,) dm, the place the camera looks at; heads turn about it.  reach: dm, height of the usual framing.
    eyes: {part: (centre (3,), radius)} dm.
    hair: ribbons or None.  hair_rays: their `Tracer`.  beard: see `hair.grow_beard`.
    """

    rest: np.ndarray
    atlas: np.ndarray
    aim: np.ndarray
    reach: float
    eyes: dict[int, tuple[np.ndarray, float]]
    hair: hair.Ribbons | None
    hair_rays: Tracer | None
    beard: tuple | None


_kept: OrderedDict[tuple[int, int], tuple[Head, Person, Body]] = OrderedDict()
_KEEP = 4


def body_of(head: Head, person: Person) -> Body:
    """The body of a person; the last few are kept, as pictures of one person usually come in a row."""
    # By identity: a person changed with dataclasses.replace has the same key but another body. Head and person are
    # kept too, so that no new object can get an old one's id.
    key = id(head), id(person)
    if key not in _kept:
        _kept[key] = head, person, build_body(head, person)
        while len(_kept) > _KEEP:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    return _kept[key][2]


def shape_of(head: Head, person: Person) -> tuple[np.ndarray, np.ndarray]:
    """`rest` and `aim` of a person's `Body`, all that landmarks need."""
    index = {name: i for i, name in enumerate(head.control_names)}
    control = np.zeros(len(index), np.float32)
    for name, value in person.controls.items():
        if name not in index:
            raise KeyError(f"This head has no shape control {name!r}; build it again with the installed anny.")
        control[index[name]] = value
    rest = head.shape(person.phenotype, control)
    # Tall people's heads are further up, and big ones bigger. Face crops show neither: every head is moved to the
    # template's place and scaled to its distance from chin to bridge.
    bridge = rest[_BRIDGE].copy()
    span = float(np.linalg.norm(bridge - rest[_CHIN]))
    rest = (rest - [0, bridge[1], bridge[2]]) * (_SPAN / span) + [
        0,
        head.template[_BRIDGE, 1],
        head.template[_BRIDGE, 2],
    ]
    rest = rest.astype(np.float32)
    aim = np.array([0.0, rest[_CHIN, 1] + 0.90 * _SPAN, rest[_BRIDGE, 2] - 0.68 * _SPAN], np.float32)
    return rest, aim


def build_body(head: Head, person: Person) -> Body:
    """Geometry and colours of a person (about 0.3 s)."""
    rest, aim = shape_of(head, person)
    eyes = {}
    for part in (EYE_LEFT, EYE_RIGHT):
        points = rest[np.unique(head.faces[head.face_part == part])]
        centre = (points.min(0) + points.max(0)) / 2
        eyes[part] = centre, float(np.ptp(points[:, 0]) / 2)
    ribbons = hair.grow(head, rest, person)
    return Body(
        rest,
        skin.paint(head, person),
        aim,
        REACH,
        eyes,
        ribbons,
        Tracer(ribbons.vertices, ribbons.faces) if ribbons else None,
        hair.grow_beard(head, rest, person),
    )
