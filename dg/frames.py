"""Raw pictures and videos to face crops in Arrow shards (Sec. 4.1: all images are square, one size)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from dg.errors import DgError
from dg.files import write_json
from dg.pictures import Box, BrokenPicture, centre_square, crop, encode, read_picture
from dg.shards import FRAME_SCHEMA, Manifest, write_shard
from dg.steps.data import Detector, FramesSettings
from dg.videos import is_video, read_frames

# An Arrow column of byte strings addresses 2 GiB.
_MAX_SHARD_BYTES = 2**31 - 1


def extract_frames(
    settings: FramesSettings, raw: Path, manifest: Path, shard: int, out: Path, max_broken: float
) -> None:
    """Write the shard `out` (FRAME_SCHEMA, manifest order) and a report beside it (same name, .json).

    A shard holds the clips with shard_of(clip, shards) == shard. Pictures that can't be read and, with crop "detect",
    pictures without a face are left out and listed in the report with the reason.

    Args:
        raw: the folder that the manifest's paths start from.
        max_broken: share of the shard's pictures that may be left out; no setting, as it changes no shard.

    Raises:
        DgError: the folder is missing, more than max_broken of the shard's pictures are left out, or the shard is too
            big for one file.
    """
    listed = Manifest(manifest)
    if listed.shards != settings.shards:
        raise DgError(
            f"{manifest}: made for {listed.shards} shards, but {settings.shards} are asked for. Make it again."
        )
    rows = listed.rows(shard, ["key", "path", "frame"]).to_pandas()
    if not Path(raw).is_dir():
        raise DgError(
            f"{raw}: no such folder, so the faces of '{settings.dataset}' can't be cut out of its pictures again. Lay "
            f"the data set there, as when {manifest} was made. A folder that DVC fills, such as a clone, --temp or "
            f"--queue, has it only once DVC knows it: dvc add {raw}"
        )
    find_box = _box_finder(settings.detector)
    columns: dict[str, list] = {name: [] for name in FRAME_SCHEMA.names}
    skipped: list[dict[str, str]] = []
    used_bytes = 0
    progress = tqdm(total=len(rows), desc=f"frames {settings.dataset}/{shard}", unit="picture", disable=None)
    with progress:
        last: Box | None = None
        for key, image, clip_goes_on in _pictures(rows, Path(raw)):
            progress.update()
            if not clip_goes_on:
                last = None
            box = None if isinstance(image, BrokenPicture) else find_box(image, last)
            if box is None:
                skipped.append({"key": key, "reason": str(image) if isinstance(image, BrokenPicture) else "no face"})
                continue
            last = box
            data = encode(crop(image, box, settings.size), settings.format)
            used_bytes += len(data)
            if used_bytes > _MAX_SHARD_BYTES:
                raise DgError(
                    f"{out}: this shard would be over 2 GiB. Raise datasets.{settings.dataset}.shards "
                    f"(now {settings.shards}) in params.yaml."
                )
            columns["key"].append(key)
            columns["image"].append(data)
            columns["box"].append(box)
            columns["original_size"].append((image.shape[1], image.shape[0]))
    _check(settings.dataset, len(rows), skipped, shard, max_broken)
    write_shard(out, FRAME_SCHEMA, columns)
    report = {"shard": shard, "rows": len(rows), "written": len(columns["key"]), "skipped": skipped}
    write_json(Path(out).with_suffix(".json"), settings.plain() | report)
    _remove_beyond(Path(out).parent.parent, settings.shards)


def _remove_beyond(folder: Path, shards: int) -> None:
    """Remove the shards of a run with more of them: nobody reads them again."""
    for kind in ("frames", "landmarks", "identity"):
        for path in (folder / kind).glob("[0-9]*.*"):
            if int(path.name.split(".")[0]) >= shards:
                path.unlink(missing_ok=True)


def _box_finder(chosen: Detector | None) -> Callable[[np.ndarray, Box | None], Box | None]:
    if chosen is None:
        return lambda image, _: centre_square(image)
    # Detectors are loaded only where pictures need cropping.
    from dg.landmarks.detectors import open_detector
    from dg.landmarks.face_crop import find_face_crop

    detector = open_detector(chosen.name, chosen.weights)
    return lambda image, last: find_face_crop(image, last, detector)


def _pictures(rows: pd.DataFrame, raw: Path) -> Iterator[tuple[str, np.ndarray | BrokenPicture, bool]]:
    """Key, picture or what is wrong with it, whether a clip goes on, of every row; each video is decoded once."""
    for path, group in rows.groupby("path", sort=False):
        if not is_video(path):
            for key in group["key"]:
                try:
                    yield key, read_picture(raw / path), False
                except BrokenPicture as error:
                    yield key, error, False
            continue
        todo = dict(zip(group["frame"], group["key"]))
        first = True
        try:
            for frame, image in read_frames(raw / path, list(todo)):
                yield todo.pop(frame), image, not first
                first = False
            reason = BrokenPicture("the video ends or breaks off before this frame")
        except BrokenPicture as error:
            reason = error
        for key in todo.values():
            yield key, reason, True


def _check(dataset: str, count: int, skipped: list[dict[str, str]], shard: int, max_broken: float) -> None:
    if len(skipped) > max_broken * count:
        first = "".join(f"\n  {item['key']}: {item['reason']}" for item in skipped[:5])
        raise DgError(
            f"data set '{dataset}', shard {shard}: {len(skipped)} of {count} pictures are broken or hold "
            f"no face, more than the share {max_broken} that datasets.{dataset}.max_broken "
            f"allows:{first}\nFetch them again or take them out of the data set and make its manifest again, or raise "
            f"max_broken in params.yaml."
        )
