"""One row of a manifest, and the words every data set's adapter shares."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from dg.datasets.published import Published, Some
from dg.errors import DgError
from dg.folders import walk
from dg.pictures import PICTURE_SUFFIXES, BrokenPicture
from dg.shards import MANIFEST_COLUMNS
from dg.videos import VIDEO_SUFFIXES, read_info, sampled_frames

NO_FRAME = -1  # `frame` of a picture that comes from no video

_NUMBERS = {"frame": pa.int32(), "yaw": pa.float64(), "pitch": pa.float64()}
MANIFEST_SCHEMA = pa.schema([(column, _NUMBERS.get(column, pa.string())) for column in MANIFEST_COLUMNS])

Row = dict[str, Any]

_EMPTY: Row = {column: None if column in _NUMBERS else "" for column in MANIFEST_COLUMNS}

# Pictures and videos that neither Pillow nor PyAV reads.
UNREAD = frozenset(
    ".heic .heif .hif .jxl .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .dng .raf .orf .rw2 .pef .raw .3fr .erf .kdc .x3f "
    ".r3d .braw".split()
)
# A camera's own file often lies beside the picture that it made of it.
_BESIDE = [suffix for lower in (".jpg", ".jpeg", ".png", ".tif") for suffix in (lower, lower.upper())]
_ARCHIVE = re.compile(r".*\.(zip|tar|tgz|tbz2?|txz|gz|bz2|xz|7z|rar)|(?P<whole>.+)_part[a-z]+", re.IGNORECASE)


@dataclass
class Source:
    """A raw data set under way to its manifest.

    Attributes:
        dataset: its name, first part of every key.
        raw: its folder.
        fps: frames a second to take from videos; None where the set holds pictures.
        skipped: files that can't be used, each {"path", "reason"}; adapters add to it.
        left_out: all else that gives no row, by reason.
        archives: of what is left out, those that hold more of it.
        met: how many pictures and videos there are, whether they can be used or not.
        unseen: frames by split that there are beyond the rows given; none, if all are given.
        notes: what its users should know of how it was read; adapters add to it.
        published: how it compares with what its owners publish, once it is read; None: nothing is published.
    """

    dataset: str
    raw: Path
    fps: float | None
    skipped: list[dict[str, str]] = field(default_factory=list)
    left_out: dict[str, Some] = field(default_factory=dict)
    archives: Some = field(default_factory=Some)
    met: int = 0
    unseen: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    published: Published | None = None

    def files(self) -> Iterator[str]:
        """Paths of all pictures and videos, relative, with "/", sorted; all other files are noted."""
        for path in walk(self.raw, self.leave_out):
            stem, suffix = os.path.splitext(path)
            suffix = suffix.lower()
            if suffix in PICTURE_SUFFIXES or suffix in VIDEO_SUFFIXES:
                self.met += 1
                yield path
            elif suffix in UNREAD:
                self.met += 1
                if any((self.raw / f"{stem}{beside}").exists() for beside in _BESIDE):
                    self.leave_out(path, f"{suffix} files can't be read, but the same picture lies beside it")
                else:
                    self.skip(path, f"{suffix} files can't be read here: convert it, for example to .jpg or .mp4")
            elif _ARCHIVE.fullmatch(os.path.basename(path)):
                self.archives.add(path)
                self.leave_out(path, "an archive, or a part of one")
            else:
                self.leave_out(path, f"neither picture nor video: {suffix or 'no suffix'}")

    def skip(self, path: str, reason: str) -> None:
        """Note that the file `path`, a picture or video, can't be used."""
        self.skipped.append({"path": path, "reason": reason})

    def leave_out(self, path: str, reason: str) -> None:
        """Note that `path` gives no row and isn't meant to."""
        self.left_out.setdefault(reason, Some()).add(path)

    def row(self, path: str, frame: int = NO_FRAME, **facts: Any) -> Row:
        """A manifest row; facts the set doesn't have stay empty ("" for words, null for angles)."""
        key = f"{self.dataset}/{path}" + (f"#{frame}" if frame != NO_FRAME and is_video(path) else "")
        return {**_EMPTY, "key": key, "path": path, "frame": frame, **facts}

    def frames_of(self, path: str) -> list[int]:
        """Numbers of the frames to take from the video `path`; none, and a note, if it can't be read.

        Raises:
            DgError: the set's fps is not given.
        """
        if self.fps is None:
            raise DgError(
                f"params.yaml: datasets.{self.dataset}.fps is not set, but {self.raw / path} is a video. "
                f"Say how many frames a second to take, for example fps: 25."
            )
        try:
            return sampled_frames(read_info(self.raw / path), self.fps)
        except BrokenPicture as error:
            self.skip(path, str(error))
            return []

    def rows_of(self, path: str, **facts: Any) -> Iterator[Row]:
        """The row of a picture, or a row for each sampled frame of a video."""
        if is_video(path):
            for frame in self.frames_of(path):
                yield self.row(path, frame, **facts)
        else:
            yield self.row(path, **facts)


def is_video(path: str) -> bool:
    """Whether the file name says that this is a video; of a million paths quicker than by `Path`."""
    return os.path.splitext(path)[1].lower() in VIDEO_SUFFIXES


def unpacked(archives: Some) -> str:
    """How to make a data set of archives, or of parts of one, that lie in its folder: a sentence; "" without any."""
    if not archives.count:
        return ""
    names = archives.first
    parts = next((found for name in names if (found := _ARCHIVE.fullmatch(os.path.basename(name)))["whole"]), None)
    if parts is None:
        return f"Unpack there what lies packed in it ({names[0]}{', …' if archives.count > 1 else ''}). "
    whole = parts["whole"]
    return (
        f"{archives.count} part(s) of an archive lie there. Join all of them and unpack the whole: "
        f"cat {whole}_part* > {whole}.zip && unzip {whole}.zip. "
    )
