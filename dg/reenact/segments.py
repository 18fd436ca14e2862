"""A long video made in pieces: whole ones are kept, so that the same command goes on after a stop.

In a folder beside the video lie `job.json`, which says what is made there, and, of each piece, `<number>.mp4` and,
last, `<number>.json`.
"""

from __future__ import annotations

import heapq
import itertools
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, TextIO

import av
import numpy as np

from dg.errors import DgError
from dg.files import read_json, replacing, write_json
from dg.locks import Held, take
from dg.reenact.clip import Clip
from dg.xmp import SourceType, add_to_mp4

_QUALITY = {"crf": "17", "preset": "medium", "bf": "0"}
# bf: where pictures follow each other in the order they are shown, pieces can be put together by their times alone.


class Segments:
    """The folder of one video's pieces, for this process alone until it is closed.

    Attributes:
        folder: where it is.
    """

    def __init__(self, out: Path, job: dict[str, Any]) -> None:
        """Of the video `out`; pieces of another `job` are removed.

        Raises:
            DgError: another process makes the same video.
        """
        self.folder = out.with_name(f"{out.name}.parts")
        try:
            self._held: TextIO = take(self.folder / "in_use")
        except Held as holder:
            raise DgError(f"{out}: is being made by {holder}. Wait for it, or end it (kill) and run again.") from None
        kept = self.folder / "job.json"
        if not kept.exists() or read_json(kept) != job:
            for path in [*self.folder.glob("*.mp4"), *self.folder.glob("*.json")]:
                path.unlink()
            write_json(kept, job)

    def close(self) -> None:
        """Let others at it."""
        self._held.close()

    def states(self) -> list[dict[str, Any]]:
        """What was written beside each whole piece, in order."""
        states = []
        while (path := self._path(len(states)).with_suffix(".json")).exists():
            states.append(read_json(path))
        return states

    def write(self, number: int, clip: Clip, images: Iterator[tuple[int, np.ndarray]]) -> int | None:
        """Write piece `number` of the clip; returns the time of its first picture, None if there is no picture.

        Args:
            images: time in the clip's ticks, and (height, width, 3) uint8.
        """
        begin = next(images, None)
        if begin is None:
            return None
        first, stream = begin[0], None
        with replacing(self._path(number)) as temporary, av.open(str(temporary), "w", format="mp4") as container:
            for time, image in itertools.chain([begin], images):
                # H.264 halves the colours' resolution, so sides are even.
                image = np.ascontiguousarray(image[: len(image) // 2 * 2, : image.shape[1] // 2 * 2])
                if stream is None:
                    stream = container.add_stream("libx264", rate=clip.rate, options=_QUALITY)
                    stream.height, stream.width, stream.pix_fmt = *image.shape[:2], "yuv420p"
                    stream.codec_context.time_base = clip.tick
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = time - first, clip.tick
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return first

    def finish(self, number: int, state: dict[str, Any]) -> None:
        """Say that piece `number` is whole."""
        write_json(self._path(number).with_suffix(".json"), state)

    def join(self, clip: Clip, out: Path, note: str, source: SourceType) -> None:
        """Put all pieces and the clip's sound together as `out` and remove the folder."""
        starts = [state["first"] for state in self.states()]
        with replacing(out) as temporary:
            with av.open(str(temporary), "w", format="mp4", options={"movflags": "faststart"}) as container:
                container.metadata["comment"] = note
                with av.open(str(self._path(0))) as first:
                    stream = container.add_stream_from_template(first.streams.video[0])
                    stream.time_base = clip.tick
                tracks = [_ahead(clip.sound(container)), _ahead(self._packets(clip, starts, stream))]
                for packet in heapq.merge(*tracks, key=lambda packet: packet.dts * packet.time_base):
                    container.mux(packet)
            add_to_mp4(temporary, source, note)
        shutil.rmtree(self.folder)

    def _packets(self, clip: Clip, starts: list[int], stream: av.VideoStream) -> Iterator[av.Packet]:
        for number, start in enumerate(starts):
            with av.open(str(self._path(number))) as piece:
                for packet in piece.demux(video=0):
                    if packet.dts is None:
                        continue
                    ticks = Fraction(packet.time_base) / clip.tick
                    packet.pts, packet.dts = (start + round(time * ticks) for time in (packet.pts, packet.dts))
                    packet.duration = round((packet.duration or 0) * ticks)
                    packet.time_base, packet.stream = clip.tick, stream
                    yield packet

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05d}.mp4"


def _ahead(packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
    """The same packets, the first fetched at once: a file's tracks must be known before the first packet is written."""
    first = list(itertools.islice(packets, 1))
    return itertools.chain(first, packets)
