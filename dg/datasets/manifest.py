"""Any data set to its manifest: a row per picture or sampled video frame (Sec. 4.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from tqdm import tqdm

from dg.datasets.by_shard import write_by_shard
from dg.datasets.rows import Row, Source
from dg.errors import DgError
from dg.files import replacing, write_json
from dg.steps.data import ManifestSettings


def make_manifest(settings: ManifestSettings, raw: Path, out: Path, max_broken: float) -> None:
    """Write the manifest `out` (see dg/shards.py) and a report beside it (same name, .json).

    Keys are "<dataset>/<path>", and "<dataset>/<path>#<frame>" for video frames. `frame` is -1 for pictures; yaw and
    pitch are degrees, null where the set doesn't tell; words are "" there.

    Args:
        raw: the data set's folder.
        max_broken: share of its files that may be unusable; no setting, as it changes no row.

    Raises:
        DgError: the folder is missing, empty or laid out otherwise, somebody is in more than one split, or more than
            max_broken of its files are unusable.
    """
    raw, out = Path(raw), Path(out)
    adapter = import_module(f"dg.datasets.{settings.kind}")
    source = Source(settings.dataset, raw, settings.fps)
    if not raw.is_dir():
        raise DgError(
            f"{raw}: no such folder. A folder that DVC fills, such as a clone, --temp or --queue, has it only once DVC "
            f"knows it: dvc add {raw}. It should hold the {_expected(settings, adapter)}"
        )
    with replacing(out) as temporary:
        count = _Count()
        write_by_shard(temporary, count.over(_people_apart(settings, source, adapter)), settings.shards)
        report = count.report()
        _check(settings, source, report, adapter, max_broken)
    write_json(
        out.with_suffix(".json"),
        settings.plain() | report | {"skipped_files": len(source.skipped), "skipped": source.skipped},
    )


def _expected(settings: ManifestSettings, adapter: ModuleType) -> str:
    return f"raw data of '{settings.dataset}' (kind {settings.kind}), laid out like this:\n{adapter.LAYOUT}"


def _people_apart(settings: ManifestSettings, source: Source, adapter: ModuleType) -> Iterator[Row]:
    """The adapter's rows; at their end DgError if somebody was in the training and in the test part."""
    splits: dict[str, set[str]] = {}
    for row in adapter.rows(source):
        splits.setdefault(row["subject"], set()).add(row["split"])
        yield row
    # A test on people that a network has learned from would flatter it.
    shared = sorted(subject for subject, own in splits.items() if len(own) > 1)
    if shared:
        named = ", ".join(shared[:5]) + (", …" if len(shared) > 5 else "")
        raise DgError(
            f"{source.raw}: {len(shared)} of {len(splits)} people are in the training and in the test part: {named}. "
            f"Expected everybody in one of them. Move all files of each to one part, or give people who only share a "
            f"name different ones. The {_expected(settings, adapter)}"
        )


class _Count:
    """What the rows that went through it amount to."""

    def __init__(self) -> None:
        self._rows, self._files, self._subjects, self._clips, self._splits = 0, 0, set(), set(), Counter()

    def over(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows themselves."""
        last_path = None
        for row in tqdm(rows, desc="manifest", unit="row", disable=None):
            self._rows += 1
            self._files += row["path"] != last_path
            last_path = row["path"]
            self._subjects.add(row["subject"])
            self._clips.add(row["clip"])
            self._splits[row["split"]] += 1
            yield row

    def report(self) -> dict[str, Any]:
        """Their numbers."""
        return {
            "rows": self._rows,
            "files": self._files,
            "subjects": len(self._subjects),
            "clips": len(self._clips),
            "splits": dict(sorted(self._splits.items())),
        }


def _check(
    settings: ManifestSettings, source: Source, report: dict[str, Any], adapter: ModuleType, max_broken: float
) -> None:
    first = "".join(f"\n  {item['path']}: {item['reason']}" for item in source.skipped[:5])
    if report["rows"] == 0:
        found = f"{len(source.skipped)} file(s), none usable:{first}\n" if source.skipped else "no picture or video. "
        raise DgError(f"{source.raw}: holds {found}Expected the {_expected(settings, adapter)}")
    total = report["files"] + len(source.skipped)
    if len(source.skipped) > max_broken * total:
        raise DgError(
            f"{source.raw}: {len(source.skipped)} of {total} files can't be used, more than the share "
            f"{max_broken} that datasets.{settings.dataset}.max_broken allows:{first}\n"
            f"Mend or remove them, or raise max_broken in params.yaml. Expected the {_expected(settings, adapter)}"
        )
