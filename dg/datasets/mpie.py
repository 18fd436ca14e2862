"""CMU Multi-PIE (Sec. 4.1): what a picture shows stands in its file name and in two tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from dg.datasets.published import Published, Some
from dg.datasets.rows import Row, Source
from dg.errors import DgError

LAYOUT = """  001_01_01_051_06.png
  <subject>_<session>_<recording>_<camera>_<light>.png, in any subfolders (as delivered: session01/multiview/001/...);
  what follows these five, as in 001_01_01_051_06_crop_128.png, doesn't matter.
The first 200 people by number are trained on and all others tested, or those in train/ and test/ above all else.
Multi-PIE is sold to researchers: http://www.multipie.org"""

TRAIN_SUBJECTS = 200

# Camera label -> (yaw, pitch) in degrees. Thirteen cameras at head height, 15 degrees apart; 081 and 191 hang above
# those at 45 degrees. How high isn't published: -28, as in SynthFace, only sets them apart from the level ones. Signs
# are SynthFace's: yaw is positive when people turn to their left, pitch negative when they are seen from above.
_LEVEL = ("110", "120", "090", "080", "130", "140", "051", "050", "041", "190", "200", "010", "240")
CAMERAS: dict[str, tuple[float, float]] = {label: (15.0 * (place - 6), 0.0) for place, label in enumerate(_LEVEL)}
CAMERAS |= {"081": (-45.0, -28.0), "191": (45.0, -28.0)}
_PLACES = {label: place for place, label in enumerate(CAMERAS)}

# (session, recording) -> expression, as in Gross et al., Multi-PIE, 2010.
EXPRESSIONS = {
    ("01", "01"): "neutral", ("01", "02"): "smile",
    ("02", "01"): "neutral", ("02", "02"): "surprise", ("02", "03"): "squint",
    ("03", "01"): "neutral", ("03", "02"): "smile", ("03", "03"): "disgust",
    ("04", "01"): "neutral", ("04", "02"): "scream", ("04", "03"): "neutral",
}  # fmt: skip

# "5 lighting conditions and 4 expressions" train; the paper doesn't say which. Here: the expressions of the first two
# sessions, and every third flash of the row.
TRAIN_EXPRESSIONS = frozenset({"neutral", "smile", "surprise", "squint"})
TRAIN_LIGHTS = frozenset({"01", "04", "07", "10", "13"})

# What others append to cropped or scaled copies' names is let be: ..._06_crop_128, ..._06_cropped, ..._06-256.
_NAME = re.compile(
    r"(?P<subject>\d{3})_(?P<session>\d\d)_(?P<recording>\d\d)_(?P<camera>\d{3})_(?P<light>\d\d)(?:[_.\- ].*)?"
)

# As published (http://www.multipie.org): 337 people, each recording from 15 cameras, 20 pictures within 0.7 s by 18
# flashes and without. How many recordings there are of each person isn't.
PEOPLE = 337
_LIGHTS = 20


def rows(source: Source) -> Iterator[Row]:
    """A row per picture: "train" for the first 200 subjects by number, "test" for the others.

    Where all lie in train/ and test/, these say instead. Training pictures with other lights or expressions than the
    paper's setup takes are left out.

    Raises:
        DgError: no two people are left to be tested.
    """
    paths, people, found, extra = [], set(), {}, Some()
    for path in source.files():
        name = _NAME.fullmatch(PurePosixPath(path).stem)
        if name is None:
            source.skip(path, "the file name isn't Multi-PIE's")
        elif name["camera"] not in CAMERAS:
            source.skip(path, f"no camera {name['camera']}, only {', '.join(CAMERAS)}")
        elif (name["session"], name["recording"]) not in EXPRESSIONS:
            source.skip(path, f"session {name['session']} has no recording {name['recording']}")
        else:
            paths.append(path)
            people.add(name["subject"])
            _tick(found, extra, path, name)
    split = _split_by_folders(paths) or _split_by_number(source, people)
    for path in paths:
        name = _NAME.fullmatch(PurePosixPath(path).stem)
        expression = EXPRESSIONS[name["session"], name["recording"]]
        part = split(path, name["subject"])
        if part == "train" and not (expression in TRAIN_EXPRESSIONS and name["light"] in TRAIN_LIGHTS):
            source.leave_out(path, "of another light or expression than the paper trains on")
            continue
        yaw, pitch = CAMERAS[name["camera"]]
        yield from source.rows_of(
            path,
            subject=name["subject"],
            clip=f"{name['subject']}_{name['session']}_{name['recording']}",
            split=part,
            yaw=yaw,
            pitch=pitch,
            expression=expression,
            light=name["light"],
            session=name["session"],
        )
    source.published = _against_published(people, found, extra)


_Split = Callable[[str, str], str]  # path, subject -> "train" or "test"


def _split_by_folders(paths: list[str]) -> _Split | None:
    """The split by train/ and test/ above all else, in any case; None where there are none."""
    parts = {path.partition("/")[0].lower() for path in paths}
    return (lambda path, _: path.partition("/")[0].lower()) if parts == {"train", "test"} else None


def _split_by_number(source: Source, people: set[str]) -> _Split:
    tested = len(people) - TRAIN_SUBJECTS
    if people and tested < 2:
        raise DgError(
            f"{source.raw}: Multi-PIE's first {TRAIN_SUBJECTS} people by number are trained on and all others tested, "
            f"as in the paper. Here are {len(people)}, so {max(tested, 0)} would be tested, and a test pairs two or "
            "more. Add people, or say yourself who is tested: move all of some people to test/, all others to train/."
        )
    train = set(sorted(people)[:TRAIN_SUBJECTS])
    source.notes.append(f"The first {TRAIN_SUBJECTS} people by number are trained on, all others tested.")
    return lambda _, subject: "train" if subject in train else "test"


_Seen = dict[tuple[str, str, str], int]  # subject, session, recording -> which of its pictures are there, a bit each


def _tick(found: _Seen, extra: Some, path: str, name: re.Match[str]) -> None:
    taken = name["subject"], name["session"], name["recording"]
    bit = 1 << (_PLACES[name["camera"]] * _LIGHTS + int(name["light"]))
    if found.get(taken, 0) & bit or int(name["light"]) >= _LIGHTS:
        extra.add(path)
    else:
        found[taken] = found.get(taken, 0) | bit


def _against_published(people: set[str], found: _Seen, extra: Some) -> Published:
    missing = Some()
    for (subject, session, recording), seen in sorted(found.items()):
        for camera, place in _PLACES.items():
            for light in range(_LIGHTS):
                if not seen >> (place * _LIGHTS + light) & 1:
                    missing.add(f"{subject}_{session}_{recording}_{camera}_{light:02}.png")
    if len(people) < PEOPLE:
        missing.add(f"all of {PEOPLE - len(people)} people", 0)
    counts = {
        "people": (len(people), PEOPLE),
        "pictures of the recordings that are there": (
            sum(seen.bit_count() for seen in found.values()),
            len(found) * len(CAMERAS) * _LIGHTS,
        ),
    }
    return Published(counts, missing, extra)
