"""One picture of one person: ray casting, shading, and the truth about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from . import shade
from .actions import Action
from .body import REACH, Body, body_of, shape_of
from .camera import Camera, rotation
from .hair import Ribbons, beard_ribbons
from .head import Head
from .landmarks68 import landmark_points, landmark_vertices
from .people import Person
from .rays import Tracer
from .scene import Scene

SUPERSAMPLING = 2
LIFT, CLEAR = 0.01, 0.02
"""dm: a landmark's ray to the camera starts 1 mm above the skin and 2 mm nearer. A 128 px picture's pixel is 2.1 mm, so
what hides a point by less (the crease of a lip's corner, a lid's rim) hides nothing that a picture shows."""
_NECK = np.array([0.0, 5.75, 0.25])  # dm, what the head turns about relative to the shoulders


@dataclasses.dataclass(frozen=True, eq=False)
class Rendered:
    """A picture and the truth about it.

    Attributes:
        image: (H, W, 3) uint8 sRGB.
        mask: (H, W) uint8, 0-255, how much of the pixel is head, hair or neck.
        landmarks: (68, 3) float32. x, y: pixels / picture size, y down, may leave [0, 1]; z: (depth towards the camera
            in pixels, relative to the mean of the 68) / size + 0.5, larger is nearer (FAN's convention; paper Sec. 3).
        visible: (68,) bool, no skin, eye or tooth between point and camera (`visible_from`). Hair is not counted.
        yaw, pitch, roll: degrees, see `actions`.
    """

    image: np.ndarray
    mask: np.ndarray
    landmarks: np.ndarray
    visible: np.ndarray
    yaw: float
    pitch: float
    roll: float


def render(head: Head, person: Person, action: Action, scene: Scene, size: int) -> Rendered:
    """Render a picture of `size` x `size` pixels. The same arguments give the same bytes.

    Raises:
        KeyError: `action` names an unknown unit, or `head` lacks one of the person's controls.
        ValueError: `size` is under 16.
    """
    if size < 16:
        raise ValueError(f"size is {size}; a picture has at least 16 pixels a side")
    body = body_of(head, person)
    camera = camera_for(body, action, scene)
    vertices, skin_rays, landmarks, visible = _geometry(head, body, camera, action, scene)
    beard = beard_ribbons(body.beard, vertices, head.faces) if body.beard else None
    surfaces = shade.Surfaces(
        head=head,
        person=person,
        body=body,
        vertices=vertices,
        skin_rays=skin_rays,
        ribbons=[(r, t) for r, t in ((body.hair, body.hair_rays), _with_rays(beard)) if r is not None],
        gaze=action.gaze,
    )
    fine = size * SUPERSAMPLING
    colour, cover, head_cover = shade.shade(surfaces, camera, scene, fine)
    image, mask = _finish(colour, cover, head_cover, scene, size)
    return Rendered(image, mask, landmarks, visible, float(action.yaw), float(action.pitch), float(action.roll))


def truth(head: Head, person: Person, action: Action, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """`landmarks` and `visible` of `render` without the picture, in a tenth of the time."""
    body = body_of(head, person)
    return _geometry(head, body, camera_for(body, action, scene), action, scene)[2:]


def landmarks_in(head: Head, person: Person, shots: Iterable[tuple[Action, Scene]]) -> np.ndarray:
    """(n, 68, 3) `landmarks` of one person in n shots, without the pictures: less than a millisecond each."""
    index = landmark_vertices()
    rest, aim = shape_of(head, person)
    found = []
    for action, scene in shots:
        points = head.act_at(index, rest, action.weights())
        found.append(_placed(_camera(aim, REACH, action, scene).project(points)))
    return np.stack(found)


def neutral_landmarks(head: Head, person: Person) -> np.ndarray:
    """(68, 3) landmarks of the person at rest, dm in the head's frame: nothing of pose, expression and camera."""
    return shape_of(head, person)[0][landmark_vertices()]


def _placed(landmarks: np.ndarray) -> np.ndarray:
    """Depths (n, 3) about 0.5."""
    landmarks[:, 2] += 0.5 - landmarks[:, 2].mean()
    return landmarks


def _geometry(head: Head, body: Body, camera: Camera, action: Action, scene: Scene):
    """Moved vertices (V, 3), their `Tracer`, landmarks (68, 3) and visibility (68,)."""
    moved = head.act(body.rest, action.weights())
    points, normals = landmark_points(moved, head)
    vertices = _turn_body(head, moved, action, scene)
    skin_rays = Tracer(vertices, head.faces)
    landmarks = _placed(camera.project(points))
    return vertices, skin_rays, landmarks, visible_from(camera.position, points, normals, skin_rays)


def camera_for(body: Body, action: Action, scene: Scene) -> Camera:
    """The camera of a picture: pose and framing, nothing about the expression."""
    return _camera(body.aim, body.reach, action, scene)


def _camera(aim: np.ndarray, reach: float, action: Action, scene: Scene) -> Camera:
    return Camera(rotation(action.yaw, action.pitch, action.roll), aim.astype(float), reach / scene.scale, scene.shift)


def visible_from(position: np.ndarray, points: np.ndarray, normals: np.ndarray, skin_rays: Tracer) -> np.ndarray:
    """(N,) bool: no surface between `position` (3,) and `points` (N, 3) but folds thinner than a pixel (`CLEAR`)."""
    start = points + LIFT * normals
    away = position - start
    distance = np.linalg.norm(away, axis=1, keepdims=True)
    return ~skin_rays.blocked(start + CLEAR * away / distance, away / distance)


def _with_rays(ribbons: Ribbons | None):
    return (None, None) if ribbons is None else (ribbons, Tracer(ribbons.vertices, ribbons.faces))


def _turn_body(head: Head, vertices: np.ndarray, action: Action, scene: Scene) -> np.ndarray:
    """Shoulders stay behind when the head turns; in head coordinates it is they who turn back."""
    if scene.body_turn >= 1:
        return vertices
    share = scene.body_turn
    # Only yaw is shared; tilts are the neck's alone.
    relative = rotation(action.yaw, action.pitch, action.roll).T @ rotation(share * action.yaw, 0, 0)
    axis = np.array([relative[2, 1] - relative[1, 2], relative[0, 2] - relative[2, 0], relative[1, 0] - relative[0, 1]])
    sine, cosine = np.linalg.norm(axis) / 2, (np.trace(relative) - 1) / 2
    if sine < 1e-6:
        return vertices
    axis, angle = axis / np.linalg.norm(axis), np.arctan2(sine, cosine)
    moving = np.flatnonzero(head.twist < 1)
    angles = angle * (1 - head.twist[moving, None])
    p = vertices[moving] - _NECK
    turned = p * np.cos(angles) + np.cross(axis, p) * np.sin(angles) + axis * (p @ axis)[:, None] * (1 - np.cos(angles))
    out = vertices.copy()
    out[moving] = turned + _NECK
    return out


def _finish(colour, cover, head_cover, scene: Scene, size: int):
    """Average the fine samples, lay them over the background, add grain, go to 8 bit."""
    s = SUPERSAMPLING

    def mean(a):
        return a.reshape(size, s, size, s, -1).mean((1, 3))

    # Samples are averaged in display space: bright catch-lights and rim light would else eat their neighbours.
    image = mean(colour) + (1 - mean(cover)) * scene.background.paint(size)
    if scene.grain > 0:
        rng = np.random.default_rng([scene.grain_seed, 0x6A])
        image = image + rng.normal(0, scene.grain / 255, image.shape)
    image = np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)
    return image, (mean(head_cover)[..., 0] * 255 + 0.5).astype(np.uint8)
