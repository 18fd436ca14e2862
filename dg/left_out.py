"""What of a data set can't be used, over all its shards: each job adds what its shard leaves out, and asks whether that
is more by now than the set as a whole may lose."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from dg.errors import DgError
from dg.files import file_digest, read_json, write_json

NO_FACE_AMONG_OTHERS = "no face in this frame, but in most others of the clip"
"""Listed, but not counted: clips begin in the dark and end with a nod away. That is no fault of the data set."""
NO_LANDMARKS = "no face: the landmark network finds none on the crop"

_OWN = ("shard", "rows", "written", "skipped", "several", "known")  # of a frames report; all else is alike over a set

Report = dict[str, Any]


@dataclass
class LeftOut:
    """Of the shards that are done.

    Attributes:
        dataset: its name.
        rows: pictures and frames of the whole set.
        shards: how many it has, and `seen`: of how many it is known what they leave out.
        pictures: those that can't be used, each {"key", "reason"}.
        several: keys of those that show several faces, of which the largest was taken, or in a clip the one nearest to
            that of the frame before.
        known: keys of those that show several, of which the one was taken that is like the person's other pictures.
    """

    dataset: str
    rows: int
    shards: int
    seen: int = 0
    pictures: list[dict[str, str]] = field(default_factory=list)
    several: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)

    def check(self, max_broken: float) -> None:
        """Refuse the set once more than the share `max_broken` of its pictures is left out.

        Raises:
            DgError: it is.
        """
        counted = [item for item in self.pictures if item["reason"] != NO_FACE_AMONG_OTHERS]
        if len(counted) <= max_broken * self.rows:
            return
        first = "".join(f"\n  {item['key']}: {item['reason']}" for item in counted[:5])
        raise DgError(
            f"data set '{self.dataset}': {len(counted)} of {self.rows} pictures are broken or hold no face "
            f"({self.seen} of {self.shards} shards looked at), more than the share {max_broken} that "
            f"datasets.{self.dataset}.max_broken allows:{first}\nWhere they do show a face, try another "
            "landmarks.detector. Else fetch them again, or take them out of the data set and make its manifest again; "
            "or raise max_broken in params.yaml, which makes nothing again that is done."
        )


def left_out_of_frames(manifest: Path, folder: Path, own: Report) -> LeftOut:
    """What the frames step leaves out of the set listed in `manifest`.

    Args:
        folder: of the frame shards; reports of shards made with other values than `own`, by a run before, don't count.
        own: the report of this shard, which may lie there or not.
    """
    table = pq.ParquetFile(manifest).metadata
    found = LeftOut(own["dataset"], table.num_rows, table.num_row_groups)
    for report in (own, *_others(Path(folder), own, found.shards).values()):
        found.seen += 1
        found.pictures += report["skipped"]
        found.several += report["several"]
        found.known += report["known"]
    return found


def left_out_of_landmarks(folder: Path, shard: int) -> LeftOut:
    """The same of the prepared set in `folder`, with the crops on which the landmarks step found no face.

    Once all shards are looked at, this one among them, all is listed in `<folder>/left_out.json`.
    """
    folder = Path(folder)
    frames = folder / "frames"
    own = read_json(frames / f"{shard}.json")
    found = left_out_of_frames(folder / "manifest.parquet", frames, own)
    found.seen = 0
    for number in (shard, *_others(frames, own, found.shards)):
        marks = folder / "landmarks" / f"{number}.json"
        told = read_json(marks) if marks.exists() else {}
        if told.get("frames") == file_digest(frames / f"{number}.json"):
            found.seen += 1
            found.pictures += [{"key": key, "reason": NO_LANDMARKS} for key in told["faceless"]]
    if found.seen == found.shards:
        usable = found.rows - len(found.pictures)
        told = {"dataset": found.dataset, "rows": found.rows, "usable": usable}
        told |= {"left_out": found.pictures, "several_faces": found.several, "several_faces_known": found.known}
        write_json(folder / "left_out.json", told)
    return found


def _others(frames: Path, own: Report, shards: int) -> dict[int, Report]:
    """Reports of the other shards by their numbers."""
    paths = {number: frames / f"{number}.json" for number in range(shards) if number != own["shard"]}
    reports = {number: read_json(path) for number, path in paths.items() if path.exists()}
    return {number: report for number, report in reports.items() if _values(report) == _values(own)}


def _values(report: Report) -> Report:
    return {key: value for key, value in report.items() if key not in _OWN}
