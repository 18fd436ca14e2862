"""Videos: which frames to take at so many frames a second, and one sequential decode of a clip (PyAV)."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from dg.pictures import BrokenPicture

VIDEO_SUFFIXES = frozenset(
    ".mp4 .avi .mkv .mov .webm .m4v .mpg .mpeg .mpe .m2v .vob .ts .mts .m2ts .3gp .3g2 .wmv .asf .flv .f4v .ogv .mxf "
    ".qt .divx".split()
)


@dataclass(frozen=True)
class VideoInfo:
    """What a video's header says.

    Attributes:
        frames: number of frames.
        rate: frames a second.
    """

    frames: int
    rate: float


def is_video(path: str | Path) -> bool:
    """Whether the file name says that this is a video."""
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


@contextlib.contextmanager
def opened(path: Path) -> Iterator[av.container.InputContainer]:
    """A video's file, with a picture track.

    Raises:
        BrokenPicture: the file is missing, no video, or has sound alone.
    """
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise _unreadable(path, error) from error
    with container:
        if not container.streams.video:
            raise BrokenPicture(f"{path}: has no picture track.")
        yield container


def _unreadable(path: Path, error: Exception) -> BrokenPicture:
    return BrokenPicture(f"{path}: can't be read as a video ({error}).")


def read_info(path: Path) -> VideoInfo:
    """Read a video's header.

    Raises:
        BrokenPicture: the file is no video, is cut off before its header, or is empty.
    """
    with opened(path) as container:
        stream = container.streams.video[0]
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        try:
            # Some containers (webm, avi) don't store the number of frames: counting packets needs no decoding.
            frames = stream.frames or sum(1 for packet in container.demux(stream) if packet.size)
        except (av.FFmpegError, OSError) as error:
            raise _unreadable(path, error) from error
    if frames < 1 or rate <= 0:
        raise BrokenPicture(f"{path}: holds no frames.")
    return VideoInfo(frames, rate)


def sampled_frames(info: VideoInfo, fps: float) -> list[int]:
    """Numbers, from 0, of the frames that stand for `fps` frames a second: the first, then every rate/fps-th.

    A video slower than `fps` gives all its frames.
    """
    step = max(info.rate / fps, 1.0)
    count = math.ceil(info.frames / step)
    return [number for number in (int(k * step + 1e-6) for k in range(count)) if number < info.frames]


def read_frames(path: Path, wanted: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Decode a clip once from its start and yield the wanted frames, upright.

    Frames after a defect are missing from what is yielded; that is how the caller learns of them.

    Args:
        wanted: frame numbers from 0.

    Yields:
        (frame number, (height, width, 3) uint8 RGB).

    Raises:
        BrokenPicture: the file can't be opened.
    """
    left = set(wanted)
    with opened(path) as container:
        decoder = enumerate(container.decode(container.streams.video[0]))
        while left:
            try:
                number, frame = next(decoder)
            except (StopIteration, av.FFmpegError):
                return
            if number in left:
                left.remove(number)
                yield number, upright(frame)


def upright(frame: av.VideoFrame) -> np.ndarray:
    """(height, width, 3) uint8 RGB of a decoded frame, turned as it was held."""
    image = frame.to_ndarray(format="rgb24")
    # Telephones store how they were held instead of turning the picture.
    return np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))
