"""What a face does: expressions as mixes of the 52 ARKit units, head pose, gaze; and smooth motion for videos.

Pose convention: the head's rotation in the picture is R = Rz(roll) Rx(pitch) Ry(yaw), angles in degrees. Yaw is
positive when the person turns to their left (the nose points to the picture's right), pitch when the face tilts up,
roll when the head leans clockwise as seen (its top moves to the picture's right).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .head import ACTION_UNITS

_SIDED = {
    name.removesuffix("Left") for name in ACTION_UNITS if name.endswith("Left") and name not in ("jawLeft", "mouthLeft")
}


@dataclasses.dataclass(frozen=True)
class Action:
    """One moment of a face.

    Attributes:
        units: ARKit unit name -> weight, usually in [0, 1].
        yaw, pitch, roll: degrees, see the module. Each within +-90.
        gaze: (right-left, up-down) degrees the eyes turn in the head; positive to the person's left, and up.
    """

    units: dict[str, float] = dataclasses.field(default_factory=dict)
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)

    def weights(self) -> np.ndarray:
        """(52,) float32 in the order of `head.ACTION_UNITS`; lids follow the gaze.

        Raises:
            KeyError: an unknown unit name.
        """
        out = np.zeros(len(ACTION_UNITS), np.float32)
        for name, value in self.units.items():
            if name not in _INDEX:
                raise KeyError(f"{name!r} is no ARKit unit; see dg.synthface.ACTION_UNITS")
            out[_INDEX[name]] += value
        up = self.gaze[1] / 25
        for side in ("Left", "Right"):
            out[_INDEX["eyeLook" + ("Up" if up > 0 else "Down") + side]] += abs(up)
        return out


_INDEX = {name: i for i, name in enumerate(ACTION_UNITS)}


def units(**weights: float) -> dict[str, float]:
    """Unit weights; a sided unit named without its side is set on both ("mouthSmile" sets Left and Right)."""
    out: dict[str, float] = {}
    for name, value in weights.items():
        names = [name + "Left", name + "Right"] if name in _SIDED else [name]
        for n in names:
            if n not in _INDEX:
                raise KeyError(f"{n!r} is no ARKit unit; see dg.synthface.ACTION_UNITS")
            out[n] = out.get(n, 0.0) + value
    return out


RAFD = {
    "neutral": {},
    "anger": units(
        browDown=1.0,
        eyeSquint=0.45,
        noseSneer=0.45,
        mouthPress=0.7,
        mouthRollLower=0.25,
        mouthShrugLower=0.3,
        mouthFrown=0.35,
        jawForward=0.3,
    ),
    "disgust": units(
        noseSneer=1.0,
        mouthUpperUp=0.7,
        browDown=0.6,
        cheekSquint=0.5,
        eyeSquint=0.5,
        mouthFrown=0.4,
        mouthLowerDown=0.3,
    ),
    "fear": units(
        browInnerUp=1.0,
        browOuterUpLeft=0.35,
        browOuterUpRight=0.35,
        eyeWide=1.0,
        mouthStretch=0.75,
        jawOpen=0.28,
        mouthLowerDown=0.4,
    ),
    "happiness": units(
        mouthSmile=0.95,
        cheekSquint=0.7,
        eyeSquint=0.3,
        mouthUpperUp=0.45,
        mouthLowerDown=0.25,
        jawOpen=0.12,
        mouthDimple=0.2,
    ),
    "sadness": units(
        browInnerUp=0.95, mouthFrown=0.95, mouthShrugLower=0.5, eyeSquint=0.25, browDown=0.15, eyeBlink=0.12
    ),
    "surprise": units(browInnerUp=1.0, browOuterUp=1.0, eyeWide=0.9, jawOpen=0.62, mouthFunnel=0.25),
    "contempt": units(
        mouthSmileLeft=0.65,
        mouthDimpleLeft=0.7,
        mouthPressLeft=0.4,
        mouthLeft=0.25,
        eyeSquintLeft=0.2,
        cheekSquintLeft=0.3,
    ),
}
"""The eight expressions of RaFD, as the FACS units their instructions ask for (Langner et al. 2010, table 1)."""

MPIE = {
    "neutral": {},
    "smile": units(mouthSmile=0.9, cheekSquint=0.55, mouthUpperUp=0.4, mouthLowerDown=0.2, jawOpen=0.1, eyeSquint=0.2),
    "surprise": units(browInnerUp=0.9, browOuterUp=0.9, eyeWide=0.8, jawOpen=0.6, mouthFunnel=0.3),
    "squint": units(eyeSquint=1.0, eyeBlink=0.35, cheekSquint=0.7, browDown=0.6, noseSneer=0.3, mouthStretch=0.25),
    "disgust": RAFD["disgust"],
    "scream": units(
        jawOpen=1.0,
        mouthStretch=0.5,
        mouthLowerDown=0.6,
        mouthUpperUp=0.5,
        browDown=0.6,
        eyeSquint=0.8,
        eyeBlink=0.35,
        cheekSquint=0.7,
        noseSneer=0.5,
    ),
}
"""The six expressions of Multi-PIE."""

EXPRESSIONS = {**MPIE, **RAFD}


def random_units(rng: np.random.Generator) -> dict[str, float]:
    """A random expression: a named one at random strength, some loose units, half of the time speech and a blink."""
    out: dict[str, float] = {}

    def add(more: dict[str, float], strength: float) -> None:
        for name, value in more.items():
            out[name] = min(1.0, out.get(name, 0.0) + strength * value)

    if rng.random() < 0.75:
        add(EXPRESSIONS[str(rng.choice(sorted(EXPRESSIONS)))], rng.uniform(0.2, 1.05))
    for name in rng.choice(ACTION_UNITS[:-1], rng.integers(0, 6), replace=False):
        if not name.startswith("eyeLook"):
            add({str(name): 1.0}, rng.uniform(0, 0.5))
    if rng.random() < 0.5:
        add(units(jawOpen=1.0), 0.6 * rng.beta(1, 2))
    if rng.random() < 0.12:
        add(units(eyeBlink=1.0), rng.uniform(0.5, 1))
    if out.get("mouthClose", 0) > out.get("jawOpen", 0):  # without an open jaw the lips would cross
        out["mouthClose"] = out.get("jawOpen", 0)
    return out


def motion(rng: np.random.Generator, frames: int, fps: float = 25.0, yaw: float = 60.0) -> list[Action]:
    """Smooth talking-head motion: `frames` actions at `fps`, |yaw| at most `yaw` degrees.

    Head pose and brows follow sums of slow sines, the mouth a faster speech-like rhythm with pauses, lids blink every
    few seconds for about 0.2 s, gaze partly makes up for the head's turn.
    """
    t = np.arange(frames) / fps
    middle = rng.uniform(-0.45, 0.45) * yaw
    yaws = np.clip(middle + _sway(rng, t, 0.05, 0.35) * yaw * 0.55, -yaw, yaw)
    pitches = np.clip(rng.normal(0, 5) + _sway(rng, t, 0.08, 0.5) * 9, -22, 22)
    rolls = np.clip(rng.normal(0, 4) + _sway(rng, t, 0.05, 0.4) * 7, -18, 18)
    talking = np.clip(_sway(rng, t, 0.1, 0.4) * 1.5 + rng.uniform(-0.3, 1.0), 0, 1)
    syllable = np.clip(0.5 + 0.8 * _sway(rng, t, 1.8, 4.0), 0, 1)
    pucker = np.clip(_sway(rng, t, 0.9, 2.5), 0, 1)
    stretch = np.clip(_sway(rng, t, 0.9, 2.5), 0, 1)
    lip = np.clip(0.4 * _sway(rng, t, 1.5, 3.5), 0, 1)
    mood = EXPRESSIONS[str(rng.choice(["neutral", "smile", "happiness", "sadness", "anger", "surprise", "contempt"]))]
    mood_strength = np.clip(0.35 + 0.5 * _sway(rng, t, 0.05, 0.25), 0, 0.9)
    brow_up = np.clip(_sway(rng, t, 0.15, 0.7), 0, 1) * 0.7
    blink = np.zeros(frames)
    moment = rng.uniform(0.2, 2.5)
    while moment < t[-1] + 0.3 if frames else False:
        blink = np.maximum(blink, np.exp(-(((t - moment) / 0.07) ** 2)))
        moment += rng.uniform(1.2, 4.0)
    glance = np.round(_sway(rng, t, 0.2, 0.8) * 2) * 5
    out = []
    for i in range(frames):
        weights = {name: value * mood_strength[i] for name, value in mood.items()}
        more = units(
            jawOpen=0.55 * talking[i] * syllable[i],
            mouthPucker=0.5 * talking[i] * pucker[i],
            mouthStretch=0.35 * talking[i] * stretch[i],
            mouthLowerDown=0.35 * talking[i] * lip[i],
            browInnerUp=brow_up[i],
            browOuterUp=0.6 * brow_up[i],
            eyeBlink=blink[i],
        )
        for name, value in more.items():
            weights[name] = float(min(1.0, weights.get(name, 0.0) + value))
        gaze = (float(np.clip(-0.35 * yaws[i], -18, 18) + glance[i]), float(np.clip(-0.3 * pitches[i], -8, 8)))
        out.append(Action(weights, float(yaws[i]), float(pitches[i]), float(rolls[i]), gaze))
    return out


def shake(rng: np.random.Generator, frames: int, fps: float = 25.0) -> np.ndarray:
    """How a hand-held camera moves the picture: (frames, 2) shifts right and down, shares of the picture.

    A slow drift of about 0.6 % and a tremor of 3 to 8 Hz of about 0.15 %; half of all clips stand on a tripod.
    """
    t = np.arange(frames) / fps
    drift = np.stack([_sway(rng, t, 0.1, 0.6) for _ in range(2)], 1)
    tremor = np.stack([_sway(rng, t, 3.0, 8.0) for _ in range(2)], 1)
    return (0.006 * drift + 0.0015 * tremor) * (rng.random() < 0.5)


def _sway(rng: np.random.Generator, t: np.ndarray, low: float, high: float) -> np.ndarray:
    """A sum of five sines with frequencies in [low, high] Hz, about unit amplitude."""
    frequency = rng.uniform(low, high, 5)
    phase = rng.uniform(0, 2 * np.pi, 5)
    amplitude = rng.uniform(0.4, 1, 5)
    return (
        (amplitude[:, None] * np.sin(2 * np.pi * frequency[:, None] * t + phase[:, None])).sum(0)
        / np.sqrt((amplitude**2).sum())
        / 1.2
    )
