"""Raw pictures and videos to face crops in Arrow shards (Sec. 4.1: all images are square, one size)."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tqdm import tqdm

from dg.cuts import Cutter, Whole, cuts_of
from dg.errors import DgError
from dg.files import write_json
from dg.left_out import left_out_of_frames
from dg.pictures import crop, encode
from dg.shards import FRAME_SCHEMA, Manifest, write_shard
from dg.steps.data import Detector, FramesSettings

# An Arrow column of byte strings addresses 2 GiB.
_MAX_SHARD_BYTES = 2**31 - 1


def extract_frames(
    settings: FramesSettings, raw: Path, manifest: Path, shard: int, out: Path, max_broken: float, threads: int = 1
) -> None:
    """Write the shard `out` (FRAME_SCHEMA, manifest order) and a report beside it (same name, .json).

    A shard holds the clips with shard_of(clip, shards) == shard. Pictures that can't be read and, with a detector,
    pictures without a face are left out and listed in the report with the reason. Of those that show several faces it
    lists which were taken by their size, and which as they are known (`dg.cuts.Cut.taken`).

    Args:
        raw: the folder that the manifest's paths start from.
        max_broken: share of the set's pictures that may be left out; no setting, as it changes no shard.
        threads: of the landmark network that frames the faces.

    Raises:
        DgError: the folder is missing or its disk fails, more than max_broken of the set's pictures are left out by
            this shard and those that are done, or the shard is too big for one file.
    """
    listed = Manifest(manifest)
    if listed.shards != settings.shards:
        raise DgError(
            f"{manifest}: made for {listed.shards} shards, but {settings.shards} are asked for. Make it again."
        )
    rows = listed.rows(shard, ["key", "path", "frame", "subject"]).to_pandas()
    raw, out = Path(raw), Path(out)
    if not raw.is_dir():
        raise DgError(
            f"{raw}: no such folder, so the faces of '{settings.dataset}' can't be cut out of its pictures again. Lay "
            f"the data set there, as when {manifest} was made. A folder that DVC fills, such as a clone, --temp or "
            f"--queue, has it only once DVC knows it: dvc add {raw}"
        )
    cutter = _cutter(settings.detector, threads, raw, listed)
    columns: dict[str, list] = {name: [] for name in FRAME_SCHEMA.names}
    skipped: list[dict[str, str]] = []
    taken: dict[str, list[str]] = {"known": [], "largest": [], "alone": []}
    used_bytes = 0
    progress = tqdm(total=len(rows), desc=f"frames {settings.dataset}/{shard}", unit="picture", disable=None)
    with progress:
        for path, group in rows.groupby("path", sort=False):
            keys = dict(zip(group["frame"], group["key"]))
            for frame, cut in cuts_of(cutter, raw, path, list(keys), group["subject"].iloc[0]):
                progress.update()
                if isinstance(cut, str):
                    skipped.append({"key": keys[frame], "reason": cut})
                    continue
                data = encode(crop(cut.image, cut.box, settings.size), settings.format)
                used_bytes += len(data)
                if used_bytes > _MAX_SHARD_BYTES:
                    raise DgError(
                        f"{out}: this shard would be over 2 GiB. Raise datasets.{settings.dataset}.shards "
                        f"(now {settings.shards}) in params.yaml."
                    )
                taken[cut.taken].append(keys[frame])
                columns["key"].append(keys[frame])
                columns["image"].append(data)
                columns["box"].append(cut.box)
                columns["original_size"].append((cut.image.shape[1], cut.image.shape[0]))
    told = {"shard": shard, "rows": len(rows), "written": len(columns["key"]), "skipped": skipped}
    report = settings.plain() | told | {"several": taken["largest"], "known": taken["known"]}
    left_out_of_frames(manifest, out.parent, report).check(max_broken)
    write_shard(out, FRAME_SCHEMA, columns)
    write_json(out.with_suffix(".json"), report)
    _remove_beyond(out.parent.parent, settings.shards)


def _remove_beyond(folder: Path, shards: int) -> None:
    """Remove the shards of a run with more of them: nobody reads them again."""
    for kind in ("frames", "landmarks", "identity"):
        for path in (folder / kind).glob("[0-9]*.*"):
            if int(path.name.split(".")[0]) >= shards:
                path.unlink(missing_ok=True)


def _cutter(chosen: Detector | None, threads: int, raw: Path, manifest: Manifest) -> Cutter:
    if chosen is None:
        return Whole()
    # By name, as crops that are there already know nothing of detectors: see `FramesSettings.modules`.
    return import_module("dg.face_cuts").Faces(chosen, threads, raw, manifest)
