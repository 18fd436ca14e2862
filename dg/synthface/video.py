"""H.264 video files with PyAV."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

from dg.xmp import SourceType, add_to_mp4


def write_video(path: Path, pictures: Iterable[np.ndarray], size: int, fps: int, crf: int, comment: str) -> None:
    """Write (size, size, 3) uint8 pictures as an mp4 (yuv420p), rendered by XMP. The same pictures give the same bytes.

    Args:
        crf: H.264's quality, 0 lossless ... 51; 20 leaves hardly visible traces.  comment: goes into metadata and XMP.
    """
    import av

    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        container.metadata["comment"] = comment
        stream = container.add_stream("libx264", rate=Fraction(fps))
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        # One thread: with more, x264 may choose differently from run to run. Its macroblock tree does so with one: it
        # reads memory that it never wrote.
        stream.codec_context.thread_count = 1
        stream.options = {"crf": str(crf), "preset": "veryfast", "threads": "1", "x264-params": "mbtree=0"}
        for picture in pictures:
            for packet in stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    add_to_mp4(path, SourceType.RENDERED, comment)
