"""Camera, light and background of a picture."""

from __future__ import annotations

import dataclasses

import numpy as np

from .noise import field

STUDIO_GREY = (0.62, 0.62, 0.63)


@dataclasses.dataclass(frozen=True)
class Light:
    """One lamp at infinity and the light of the surroundings.

    Attributes:
        azimuth: degrees, where the lamp stands; positive to the picture's right, 0 behind the camera.
        elevation: degrees above the horizon.
        strength: of the lamp, about 1.  colour: (3,) linear RGB, about 1 each.
        ambient: (3,) linear RGB of the surroundings, about 0.4 each.
        softness: degrees, half the lamp's apparent size; wider gives softer shadows.
        room: True if the lamp stands fixed in the room (that is, to the body, as in RaFD and MPIE, where the camera
            changes), False if it stands fixed to the camera.
    """

    azimuth: float = 20.0
    elevation: float = 35.0
    strength: float = 0.9
    colour: tuple[float, float, float] = (1.0, 0.98, 0.95)
    ambient: tuple[float, float, float] = (0.42, 0.43, 0.45)
    softness: float = 9.0
    room: bool = False


@dataclasses.dataclass(frozen=True)
class Background:
    """Attributes: kind "plain", "gradient" or "cloudy"; first, second: (3,) sRGB in [0, 1]; seed of the clouds."""

    kind: str = "plain"
    first: tuple[float, float, float] = STUDIO_GREY
    second: tuple[float, float, float] = STUDIO_GREY
    seed: int = 0

    def paint(self, size: int) -> np.ndarray:
        """(size, size, 3) float32 sRGB in [0, 1].

        Raises:
            ValueError: an unknown kind.
        """
        first, second = np.array(self.first, np.float32), np.array(self.second, np.float32)
        y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
        if self.kind == "plain":  # lamps leave a studio wall a little darker in the corners
            t = 0.10 * ((x - 0.5) ** 2 + (y - 0.4) ** 2)
            return np.clip(first * (1 - t[..., None]), 0, 1)
        if self.kind == "gradient":
            angle = self.seed % 628 / 100
            t = np.clip(0.5 + (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle), 0, 1)
        elif self.kind == "cloudy":
            points = np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1)
            t = np.clip(0.5 + 0.3 * field(points, 0.35, self.seed) + 0.1 * field(points, 0.09, self.seed + 1), 0, 1)
            t = t.reshape(size, size)
        else:
            raise ValueError(f"Background.kind is {self.kind!r}; use 'plain', 'gradient' or 'cloudy'")
        return first + (second - first) * t[..., None]


@dataclasses.dataclass(frozen=True)
class Scene:
    """Everything about a picture that is not the person.

    Attributes:
        light, background: see there.
        shift: (right, down) move of the face in the picture, as a share of its size.
        scale: size of the face relative to the usual framing, about 1.
        body_turn: share of the yaw the shoulders follow, in [0, 1]; 1: all is rigid, as if the camera went round.
        cloth: (3,) sRGB of the clothes, or None for the person's own.
        grain: standard deviation of sensor noise, in 8-bit steps.  grain_seed: its seed.
    """

    light: Light = Light()
    background: Background = Background()
    shift: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    body_turn: float = 1.0
    cloth: tuple[float, float, float] | None = None
    grain: float = 1.0
    grain_seed: int = 0


MPIE_LIGHTS = {
    "frontal": Light(0, 20, 0.95, ambient=(0.38, 0.38, 0.39), room=True),
    "left": Light(-55, 20, 1.15, ambient=(0.24, 0.24, 0.25), room=True),
    "right": Light(55, 20, 1.15, ambient=(0.24, 0.24, 0.25), room=True),
    "top": Light(0, 70, 1.1, ambient=(0.27, 0.27, 0.28), room=True),
    "room": Light(15, 50, 0.35, ambient=(0.66, 0.65, 0.63), softness=25, room=True),
}
"""Named lamps for the Multi-PIE-like set; "left" and "right" as in the picture of the frontal camera."""


def random_scene(rng: np.random.Generator, *, extreme: bool = False, jitter: float = 0.03) -> Scene:
    """A scene with random light, wall, clothes and framing.

    Args:
        extreme: hard, coloured or nearly missing light.
        jitter: standard deviation of the shift (share of the picture) and of log scale.
    """
    if extreme:
        light = Light(
            rng.uniform(-100, 100),
            rng.uniform(-35, 80),
            rng.uniform(0.7, 2.2),
            tuple(np.exp(rng.normal(0, 0.28, 3))),
            tuple(rng.uniform(0.03, 0.22) * np.exp(rng.normal(0, 0.25, 3))),
            rng.uniform(2, 8),
        )
    else:
        ambient = rng.uniform(0.25, 0.6)
        light = Light(
            rng.uniform(-60, 60),
            rng.uniform(5, 60),
            rng.uniform(0.4, 1.1),
            tuple(np.exp(rng.normal(0, 0.06, 3))),
            tuple(ambient * np.exp(rng.normal(0, 0.06, 3))),
            rng.uniform(6, 22),
        )
    wall = rng.uniform(0.08, 0.85) + rng.normal(0, 0.07, (2, 3))
    background = Background(
        str(rng.choice(["plain", "gradient", "cloudy"], p=[0.2, 0.35, 0.45])),
        tuple(np.clip(wall[0], 0, 1)),
        tuple(np.clip(wall[1] + rng.normal(0, 0.12), 0, 1)),
        int(rng.integers(1 << 30)),
    )
    cloth = tuple(np.clip(rng.uniform(0.05, 0.8) + rng.normal(0, 0.12, 3), 0.02, 0.95))
    return Scene(
        light,
        background,
        tuple(rng.normal(0, jitter, 2).clip(-3 * jitter, 3 * jitter)),
        float(np.exp(np.clip(rng.normal(0, 1.2 * jitter), -4 * jitter, 4 * jitter))),
        float(rng.uniform(0.2, 0.6)),
        cloth,
        float(rng.uniform(0.5, 3)),
        int(rng.integers(1 << 30)),
    )
