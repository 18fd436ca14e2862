"""The data sets of SynthFace as lists of shots: who, doing what, under which light, into which file.

`synth_rafd`, `synth_mpie` and `synth_vox` stand in for RaFD, Multi-PIE and VoxCeleb (paper Sec. 4.1); `synth_people`
trains the landmark and identity networks, `synth_grid` is every combination that one asks for. No two share a person.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from dg.errors import DgError

from .actions import EXPRESSIONS, MPIE, RAFD, Action, motion, random_units, shake
from .scene import MPIE_LIGHTS, Background, Light, Scene, random_scene

FIRST_PERSON = {
    "synth_rafd": 1_000_000,
    "synth_mpie": 2_000_000,
    "synth_vox": 3_000_000,
    "synth_people": 4_000_000,
    "synth_grid": 5_000_000,
}
"""Number of the first person of each set. The ranges never meet, so no two sets share a person, whatever the seeds."""
_ROOM = 1_000_000  # people a range has room for

RAFD_YAWS = (-90, -45, 0, 45, 90)
MPIE_POSES = (*((float(yaw), 0.0) for yaw in range(-90, 91, 15)), (-45.0, -28.0), (45.0, -28.0))
"""(yaw, pitch) in degrees of Multi-PIE's 13 cameras at head height and two raised ones, looking down."""
GAZES = {"frontal": (0.0, 0.0), "left": (20.0, 0.0), "right": (-20.0, 0.0)}


@dataclasses.dataclass(frozen=True)
class RafdSettings:
    """`people` x 8 expressions x `gazes` x 5 yaws, all split "train". size: pixels. format: "png" or "jpeg"."""

    people: int = 10
    gazes: tuple[str, ...] = ("frontal",)
    size: int = 128
    seed: int = 0
    format: str = "png"


@dataclasses.dataclass(frozen=True)
class MpieSettings:
    """(`train_people` + `test_people`) x 15 poses x `expressions` x `lights`; split by person.

    expressions, lights: names, or how many (`parse` then takes the first ones of `MPIE` and `MPIE_LIGHTS`).
    """

    train_people: int = 12
    test_people: int = 6
    expressions: tuple[str, ...] = ("neutral", "smile")
    lights: tuple[str, ...] = ("frontal",)
    size: int = 128
    seed: int = 0
    format: str = "png"


@dataclasses.dataclass(frozen=True)
class VoxSettings:
    """(`train_people` + `test_people`) x `clips` videos of `seconds` at `fps`; split by person. crf: of H.264."""

    train_people: int = 12
    test_people: int = 6
    clips: int = 2
    seconds: float = 4.0
    fps: int = 25
    yaw: float = 60.0
    size: int = 128
    crf: int = 23
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class PeopleSettings:
    """`people` x `pictures` of everything at random; the share `extreme` under hard or odd light; all split "train"."""

    people: int = 200
    pictures: int = 5
    yaw: float = 90.0
    pitch: float = 30.0
    roll: float = 25.0
    extreme: float = 0.25
    jitter: float = 0.03
    size: int = 128
    seed: int = 0
    format: str = "png"


@dataclasses.dataclass(frozen=True)
class GridSettings:
    """`people` x `yaws` x `pitches` x `expressions` x `gazes` x `lights`, all split "train". Angles: degrees."""

    people: int = 10
    yaws: tuple[float, ...] = (-60.0, -30.0, 0.0, 30.0, 60.0)
    pitches: tuple[float, ...] = (0.0,)
    expressions: tuple[str, ...] = ("neutral", "happiness")
    gazes: tuple[str, ...] = ("frontal",)
    lights: tuple[str, ...] = ("frontal",)
    size: int = 128
    seed: int = 0
    format: str = "png"


SETTINGS = {
    "synth_rafd": RafdSettings,
    "synth_mpie": MpieSettings,
    "synth_vox": VoxSettings,
    "synth_people": PeopleSettings,
    "synth_grid": GridSettings,
}


@dataclasses.dataclass(frozen=True)
class Shot:
    """One picture or video frame. `path` is relative to the set's folder; frames of a clip share it."""

    path: str
    clip: str
    frame: int
    split: str
    expression: str
    gaze: str
    light: str
    session: str
    action: Action
    scene: Scene


@dataclasses.dataclass(frozen=True)
class Job:
    """What one worker does at a time: the pictures of a person, or one clip.

    Attributes: name, unique in the set; subject, unique over all sets; person: (seed, index) for `sample_person`.
    """

    name: str
    subject: str
    person: tuple[int, int]
    number: int
    is_video: bool


def parse(name: str, settings: dict) -> object:
    """Settings of the set `name` from a plain dict; what is left out takes the default.

    Raises:
        DgError: an unknown set or setting, or a value out of range.
    """
    if name not in SETTINGS:
        raise DgError(f"Unknown SynthFace set {name!r}; there are {', '.join(SETTINGS)}")
    kind = SETTINGS[name]
    known = {f.name for f in dataclasses.fields(kind)}
    unknown = sorted(set(settings) - known)
    if unknown:
        raise DgError(f"{name}: unknown settings {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}
    for key, names in (("expressions", tuple(MPIE)), ("lights", tuple(MPIE_LIGHTS))):
        if isinstance(values.get(key), int):
            if not 1 <= values[key] <= len(names):
                raise DgError(f"{name}.{key} is {values[key]}; there are {len(names)}: {', '.join(names)}")
            values[key] = names[: values[key]]
    out = kind(**values)
    for key in ("people", "train_people", "test_people", "clips", "pictures"):
        number = getattr(out, key, 1)
        if not 0 <= number < _ROOM:
            raise DgError(f"{name}.{key} is {number}; it must be in 0 ... {_ROOM - 1}")
    if out.size < 16 or (name == "synth_vox" and out.size % 2):
        raise DgError(f"{name}.size is {out.size}; at least 16, and even for videos")
    if name == "synth_vox" and round(out.seconds * out.fps) < 1:
        raise DgError(f"{name}: {out.seconds} s at {out.fps} fps is no frame at all")
    if getattr(out, "format", "png") not in ("png", "jpeg"):
        raise DgError(f"{name}.format is {out.format!r}; use 'png' or 'jpeg'")
    for key, limit in (("yaws", 90), ("pitches", 45)):
        for value in getattr(out, key, ()):
            if not -limit <= value <= limit:
                raise DgError(f"{name}.{key} has {value}; degrees in -{limit} ... {limit}")
    for key, known in (("expressions", EXPRESSIONS), ("lights", MPIE_LIGHTS), ("gazes", GAZES)):
        for value in getattr(out, key, ()):
            if value not in known:
                raise DgError(f"{name}.{key} has {value!r}; there are {', '.join(sorted(known))}")
    return out


def jobs(name: str, settings) -> list[Job]:
    """All jobs of a set, in the order of its index."""
    letter = {"synth_rafd": "r", "synth_mpie": "m", "synth_vox": "v", "synth_people": "p", "synth_grid": "g"}[name]
    count = settings.people if hasattr(settings, "people") else settings.train_people + settings.test_people
    out = []
    for i in range(count):
        subject = f"{letter}{i:03d}"
        person = (settings.seed, FIRST_PERSON[name] + i)
        if name == "synth_vox":
            out += [
                Job(f"{subject}_{k:02d}", subject, person, i * settings.clips + k, True) for k in range(settings.clips)
            ]
        else:
            out.append(Job(subject, subject, person, i, False))
    return out


def shots(name: str, settings, job: Job) -> list[Shot]:
    """The shots of a job; random choices come from the set's seed and the job's number alone."""
    rng = np.random.default_rng([settings.seed, FIRST_PERSON[name] + job.number, 0x53])
    makers = {
        "synth_rafd": _rafd,
        "synth_mpie": _mpie,
        "synth_vox": _vox,
        "synth_people": _people,
        "synth_grid": _grid,
    }
    return list(makers[name](settings, job, rng))


def _picture(settings, job: Job, stem: str) -> str:
    return f"pictures/{job.subject}/{stem}.{'jpg' if settings.format == 'jpeg' else 'png'}"


def _own_way(rng: np.random.Generator, units: dict[str, float]) -> dict[str, float]:
    """A named expression as this person makes it: nobody is equally strong on every muscle, or on both sides."""
    strength = rng.uniform(0.85, 1.1)
    return {k: float(np.clip(v * strength * np.exp(rng.normal(0, 0.12)), 0, 1.1)) for k, v in units.items()}


def _steady(rng: np.random.Generator, light: Light, wall, cloth=None, jitter: float = 0.006) -> Scene:
    return Scene(
        light,
        Background("plain", wall, wall),
        tuple(rng.normal(0, jitter, 2)),
        float(np.exp(rng.normal(0, jitter))),
        1.0,
        cloth,
        1.0,
        int(rng.integers(1 << 30)),
    )


def _rafd(settings: RafdSettings, job: Job, rng) -> Iterator[Shot]:
    light = Light(0, 30, 0.55, ambient=(0.60, 0.60, 0.61), softness=22, room=True)
    for expression, units in RAFD.items():
        mine = _own_way(rng, units)
        for gaze in settings.gazes:
            for yaw in RAFD_YAWS:
                stem = f"{expression}_{gaze}_{yaw:+03d}"
                yield Shot(
                    _picture(settings, job, stem),
                    job.subject,
                    0,
                    "train",
                    expression,
                    gaze,
                    "studio",
                    "1",
                    Action(mine, float(yaw), gaze=GAZES[gaze]),
                    _steady(rng, light, (0.86, 0.86, 0.86), cloth=(0.09, 0.09, 0.10)),
                )


def _mpie(settings: MpieSettings, job: Job, rng) -> Iterator[Shot]:
    split = "train" if job.number < settings.train_people else "test"
    for expression in settings.expressions:
        mine = _own_way(rng, {**RAFD, **MPIE}[expression])
        for yaw, pitch in MPIE_POSES:
            # One framing for all lights of a pose: the lamps flash in a row, nobody moves.
            frame = _steady(rng, Light(), (0.55, 0.57, 0.60), jitter=0.012)
            for name in settings.lights:
                stem = f"{expression}_{yaw:+03.0f}{'_raised' if pitch else ''}_{name}"
                yield Shot(
                    _picture(settings, job, stem),
                    job.subject,
                    0,
                    split,
                    expression,
                    "frontal",
                    name,
                    "1",
                    Action(mine, yaw, pitch),
                    dataclasses.replace(frame, light=MPIE_LIGHTS[name], grain_seed=int(rng.integers(1 << 30))),
                )


def _vox(settings: VoxSettings, job: Job, rng) -> Iterator[Shot]:
    split = "train" if job.number < settings.train_people * settings.clips else "test"
    scene = random_scene(rng, jitter=0.02)
    actions = motion(rng, round(settings.seconds * settings.fps), settings.fps, settings.yaw)
    session = str(job.number % settings.clips + 1)
    unsteady = shake(rng, len(actions), settings.fps)
    for frame, action in enumerate(actions):
        yield Shot(
            f"videos/{job.subject}/{job.name}.mp4",
            job.name,
            frame,
            split,
            "",
            "",
            "",
            session,
            action,
            dataclasses.replace(scene, shift=tuple(scene.shift + unsteady[frame]), grain_seed=scene.grain_seed + frame),
        )


def _people(settings: PeopleSettings, job: Job, rng) -> Iterator[Shot]:
    for k in range(settings.pictures):
        extreme = bool(rng.random() < settings.extreme)
        action = Action(
            random_units(rng),
            float(rng.uniform(-settings.yaw, settings.yaw)),
            float(rng.uniform(-settings.pitch, settings.pitch)),
            float(rng.uniform(-settings.roll, settings.roll)),
            (float(np.clip(rng.normal(0, 9), -22, 22)), float(np.clip(rng.normal(0, 6), -14, 14))),
        )
        yield Shot(
            _picture(settings, job, f"{k:03d}"),
            job.subject,
            0,
            "train",
            "random",
            "random",
            "extreme" if extreme else "random",
            "1",
            action,
            random_scene(rng, extreme=extreme, jitter=settings.jitter),
        )


def _grid(settings: GridSettings, job: Job, rng) -> Iterator[Shot]:
    for expression in settings.expressions:
        mine = _own_way(rng, EXPRESSIONS[expression])
        for gaze in settings.gazes:
            for yaw in settings.yaws:
                for pitch in settings.pitches:
                    for light in settings.lights:
                        stem = f"{expression}_{gaze}_{yaw:+g}_{pitch:+g}_{light}"
                        yield Shot(
                            _picture(settings, job, stem),
                            job.subject,
                            0,
                            "train",
                            expression,
                            gaze,
                            light,
                            "1",
                            Action(mine, float(yaw), float(pitch), gaze=GAZES[gaze]),
                            _steady(rng, MPIE_LIGHTS[light], (0.7, 0.71, 0.72)),
                        )
