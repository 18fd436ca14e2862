"""A clip as reference: every frame's pose and expression painted, with the clip's times and sound."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from dg.errors import DgError
from dg.files import file_digest
from dg.provenance import REENACTED
from dg.reenact.clip import Clip, open_clip
from dg.reenact.faces import Face
from dg.reenact.follow import Follower
from dg.reenact.layout import Layout
from dg.reenact.painter import BATCH, Painter, Source
from dg.reenact.segments import Segments

SEGMENT = 10 * BATCH
"""Frames of a piece; a stop loses at most so many."""
LARGEST = 1280
"""Pixels of the longer side of a source picture that a video is pasted into; larger ones are shrunk."""


def reenact_clip(
    painter: Painter, source: Source, clip: Path, out: Path, layout: Layout, face: int = 1, smooth: float = 0
) -> int:
    """Write the video `out`, mp4; returns how many of its frames show no face, where the last face's landmarks stay.

    Only a batch of frames is in memory. Finished pieces lie in `<out>.parts` until all is done; the same call goes on
    with them.

    Args:
        face: which of the faces in the clip's first frame with one, 1 the largest.
        smooth: seconds over which a still face's landmarks are smoothed; 0: not at all.

    Raises:
        BrokenPicture: the clip can't be read.
        DgError: `out` is no mp4, no frame shows a face, or another process makes the same video.
    """
    if out.suffix.lower() != ".mp4":
        raise DgError(f"{out}: videos are written as .mp4. Name the file so.")
    opened = open_clip(clip)
    shown = source._replace(face=_at_most(source.face)) if layout.paste else source
    job = {
        "clip": file_digest(clip),
        "source": [*source.face.box, hashlib.sha256(source.face.picture.tobytes()).hexdigest()],
        "networks": painter.networks.digest,
        "detector": painter.finder.detector,
        "shown": [layout.paste, layout.side_by_side, layout.mark],
        "face": face,
        "smooth": smooth,
    }
    segments = Segments(out, job)
    try:
        follower = Follower(painter, source.found.points[0], source.found.visible[0], face, smooth)
        done = segments.states()
        if done:
            follower.restore(done[-1])
        pictures = opened.pictures(follower.frames)
        start, name = follower.frames, out.name
        with tqdm(total=opened.frames or None, initial=start, desc=name, unit="frame", disable=None) as bar:
            for number in itertools.count(len(done)):
                frames = itertools.islice(pictures, SEGMENT)
                first = segments.write(number, opened, _painted(painter, shown, follower, layout, opened, frames, bar))
                if first is None:
                    break
                segments.finish(number, {"first": first, **follower.state()})
        if follower.missing == follower.frames:
            raise DgError(
                f"{clip}: no face found. Looked at each of its {follower.frames} frames as a whole with the detector "
                f"'{painter.finder.detector}'. Give a clip in which a face is upright and at least a tenth of the "
                "frame high."
            )
        segments.join(opened, out, REENACTED, layout.source_type)
        return follower.missing
    finally:
        segments.close()


def _painted(
    painter: Painter,
    source: Source,
    follower: Follower,
    layout: Layout,
    clip: Clip,
    frames: Iterator[tuple[int, np.ndarray]],
    bar: tqdm,
) -> Iterator[tuple[int, np.ndarray]]:
    """Time in ticks and picture of each frame."""
    while batch := list(itertools.islice(frames, BATCH)):
        crops, points, visible = follower([(float(time * clip.tick), picture) for time, picture in batch])
        pixels = painter.paint(source, points, visible)
        for (time, _), reference, painted in zip(batch, crops, pixels):
            yield time, layout(source.face, reference, painted)
            bar.update()


def _at_most(face: Face) -> Face:
    """The face in its picture, shrunk to LARGEST."""
    height, width = face.picture.shape[:2]
    scale = LARGEST / max(height, width)
    if scale >= 1:
        return face
    size = (round(width * scale), round(height * scale))
    small = np.asarray(Image.fromarray(face.picture).resize(size, Image.Resampling.LANCZOS))
    return replace(face, picture=small, box=tuple(edge * scale for edge in face.box))
