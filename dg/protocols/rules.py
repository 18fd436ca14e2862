"""The rules of the cross-reenactment protocols (Sec. 4.1), as functions of a table of faces; see also video_rules.py.

Every rule takes faces (manifest columns) and returns pairs (PAIR_COLUMNS) of pictures of different subjects. The
source says who, the reference says which pose and expression. `target` is the ground truth (dg/ground_truth.py), ""
where the data set holds none.

Every subject gets exactly as many pairs as are asked for. Where the data don't suffice for that, a rule raises DgError,
which counts what is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from dg.ground_truth import GroundTruth
from dg.protocols.shortage import too_little

PAIR_COLUMNS = ("source", "reference", "target", "subject", "reference_subject", "source_yaw", "reference_yaw")

NEAR_FRONTAL = 30.0  # degrees; a source of RaFD and of MPIE (Large Pose) turns less
LARGE_POSE = 60.0  # degrees; a reference of MPIE (Large Pose) turns more
_AT_A_TIME = 256


class _Targets:
    """The ground truth of pairs, by key."""

    def __init__(self, faces: pd.DataFrame) -> None:
        self._truth, self._keys = GroundTruth(faces), faces["key"].to_numpy()

    def of(self, source: Any, reference: Any) -> str:
        """Key of the target of (source, reference), rows of the table of faces; "" where there is none."""
        (row,) = self._truth.rows([source.Index], [reference.Index])
        return self._keys[row] if row >= 0 else ""


def rafd_pairs(faces: pd.DataFrame, references: int, rng: np.random.Generator) -> pd.DataFrame:
    """RaFD: every subject with `references` random pictures of other subjects.

    Each subject has one source, drawn from its neutral pictures with |yaw| < 30 degrees (the paper leaves the choice
    open). References that show just what the source shows are left out: their ground truth is the source itself.
    """
    faces = faces.reset_index(drop=True)
    truth = _Targets(faces)
    is_source = (faces["expression"] == "neutral") & (faces["yaw"].abs() < NEAR_FRONTAL)
    pairs = []
    for _, own, others in _by_subject(faces):
        candidates = own[is_source[own.index]]
        if candidates.empty:
            continue
        source = next(shuffled(candidates, rng))
        fitting = (row for row in shuffled(faces, rng, others) if truth.of(source, row) != source.key)
        pairs += [make_pair(source, row, truth.of(source, row)) for row in islice(fitting, references)]
    kinds = f"a neutral picture with |yaw| < {NEAR_FRONTAL:g}", "pictures of others that show something else"
    counts = {f"neutral with |yaw| < {NEAR_FRONTAL:g}": int(is_source.sum())}
    return pair_table(pairs, "RaFD", faces, references, kinds, counts)


def mpie_pairs(faces: pd.DataFrame, references: int, rng: np.random.Generator, large_pose: bool) -> pd.DataFrame:
    """MPIE: every test subject with `references` random pictures of other test subjects.

    `large_pose` takes sources with |yaw| < 30 and references with |yaw| > 60 degrees only. For each reference a source
    is drawn from those of the subject's pictures for which ground truth exists (not every expression was recorded in
    every session), from all of them where there is none; never one whose ground truth is itself. References for which
    that leaves no source are left out.
    """
    faces = faces[faces["split"] == "test"].reset_index(drop=True)
    truth = _Targets(faces)
    every = pd.Series(True, faces.index)
    is_source = faces["yaw"].abs() < NEAR_FRONTAL if large_pose else every
    is_reference = faces["yaw"].abs() > LARGE_POSE if large_pose else every
    pairs = []
    for _, own, others in _by_subject(faces):
        by_setting: dict[tuple, list] = {}
        for row in own[is_source[own.index]].itertuples():
            by_setting.setdefault((row.light, row.session), []).append(row)
        drawn = shuffled(faces, rng, others & is_reference.to_numpy())
        offered = ((row, _sources_for(row, by_setting, truth)) for row in drawn)
        for reference, sources in islice((offer for offer in offered if offer[1]), references):
            source, target = sources[rng.integers(len(sources))]
            pairs.append(make_pair(source, reference, target))
    kinds, counts = ("a picture", "test pictures of others"), {}
    if large_pose:
        kinds = f"{kinds[0]} with |yaw| < {NEAR_FRONTAL:g}", f"{kinds[1]} with |yaw| > {LARGE_POSE:g}"
        counts = {f"with |yaw| < {NEAR_FRONTAL:g}": int(is_source.sum())}
        counts |= {f"with |yaw| > {LARGE_POSE:g}": int(is_reference.sum())}
    return pair_table(pairs, "MPIE_LP" if large_pose else "MPIE", faces, references, kinds, counts)


def _sources_for(reference: Any, by_setting: dict[tuple, list], truth: _Targets) -> list[tuple[Any, str]]:
    """The sources that go with a reference, each with its target: those that have one, or else all that have none."""
    # All sources of one light and session share their ground truth.
    found = [(rows, truth.of(rows[0], reference)) for rows in by_setting.values()]
    known = [(row, target) for rows, target in found if target for row in rows if row.key != target]
    return known or [(row, "") for rows, target in found if not target for row in rows]


def extreme_pairs(
    sources: pd.DataFrame, drivers: pd.DataFrame, references: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Figure 6: every test subject of VoxCeleb1 with `references` random large-pose pictures of MPIE's test subjects.

    The source is one random test frame of the subject, references turn more than 60 degrees; there is no ground truth.

    Args:
        sources: faces of VoxCeleb1's data set.
        drivers: faces of MPIE's.
    """
    own, drivers = sources[sources["split"] == "test"], drivers[drivers["split"] == "test"]
    extreme = drivers[drivers["yaw"].abs() > LARGE_POSE]
    pairs = []
    for subject, frames in own.groupby("subject", sort=True):
        source = next(shuffled(frames, rng))
        fitting = extreme[extreme["subject"] != subject]
        pairs += [make_pair(source, row, "") for row in islice(shuffled(fitting, rng), references)]
    wanted = f"test pictures with |yaw| > {LARGE_POSE:g} in MPIE's set"
    kinds = "a frame of VoxCeleb1's set", wanted
    return pair_table(pairs, "Extreme", own, references, kinds, {wanted: len(extreme)})


def subset(pairs: pd.DataFrame, count: int | None, rng: np.random.Generator) -> pd.DataFrame:
    """`count` of the pairs (None: all), spread evenly over the source subjects, in the given order."""
    if count is None or count >= len(pairs):
        return pairs
    shuffled = pairs.iloc[rng.permutation(len(pairs))]
    # Every subject's first pair, then every subject's second, and so on; ties in random order.
    turn = shuffled.groupby("subject").cumcount()
    return pairs.loc[sorted(turn.sort_values(kind="stable").index[:count])].reset_index(drop=True)


def _by_subject(faces: pd.DataFrame) -> Iterable[tuple[str, pd.DataFrame, np.ndarray]]:
    """Each subject, its rows, and which rows are others' (bool)."""
    numbers = faces["subject"].factorize()[0]
    for subject, own in faces.groupby("subject", sort=True):
        yield subject, own, numbers != numbers[own.index[0]]


def shuffled(rows: pd.DataFrame, rng: np.random.Generator, chosen: np.ndarray | None = None) -> Iterator[Any]:
    """The rows, or those `chosen` (bool), in random order, which is drawn now.

    A million rows aren't copied for it: few are asked for, and no more of them are brought into that order at a time.
    """
    places = np.arange(len(rows)) if chosen is None else np.flatnonzero(chosen)
    order = rng.permutation(places)
    parts = (rows.iloc[order[start : start + _AT_A_TIME]] for start in range(0, len(order), _AT_A_TIME))
    return (row for part in parts for row in part.itertuples())


def make_pair(source: Any, reference: Any, target: str) -> tuple:
    """A row of PAIR_COLUMNS from two rows of the table of faces."""
    return (source.key, reference.key, target, source.subject, reference.subject, source.yaw, reference.yaw)


def pair_table(
    pairs: list[tuple],
    test: str,
    faces: pd.DataFrame,
    references: int,
    kinds: tuple[str, str],
    counts: dict[str, int],
) -> pd.DataFrame:
    """The pairs as a table.

    Args:
        pairs: rows made by `make_pair`.
        faces: pictures of the subjects that need pairs, `references` each.
        kinds, counts: for the message: what a subject's source and references are, in words, and how many pictures
            there are of which kind.

    Raises:
        DgError: fewer than two subjects, or one with fewer pairs; the message counts what is there and says what is
            needed.
    """
    table = pd.DataFrame(pairs, columns=list(PAIR_COLUMNS))
    made = table["subject"].value_counts().reindex(sorted(faces["subject"].unique()), fill_value=0)
    short = made[made < references].sort_values(kind="stable")
    if len(made) >= 2 and short.empty:
        return table
    mend = "Add data, or let benchmarks in params.yaml point to a fitting set"
    if len(made) >= 2 and short.iloc[0] > 0:
        mend = f"Add data, or lower scales.<scale>.protocols.references in params.yaml to {short.iloc[0]}"
    elif (made > 0).sum() >= 2:
        mend = "Add data, or take the subjects with 0 pairs out of the data set"
    raise too_little(
        test,
        f"two or more test subjects, each with {kinds[0]} as source and {references} {kinds[1]} as references",
        {"pictures": len(faces), "test subjects": len(made)} | counts,
        [f"{subject} with {count} pairs" for subject, count in short.items()],
        mend,
    )
