"""CMU Multi-PIE (Sec. 4.1): what a picture shows stands in its file name and in two tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from dg.datasets.rows import Row, Source

LAYOUT = """  001_01_01_051_06.png
  <subject>_<session>_<recording>_<camera>_<light>.png, in any subfolders (as delivered: session01/multiview/001/...).
Multi-PIE is sold to researchers: http://www.multipie.org"""

TRAIN_SUBJECTS = 200

# Camera label -> (yaw, pitch) in degrees. Thirteen cameras at head height, 15 degrees apart; 081 and 191 hang above
# those at 45 degrees. How high isn't published: -28, as in SynthFace, only sets them apart from the level ones. Signs
# are SynthFace's: yaw is positive when people turn to their left, pitch negative when they are seen from above.
_LEVEL = ("110", "120", "090", "080", "130", "140", "051", "050", "041", "190", "200", "010", "240")
CAMERAS: dict[str, tuple[float, float]] = {label: (15.0 * (place - 6), 0.0) for place, label in enumerate(_LEVEL)}
CAMERAS |= {"081": (-45.0, -28.0), "191": (45.0, -28.0)}

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

_NAME = re.compile(r"(?P<subject>\d{3})_(?P<session>\d\d)_(?P<recording>\d\d)_(?P<camera>\d{3})_(?P<light>\d\d)")


def rows(source: Source) -> Iterator[Row]:
    """A row per picture: "train" for the first 200 subjects by number, "test" for the others.

    Training pictures with other lights or expressions than the paper's setup takes are left out.
    """
    named = []
    for path in source.files():
        name = _NAME.fullmatch(PurePosixPath(path).stem)
        if name is None:
            source.skip(path, "the file name isn't Multi-PIE's")
        elif name["camera"] not in CAMERAS:
            source.skip(path, f"no camera {name['camera']}, only {', '.join(CAMERAS)}")
        elif (name["session"], name["recording"]) not in EXPRESSIONS:
            source.skip(path, f"session {name['session']} has no recording {name['recording']}")
        else:
            named.append((path, name))
    train = set(sorted({name["subject"] for _, name in named})[:TRAIN_SUBJECTS])
    for path, name in named:
        expression = EXPRESSIONS[name["session"], name["recording"]]
        is_train = name["subject"] in train
        if is_train and not (expression in TRAIN_EXPRESSIONS and name["light"] in TRAIN_LIGHTS):
            continue
        yaw, pitch = CAMERAS[name["camera"]]
        yield from source.rows_of(
            path,
            subject=name["subject"],
            clip=f"{name['subject']}_{name['session']}_{name['recording']}",
            split="train" if is_train else "test",
            yaw=yaw,
            pitch=pitch,
            expression=expression,
            light=name["light"],
            session=name["session"],
        )
