"""The rules of the VoxCeleb protocols (Sec. 4.1): self-reenactment in VoxCeleb1, cross-reenactment in VoxCeleb2.

A video is a session: VoxCeleb cuts one into several clips, its utterances of some seconds. Where a set names no
sessions, a clip is a video.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from dg.errors import DgError
from dg.protocols.rules import make_pair, pair_table, shuffled

VIDEOS = 50  # "the 50 videos in the test set"


def voxceleb1_pairs(faces: pd.DataFrame, tuning: int, frames: int, rng: np.random.Generator) -> pd.DataFrame:
    """VoxCeleb1: up to 50 videos of test people; the networks are tuned on some frames and tested on others.

    Of each video `tuning` random frames are kept for tuning, and `frames` of the others are references. The source is
    one random frame of those for tuning, so that a test frame is never seen before. The ground truth of a pair is its
    reference: the person reenacts itself. Only videos that hold `tuning` + `frames` frames take part.

    Returns:
        PAIR_COLUMNS and `tuning`, the list of the video's keys for tuning.

    Raises:
        DgError: too few videos; the message counts them.
    """
    faces = faces[faces["split"] == "test"]
    clips = _by_person(faces)
    whole = {s: [clip for clip in own if len(clip) >= tuning + frames] for s, own in clips.items()}
    pairs, kept = [], []
    for clip in _videos({subject: own for subject, own in whole.items() if own}, rng):
        rows = list(shuffled(clip, rng))
        keys = [row.key for row in _in_order(rows[:tuning])]
        source = rows[rng.integers(tuning)]
        tested = _in_order(rows[tuning : tuning + frames])
        pairs += [make_pair(source, row, row.key) for row in tested]
        kept += [keys] * frames
    if len({pair[3] for pair in pairs}) < 2:
        lengths = sorted((len(clip) for own in clips.values() for clip in own), reverse=True)
        raise DgError(
            f"VoxCeleb1: too little data for its pairs. Needed: test videos of two or more people with {tuning} frames "
            f"to tune on and {frames} others. Found: {len(lengths)} test videos of {len(clips)} people, the longest "
            f"with {', '.join(map(str, lengths[:3])) or 'no'} frames. Add videos, raise the data set's fps, or lower "
            "fine_tune.frames or protocols.vox1_frames in params.yaml."
        )
    return pair_table(pairs, "VoxCeleb1", faces, "", {}).assign(tuning=kept)


def voxceleb2_pairs(faces: pd.DataFrame, frames: int, rng: np.random.Generator) -> pd.DataFrame:
    """VoxCeleb2: up to 50 videos of test people, each with `frames` frames of a video of somebody else.

    The source is one random frame of the video. As many people as possible take part: somebody's second video is only
    taken when everybody's first is. There is no ground truth: nobody was filmed moving just like somebody else.
    """
    faces = faces[faces["split"] == "test"]
    clips = _by_person(faces)
    pairs = []
    for clip in _videos(clips, rng) if len(clips) > 1 else []:
        source = next(shuffled(clip, rng))
        others = sorted(set(clips) - {source.subject})
        driving = clips[others[rng.integers(len(others))]]
        driven = driving[rng.integers(len(driving))]
        references = _in_order(islice(shuffled(driven, rng), frames))
        pairs += [make_pair(source, row, "") for row in references]
    return pair_table(pairs, "VoxCeleb2", faces, "videos of two or more test people", {})


def _by_person(faces: pd.DataFrame) -> dict[str, list[pd.DataFrame]]:
    """The frames of each video, by subject."""
    videos: dict[str, list[pd.DataFrame]] = {}
    # A session's name stands for all its clips; where there is none, each clip stands for itself.
    clip = faces["clip"].where(faces["session"] == "", "")
    for (subject, _, _), video in faces.groupby(["subject", "session", clip], sort=True):
        videos.setdefault(subject, []).append(video)
    return videos


def _in_order(frames: Iterable[Any]) -> list[Any]:
    """The frames of a video as they follow each other."""
    return sorted(frames, key=lambda row: (row.clip, row.frame))


def _videos(clips: dict[str, list[pd.DataFrame]], rng: np.random.Generator) -> list[pd.DataFrame]:
    """Up to 50 of the videos, by as many people as possible, in the people's order."""
    queue = [(turn, subject) for subject, own in clips.items() for turn in range(len(own))]
    queue = sorted((queue[i] for i in rng.permutation(len(queue))), key=lambda item: item[0])[:VIDEOS]
    order = {subject: rng.permutation(len(own)) for subject, own in clips.items()}
    return [clips[subject][order[subject][turn]] for turn, subject in sorted(queue, key=lambda item: item[::-1])]
