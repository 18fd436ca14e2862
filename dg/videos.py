"""Videos: which frames to take at so many frames a second, and one sequential decode of a clip (PyAV)."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from PIL import Image

from dg.pictures import BrokenPicture

VIDEO_SUFFIXES = frozenset(
    ".mp4 .avi .mkv .mov .webm .m4v .mpg .mpeg .mpe .m2v .vob .ts .mts .m2ts .3gp .3g2 .wmv .asf .flv .f4v .ogv .mxf "
    ".qt .divx".split()
)

_DISCARDED, _KEY = 2, 1  # FFmpeg's AVINDEX_DISCARD_FRAME and AVINDEX_KEYFRAME


@dataclass(frozen=True)
class VideoInfo:
    """Which frames a video has.

    Attributes:
        frames: number of frames that can be decoded.
        rate: frames a second, on average.
        times: seconds at which each is shown, where they don't follow each other evenly; None: they do.
    """

    frames: int
    rate: float
    times: tuple[float, ...] | None = None


class Frame(NamedTuple):
    """A decoded frame.

    Attributes:
        number: from 0, among those that can be decoded.
        time: seconds.
        image: (height, width, 3) uint8 RGB, upright, pixels square.
    """

    number: int
    time: float
    image: np.ndarray


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
    """Which frames a video has: read off its header or its packets where these say that all can be decoded and follow
    each other evenly, else by decoding it once. A clip cut out of a longer one without encoding it again, for example,
    holds frames in front that need some that were left behind.

    Raises:
        BrokenPicture: the file is no video, is cut off before its header, or is empty.
    """
    with opened(path) as container:
        stream = container.streams.video[0]
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        if rate <= 0:
            raise BrokenPicture(f"{path}: holds no frames.")
        try:
            plain, count = (
                _index(stream) if 0 < stream.frames == len(stream.index_entries) else _packets(container, stream)
            )
        except (av.FFmpegError, OSError) as error:
            raise _unreadable(path, error) from error
    info = VideoInfo(count, rate) if plain else _decoded(path, rate)
    if info.frames < 1:
        raise BrokenPicture(f"{path}: holds no frames.")
    return info


def _index(stream: av.VideoStream) -> tuple[bool, int]:
    """Whether the container's index is of an even clip that can be decoded from its start, and its frames."""
    entries = stream.index_entries
    flags = [entry.flags for entry in entries]
    whole = bool(flags) and bool(flags[0] & _KEY) and not any(flag & _DISCARDED for flag in flags)
    return whole and _is_even([entry.timestamp for entry in entries]), len(flags)


def _packets(container: av.container.InputContainer, stream: av.VideoStream) -> tuple[bool, int]:
    """The same from the packets, for containers without an index: webm, avi."""
    packets = [packet for packet in container.demux(stream) if packet.size]
    whole = bool(packets) and packets[0].is_keyframe and not any(packet.is_discard for packet in packets)
    times = [packet.pts if packet.pts is not None else packet.dts for packet in packets]
    return whole and (None in times or _is_even(sorted(times))), len(packets)


def _is_even(ticks: list[int]) -> bool:
    """Whether times are the same apart, but for their rounding to ticks and the last, which may end early."""
    apart = np.diff(ticks)[:-1]
    return not len(apart) or apart.max() - apart.min() <= max(1.0, 0.01 * float(np.median(apart)))


def _decoded(path: Path, rate: float) -> VideoInfo:
    times: list[float] = []
    with opened(path) as container, contextlib.suppress(av.FFmpegError):
        for number, frame in enumerate(container.decode(container.streams.video[0])):
            times.append(_time(frame, number, rate))
    return VideoInfo(len(times), rate, tuple(np.subtract(times, times[:1]).tolist()))


def _time(frame: av.VideoFrame, number: int, rate: float) -> float:
    return float(frame.time) if frame.time is not None else number / rate


def sampled_frames(info: VideoInfo, fps: float) -> list[int]:
    """Numbers, from 0, of the frames that stand for `fps` frames a second: those shown at the first's time, then every
    1 / fps seconds.

    A video slower than `fps` gives all its frames.
    """
    if info.times is not None:
        moments = np.arange(0, info.times[-1] + 1 / info.rate - 1e-6, 1 / fps)
        return np.unique(np.searchsorted(info.times, moments + 1e-6, side="right") - 1).tolist()
    step = max(info.rate / fps, 1.0)
    count = math.ceil(info.frames / step)
    return [number for number in (int(k * step + 1e-6) for k in range(count)) if number < info.frames]


def read_frames(path: Path, wanted: Sequence[int]) -> Iterator[Frame]:
    """Decode a clip once from its start and yield the wanted frames.

    Frames after a defect are missing from what is yielded; that is how the caller learns of them.

    Args:
        wanted: frame numbers from 0.

    Raises:
        BrokenPicture: the file can't be opened.
    """
    left = set(wanted)
    with opened(path) as container:
        stream = container.streams.video[0]
        rate = float(stream.average_rate or stream.guessed_rate or 1)
        decoder = enumerate(container.decode(stream))
        while left:
            try:
                number, frame = next(decoder)
            except (StopIteration, av.FFmpegError):
                return
            if number in left:
                left.remove(number)
                yield Frame(number, _time(frame, number, rate), upright(frame, stream))


def upright(frame: av.VideoFrame, stream: av.VideoStream) -> np.ndarray:
    """(height, width, 3) uint8 RGB of a frame decoded from `stream`, turned as it was held, with square pixels."""
    image = frame.to_ndarray(format="rgb24")
    wide = stream.sample_aspect_ratio or 1  # 0 or None: it isn't told
    if wide != 1:
        height, width = image.shape[:2]
        size = (round(width * wide), height) if wide > 1 else (width, round(height / wide))
        image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    # Telephones store how they were held instead of turning the picture.
    return np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))
