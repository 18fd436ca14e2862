"""Random people: everything that makes a face this person's and nobody else's, as a few hundred numbers.

A `Person` is drawn from (seed, index) alone; two different pairs give independent people. Nothing here looks at the
mesh: `body.py` turns the numbers into geometry and colour.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .head import PHENOTYPES

# Standard deviations of the signed controls; those not named here get the value of their prefix. Chosen by eye:
# neighbours on a contact sheet must look like different people, none like a caricature.
_SPREAD = {
    "asym": 0.08,
    "cheek": 0.30,
    "chin": 0.26,
    "ear": 0.3,
    "eye": 0.24,
    "eyebrows": 0.35,
    "forehead": 0.28,
    "head": 0.2,
    "mouth": 0.27,
    "neck": 0.2,
    "nose": 0.25,
    "chin-cleft": 0.2,
    "chin-prognathism": 0.14,
    "eye-epicanthus": 0.1,
    "eye-eyefold-angle": 0.15,
    "eye-push1": 0.12,
    "eye-push2": 0.12,
    "eye-scale": 0.25,
    "eye-trans": 0.28,
    "eye-height1": 0.15,
    "eye-height2": 0.18,
    "eye-height3": 0.15,
    "head-angle": 0.15,
    "head-age": 0.08,
    "head-fat": 0.3,
    "mouth-scale-horiz": 0.28,
    "mouth-scale-depth": 0.18,
    "mouth-trans": 0.26,
    "mouth-laugh-lines": 0.2,
    "neck-double": 0.12,
    "nose-compression": 0.12,
    "nose-trans": 0.18,
    "nose-greek": 0.18,
    "nose-septumangle": 0.15,
    "ear-trans": 0.15,
    "ear-rot": 0.15,
    "head-scale-depth": 0.15,
    "nose-scale-depth": 0.2,
    "nose-volume": 0.2,
}
_ONE_SIDED = (
    "head-oval",
    "head-round",
    "head-rectangular",
    "head-square",
    "head-triangular",
    "head-invertedtriangular",
    "head-diamond",
    "chin-triangle",
    "ear-shape-pointed",
    "ear-shape-round",
    "ear-shape-square",
    "ear-shape-triangle",
)
CONTROL_NAMES = (
    *(
        f"asym-{n}"
        for n in (
            "brown-1",
            "brown-2",
            "cheek-1",
            "cheek-2",
            "ear-1",
            "ear-2",
            "eye-1",
            "eye-2",
            "eye-3",
            "eye-4",
            "eye-5",
            "eye-6",
            "eye-7",
            "eye-8",
            "jaw-1",
            "jaw-2",
            "jaw-3",
            "mouth-1",
            "mouth-2",
            "nose-1",
            "nose-2",
            "nose-3",
            "nose-4",
            "temple-1",
            "temple-2",
            "top-1",
        )
    ),
    *(f"cheek-{n}" for n in ("bones", "inner", "trans", "volume")),
    *(f"chin-{n}" for n in ("bones", "cleft", "height", "jaw-drop", "prognathism", "prominent", "width")),
    *(f"ear-{n}" for n in ("flap", "lobe", "rot", "scale", "scale-depth", "scale-vert", "trans", "wing")),
    *(
        f"eye-{n}"
        for n in (
            "bag",
            "bag-height",
            "corner1",
            "corner2",
            "epicanthus",
            "eyefold",
            "eyefold-angle",
            "height1",
            "height2",
            "height3",
            "push1",
            "push2",
            "scale",
            "trans",
        )
    ),
    *(f"eyebrows-{n}" for n in ("angle", "trans")),
    *(f"forehead-{n}" for n in ("nubian", "scale-vert", "temple", "trans")),
    *(f"head-{n}" for n in ("age", "angle", "back-scale-depth", "fat", "scale-depth", "scale-horiz", "scale-vert")),
    *(
        f"mouth-{n}"
        for n in (
            "angles",
            "cupidsbow",
            "cupidsbow-width",
            "dimples",
            "laugh-lines",
            "lowerlip-ext",
            "lowerlip-height",
            "lowerlip-middle",
            "lowerlip-volume",
            "lowerlip-width",
            "philtrum-volume",
            "scale-depth",
            "scale-horiz",
            "scale-vert",
            "trans",
            "upperlip-ext",
            "upperlip-height",
            "upperlip-middle",
            "upperlip-volume",
            "upperlip-width",
        )
    ),
    *(f"neck-{n}" for n in ("double", "scale-depth", "scale-horiz", "scale-vert")),
    *(
        f"nose-{n}"
        for n in (
            "base",
            "compression",
            "curve",
            "flaring",
            "greek",
            "hump",
            "nostrils-angle",
            "nostrils-width",
            "point",
            "point-width",
            "scale-depth",
            "scale-horiz",
            "scale-vert",
            "septumangle",
            "trans",
            "volume",
            "width1",
            "width2",
            "width3",
        )
    ),
)
"""The signed shape controls a person is drawn with (names of `Head.control_names`)."""

# sRGB, light to dark; a tone in [0, 1] walks along it.
_TONES = (
    np.array(
        [
            [241, 205, 192],
            [233, 187, 169],
            [219, 166, 144],
            [197, 141, 117],
            [165, 112, 89],
            [128, 83, 65],
            [92, 60, 48],
            [66, 44, 37],
        ]
    )
    / 255
)
_HAIR_COLOURS = {
    "black": (22, 18, 17),
    "dark brown": (45, 31, 24),
    "brown": (80, 54, 37),
    "light brown": (125, 90, 60),
    "blond": (176, 142, 102),
    "light blond": (206, 180, 146),
    "auburn": (98, 45, 28),
    "red": (160, 78, 36),
    "grey": (140, 138, 136),
    "white": (205, 203, 200),
}
_EYE_COLOURS = {
    "dark brown": (52, 32, 22),
    "brown": (95, 60, 34),
    "hazel": (120, 95, 48),
    "green": (96, 118, 74),
    "blue": (88, 124, 160),
    "grey": (118, 132, 142),
}
CUTS = ("bald", "buzz", "short", "swept back", "side part", "fringe", "bob", "long", "curly", "bun")


@dataclasses.dataclass(frozen=True)
class Person:
    """One person.

    Attributes:
        key: (seed, index) it was drawn from.
        gender: 0 male ... 1 female.  age: years, 18-70.
        phenotype: (48,) weights of `head.PHENOTYPES`.
        controls: name of a shape control -> value in [-1, 1].
        skin: (3,) sRGB in [0, 1]; undertone included.  tone: 0 light ... 1 dark.
        redness, freckles, blemishes, stubble, beard, wrinkles: strengths in [0, 1].
        lips: (3,) sRGB.  lip_strength: how much lip colour covers the skin's, [0, 1].
        eyes: (3,) sRGB of the iris.  hair, brows: (3,) sRGB.
        brow: (height, thickness, arch, length, density), each about 0 +- 1.
        cut: one of `CUTS`.  hair_length, hair_volume, curl: about 0 +- 1.  parting: -1 right ... 1 left.
        hairline: -1 low ... 1 receding.
        cloth: (3,) sRGB of the clothes.
        texture_seed: seed of every small random detail of skin and hair.
    """

    key: tuple[int, int]
    gender: float
    age: float
    phenotype: np.ndarray
    controls: dict[str, float]
    skin: np.ndarray
    tone: float
    redness: float
    freckles: float
    blemishes: float
    stubble: float
    beard: float
    wrinkles: float
    lips: np.ndarray
    lip_strength: float
    eyes: np.ndarray
    hair: np.ndarray
    brows: np.ndarray
    brow: tuple[float, float, float, float, float]
    cut: str
    hair_length: float
    hair_volume: float
    curl: float
    parting: float
    hairline: float
    cloth: np.ndarray
    texture_seed: int


def sample_person(seed: int, index: int) -> Person:
    """Draw person number `index` (>= 0) of the stream `seed` (>= 0). The same pair always gives the same person."""
    rng = np.random.default_rng([seed, index, 0x5F])
    female = bool(rng.random() < 0.5)
    gender = float(np.clip((0.93 if female else 0.07) + rng.normal(0, 0.07), 0, 1))
    age = float(18 + 52 * rng.beta(1.2, 2.0))
    race = rng.dirichlet([0.45, 0.45, 0.6])  # african, asian, caucasian; mixes are common
    phenotype = _phenotype(rng, gender, age, race)
    controls = _controls(rng, race)

    tone = float(np.clip(race @ [0.72, 0.27, 0.13] + rng.normal(0, 0.09), 0, 1))
    skin = _along(_TONES, tone) * np.exp(rng.normal(0, [0.015, 0.02, 0.03]))
    shade = (
        rng.choice(
            ["black", "dark brown", "brown", "light brown", "blond", "light blond", "auburn", "red"],
            p=[0.1, 0.2, 0.22, 0.15, 0.13, 0.07, 0.08, 0.05],
        )
        if rng.random() < race[2] ** 0.7
        else rng.choice(["black", "dark brown", "brown"], p=[0.62, 0.32, 0.06])
    )
    if rng.random() < np.clip((age - 42) / 30, 0, 0.9):
        shade = rng.choice(["grey", "white"], p=[0.65, 0.35])
    hair = np.clip(np.array(_HAIR_COLOURS[shade]) / 255 * np.exp(rng.normal(0, 0.02, 3) + rng.normal(0, 0.12)), 0, 1)
    brows = np.clip(0.55 * hair + 0.45 * np.array(_HAIR_COLOURS["dark brown"]) / 255, 0, 1) * (
        0.75 if not female else 0.85
    )
    iris = (
        rng.choice(list(_EYE_COLOURS), p=[0.12, 0.25, 0.17, 0.14, 0.22, 0.10])
        if rng.random() < race[2] ** 1.5
        else rng.choice(["dark brown", "brown"], p=[0.7, 0.3])
    )
    eyes = np.clip(np.array(_EYE_COLOURS[iris]) / 255 * np.exp(rng.normal(0, 0.12)), 0, 1)

    if female:
        cut = rng.choice(CUTS, p=[0, 0.02, 0.06, 0.06, 0.08, 0.13, 0.20, 0.23, 0.10, 0.12])
        lips = (
            skin * np.array([0.92, 0.62, 0.62])
            if rng.random() < 0.5
            else np.array(rng.choice(np.array([[176, 58, 66], [190, 84, 90], [150, 50, 62], [200, 100, 96]]))) / 255
        )
    else:
        cut = rng.choice(CUTS, p=[0.10, 0.14, 0.25, 0.14, 0.16, 0.06, 0.03, 0.03, 0.08, 0.01])
        lips = skin * np.array([0.9, 0.68, 0.66])
    beard = 0.0 if female or rng.random() < 0.62 else float(rng.uniform(0.35, 1))
    stubble = 0.0 if female else float(np.clip(rng.normal(0.3, 0.25), 0, 1))
    return Person(
        key=(int(seed), int(index)),
        gender=gender,
        age=age,
        phenotype=phenotype,
        controls=controls,
        skin=np.clip(skin, 0.03, 0.97),
        tone=tone,
        redness=float(rng.beta(2, 3)),
        freckles=float(max(0, rng.normal(-0.2, 0.5)) * (1 - tone)),
        blemishes=float(rng.beta(1.3, 3)),
        stubble=stubble,
        beard=beard,
        wrinkles=float(np.clip((age - 30) / 40 + rng.normal(0, 0.1), 0, 1)),
        lips=np.clip(lips, 0, 1),
        lip_strength=float(rng.uniform(0.55, 0.9)),
        eyes=eyes,
        hair=hair,
        brows=brows,
        brow=tuple(
            float(x)
            for x in rng.normal(0, 1, 5).clip(-1.8, 1.8)
            + (np.array([0.3, -0.7, 0.5, 0, -0.2]) if female else np.array([-0.3, 0.6, -0.2, 0, 0.4]))
        ),
        cut=str(cut),
        hair_length=float(rng.normal(0, 1)),
        hair_volume=float(rng.normal(0, 1)),
        curl=float(np.clip(rng.normal(0.1 + 0.9 * race[0], 0.5), 0, 1.6)),
        parting=float(rng.choice([-1, 0, 1]) * rng.uniform(0.5, 1)),
        hairline=float(rng.normal(-0.2, 0.6) if female else rng.normal(0, 0.6) + (age - 40) / 40),
        cloth=_cloth(rng),
        texture_seed=int(rng.integers(2**31)),
    )


def _phenotype(rng, gender: float, age: float, race: np.ndarray) -> np.ndarray:
    old = float(np.clip((age - 22) / 58, 0, 1))
    weight = _three(float(np.clip(rng.normal(0.5, 0.2), 0.05, 0.95)))
    muscle = _three(float(np.clip(rng.normal(0.5, 0.2), 0.05, 0.95)))
    by_gender, by_age = (1 - gender, gender), (1 - old, old)
    values = [g * a * m * w for g in by_gender for a in by_age for m in muscle for w in weight]
    values += [r * g * a for r in race for g in by_gender for a in by_age]
    assert len(values) == len(PHENOTYPES)
    return np.array(values, np.float32)


def _three(x: float) -> tuple[float, float, float]:
    """Weights of (min, average, max) for x in [0, 1]."""
    return max(0.0, 1 - 2 * x), 1 - abs(2 * x - 1), max(0.0, 2 * x - 1)


def _controls(rng, race: np.ndarray) -> dict[str, float]:
    values = {}
    for name in CONTROL_NAMES:
        spread = _SPREAD.get(name, _SPREAD[name.split("-")[0]])
        values[name] = float(np.clip(rng.normal(0, spread), -0.9, 0.9))
    # MakeHuman's average eyes are narrower than people's.
    values["eye-scale"] += 0.25
    values["eye-height2"] += 0.22
    values["eye-epicanthus"] = float(np.clip(values["eye-epicanthus"] + 0.5 * race[1], -0.9, 0.9))
    for name in rng.choice(_ONE_SIDED, 3, replace=False):
        values[str(name)] = float(rng.uniform(0.05, 0.45))
    return values


def _along(table: np.ndarray, t: float) -> np.ndarray:
    x = np.linspace(0, 1, len(table))
    return np.array([np.interp(t, x, table[:, k]) for k in range(3)])


def _cloth(rng) -> np.ndarray:
    base = rng.choice(
        np.array(
            [
                [30, 30, 34],
                [60, 64, 72],
                [190, 190, 186],
                [40, 58, 92],
                [110, 40, 44],
                [60, 84, 62],
                [150, 130, 100],
                [96, 74, 104],
            ]
        )
    )
    return np.clip(base / 255 * np.exp(rng.normal(0, 0.15, 3)), 0.02, 0.95)
