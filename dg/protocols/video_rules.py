"""The rules of the VoxCeleb protocols (Sec. 4.1): self-reenactment in VoxCeleb1, cross-reenactment in VoxCeleb2.

A video is a session: VoxCeleb cuts one into several clips, its utterances of some seconds. Where a set names no
sessions, a clip is a video. Videos with too few frames don't take part.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from dg.protocols.rules import PAIR_COLUMNS, make_pair, shuffled
from dg.protocols.shortage import too_little

Videos = dict[str, list[pd.DataFrame]]  # the frames of each video, by person


def voxceleb1_pairs(
    faces: pd.DataFrame, videos: int, tuning: int, frames: int, rng: np.random.Generator
) -> pd.DataFrame:
    """VoxCeleb1: `videos` videos of test people; the networks are tuned on some frames and tested on others.

    Of each video `tuning` random frames are kept for tuning, and `frames` of the others are references. The source is
    one random frame of those for tuning, so that a test frame is never seen before. The ground truth of a pair is its
    reference: the person reenacts itself.

    Returns:
        PAIR_COLUMNS and `tuning`, the list of the video's keys for tuning.

    Raises:
        DgError: fewer than `videos` videos, or two people, have tuning + frames frames; the message counts them.
    """
    enough = _long_enough(
        "VoxCeleb1",
        faces,
        videos,
        tuning + frames,
        f" ({tuning} to tune on and {frames} others)",
        ("protocols.videos", "protocols.vox1_frames", "fine_tune.frames"),
    )
    pairs, kept = [], []
    for video in _drawn(enough, videos, rng):
        rows = list(shuffled(video, rng))
        keys = [row.key for row in _in_order(rows[:tuning])]
        source = rows[rng.integers(tuning)]
        pairs += [make_pair(source, row, row.key) for row in _in_order(rows[tuning : tuning + frames])]
        kept += [keys] * frames
    return pd.DataFrame(pairs, columns=list(PAIR_COLUMNS)).assign(tuning=kept)


def voxceleb2_pairs(faces: pd.DataFrame, videos: int, frames: int, rng: np.random.Generator) -> pd.DataFrame:
    """VoxCeleb2: `videos` videos of test people, each with `frames` frames of a video of somebody else.

    The source is one random frame of the video. As many people as possible take part: somebody's second video is only
    taken when everybody's first is. There is no ground truth: nobody was filmed moving just like somebody else.

    Raises:
        DgError: fewer than `videos` videos, or two people, have `frames` frames; the message counts them.
    """
    enough = _long_enough("VoxCeleb2", faces, videos, frames, "", ("protocols.videos", "protocols.vox_frames"))
    pairs = []
    for video in _drawn(enough, videos, rng):
        source = next(shuffled(video, rng))
        others = sorted(set(enough) - {source.subject})
        driving = enough[others[rng.integers(len(others))]]
        driven = driving[rng.integers(len(driving))]
        pairs += [make_pair(source, row, "") for row in _in_order(islice(shuffled(driven, rng), frames))]
    return pd.DataFrame(pairs, columns=list(PAIR_COLUMNS))


def _long_enough(
    test: str, faces: pd.DataFrame, videos: int, frames: int, what_for: str, keys: tuple[str, ...]
) -> Videos:
    """The test videos with `frames` or more frames; DgError if they are fewer than `videos`, or of one person.

    Args:
        what_for, keys: for the message: what the frames are for, and the sizes (of the scale) that may be lowered.
    """
    faces = faces[faces["split"] == "test"]
    every: Videos = {}
    # A session's name stands for all its clips; where there is none, each clip stands for itself.
    clip = faces["clip"].where(faces["session"] == "", "")
    for (subject, _, _), video in faces.groupby(["subject", "session", clip], sort=True):
        every.setdefault(subject, []).append(video)
    enough = {subject: [video for video in own if len(video) >= frames] for subject, own in every.items()}
    enough = {subject: own for subject, own in enough.items() if own}
    count = sum(map(len, enough.values()))
    if count >= videos and len(enough) >= 2:
        return enough
    lengths = [(len(video), _name(video)) for own in every.values() for video in own]
    raise too_little(
        test,
        f"{videos} test videos of two or more people, {frames} frames each{what_for}",
        {"test videos": len(lengths), "people": len(every), "long enough": count},
        [f"{name} with {length} frames" for length, name in sorted(lengths) if length < frames],
        "Add videos, raise the data set's fps, or lower "
        + " or ".join(f"scales.<scale>.{key}" for key in keys)
        + " in params.yaml",
    )


def _name(video: pd.DataFrame) -> str:
    first = video.iloc[0]
    return f"{first['subject']}'s video {first['session'] or first['clip']}"


def _drawn(videos: Videos, count: int, rng: np.random.Generator) -> list[pd.DataFrame]:
    """`count` of the videos, by as many people as possible, in the people's order."""
    queue = [(turn, subject) for subject, own in videos.items() for turn in range(len(own))]
    queue = sorted((queue[i] for i in rng.permutation(len(queue))), key=lambda item: item[0])[:count]
    order = {subject: rng.permutation(len(own)) for subject, own in videos.items()}
    return [videos[subject][order[subject][turn]] for turn, subject in sorted(queue, key=lambda item: item[::-1])]


def _in_order(frames: Iterable[Any]) -> list[Any]:
    """The frames of a video as they follow each other."""
    return sorted(frames, key=lambda row: (row.clip, row.frame))
