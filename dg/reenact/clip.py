"""A clip's frames, one after the other with their times, and its sound."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from dg.pictures import BrokenPicture
from dg.videos import opened, upright

COPIED = frozenset({"aac", "alac", "mp3", "ac3", "eac3", "opus"})
"""Codecs of sound that an mp4 holds and players know; others become AAC."""


@dataclass(frozen=True)
class Clip:
    """A video file.

    Attributes:
        path: the file.
        rate: frames a second, on average.
        tick: seconds, in which the frames' times are counted.
        frames: how many its header says, or what its length makes likely; 0: not known.
    """

    path: Path
    rate: Fraction
    tick: Fraction
    frames: int

    def pictures(self, first: int = 0) -> Iterator[tuple[int, np.ndarray]]:
        """(time in ticks, (height, width, 3) uint8 RGB, see `upright`) of every frame from number `first` on.

        Earlier ones are decoded and dropped, which takes a hundredth of painting them: to jump would not find the same
        frame in every container. What can't be decoded is left out. Times rise.

        Raises:
            BrokenPicture: the file can't be opened.
        """
        with opened(self.path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            number, last = 0, None
            for packet in container.demux(stream):
                with contextlib.suppress(av.FFmpegError):
                    for frame in packet.decode():
                        time = frame.pts if frame.pts is not None else round(number / self.rate / self.tick)
                        last = time if last is None else max(time, last + 1)
                        number += 1
                        if number > first:
                            yield last, upright(frame, stream)

    def sound(self, output: av.container.OutputContainer) -> Iterator[av.Packet]:
        """Packets of the sound, for a stream that is added to `output` at the first; none: it has no sound."""
        with opened(self.path) as container:
            if not container.streams.audio:
                return
            stream = container.streams.audio[0]
            if stream.codec_context.name in COPIED:
                target = output.add_stream_from_template(stream)
                for packet in container.demux(stream):
                    if packet.dts is not None:
                        packet.stream = target
                        yield packet
                return
            target = output.add_stream("aac", rate=stream.rate)
            target.layout = "stereo" if stream.channels > 1 else "mono"
            for packet in container.demux(stream):
                with contextlib.suppress(av.FFmpegError):
                    for frame in packet.decode():
                        yield from target.encode(frame)
            yield from target.encode(None)


def open_clip(path: Path) -> Clip:
    """Read a clip's header.

    Raises:
        BrokenPicture: the file is missing, or no video.
    """
    with opened(path) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate
        if not rate:
            raise BrokenPicture(f"{path}: holds no frames.")
        seconds = container.duration / av.time_base if container.duration else 0
        return Clip(Path(path), rate, stream.time_base, stream.frames or round(seconds * rate))
