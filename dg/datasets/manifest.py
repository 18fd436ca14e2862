"""Any data set to its manifest: a row per picture or sampled video frame (Sec. 4.1)."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dg.datasets.by_shard import write_by_shard
from dg.datasets.rows import Row, Source, unpacked
from dg.errors import DgError
from dg.files import replacing, write_json
from dg.steps.data import ManifestSettings


def make_manifest(settings: ManifestSettings, raw: Path, out: Path, max_broken: float) -> None:
    """Write the manifest `out` (see dg/shards.py) and a report beside it (same name, .json); print what it amounts to.

    Keys are "<dataset>/<path>", and "<dataset>/<path>#<frame>" for video frames. `frame` is -1 for pictures of no
    video; yaw and pitch are degrees, null where the set doesn't tell; words are "" there.

    Args:
        raw: the data set's folder.
        max_broken: share of its files that may be unusable; no setting, as it changes no row.

    Raises:
        DgError: the folder is missing, empty or laid out otherwise, somebody is in more than one split, or more than
            max_broken of its files are unusable.
    """
    out = Path(out)
    reading = Reading(settings, Source(settings.dataset, Path(raw), settings.fps), max_broken)
    with replacing(out) as temporary:
        write_by_shard(temporary, reading.rows(), settings.shards)
    write_json(out.with_suffix(".json"), settings.plain() | reading.report())
    print("\n".join(reading.told()))


class Reading:
    """A data set read once, row by row."""

    def __init__(self, settings: ManifestSettings, source: Source, max_broken: float) -> None:
        """As `make_manifest`; `source` says where from.

        Raises:
            DgError: the folder is missing.
        """
        self.source = source
        self._settings, self._max_broken = settings, max_broken
        self._adapter = import_module(f"dg.datasets.{settings.kind}")
        if not source.raw.is_dir():
            raise DgError(
                f"{source.raw}: no such folder. A folder that DVC fills, such as a clone, --temp or --queue, has it "
                f"only once DVC knows it: dvc add {source.raw}. It should hold the {self._expected()}"
            )
        self._rows, self._files = 0, 0
        self._splits: dict[str, set[str]] = {}  # subject -> those that it is in
        self._clips: set[str] = set()
        self._in_split: Counter[str] = Counter()

    def rows(self) -> Iterator[Row]:
        """The rows of all that can be used.

        Raises:
            DgError: as `make_manifest`, at their end.
        """
        last_path = None
        for row in tqdm(self._adapter.rows(self.source), desc="manifest", unit="row", disable=None):
            self._rows += 1
            self._files += row["path"] != last_path
            last_path = row["path"]
            self._splits.setdefault(row["subject"], set()).add(row["split"])
            self._clips.add(row["clip"])
            self._in_split[row["split"]] += 1
            yield row
        self._check_splits()
        self._check_files()

    def report(self) -> dict[str, Any]:
        """What they amount to, once they are through."""
        source = self.source
        return {
            "rows": self._rows + source.unseen.total(),
            "files": self._files,
            "subjects": len(self._splits),
            "clips": len(self._clips),
            "splits": dict(sorted((self._in_split + source.unseen).items())),
            "skipped_files": len(source.skipped),
            "skipped": source.skipped,
            "left_out": {reason: some.plain() for reason, some in sorted(source.left_out.items())},
            "notes": source.notes,
            "warnings": self.warnings(),
            "published": source.published and source.published.plain(),
        }

    def told(self) -> list[str]:
        """The same for people, in lines."""
        source = self.source
        parts = ", ".join(
            f"{split} {sum(split in own for own in self._splits.values()):,} people with {count:,} faces"
            for split, count in sorted((self._in_split + source.unseen).items())
        )
        lines = [
            f"{self._settings.dataset}: {source.met:,} pictures and videos, {self._files:,} of them taken: "
            f"{self._rows + source.unseen.total():,} faces of {len(self._splits):,} people, {parts}."
        ]
        if source.skipped:
            first = ", ".join(f"{item['path']}: {item['reason']}" for item in source.skipped[:3])
            lines.append(f"Can't be used: {len(source.skipped):,} files ({first}{', …' * (len(source.skipped) > 3)}).")
        lines += [f"Left out, {reason}: {some.told()}." for reason, some in sorted(source.left_out.items())]
        lines += source.notes
        lines += source.published.told().splitlines() if source.published else []
        return lines + [f"WARNING: {warning}" for warning in self.warnings()]

    def warnings(self) -> list[str]:
        """What is likely another than it was meant to be."""
        spelled = defaultdict(list)
        for subject in sorted(self._splits):
            spelled[" ".join(unicodedata.normalize("NFKC", subject).casefold().split())].append(subject)
        warnings = [
            f"{' and '.join(map(ascii, names))} are taken for {len(names)} people, though the names read alike. If "
            "they are one, give their folders one spelling."
            for names in spelled.values()
            if len(names) > 1
        ]
        if len(self._splits) == 1:
            warnings.append(
                f"all pictures are of one person, {next(iter(self._splits))}; tests pair two. If that folder lies "
                f"above people's own, move what else lies in it away. The {self._expected()}"
            )
        return warnings

    def _expected(self) -> str:
        name, kind = self._settings.dataset, self._settings.kind
        return f"raw data of '{name}' (kind {kind}), laid out like this:\n{self._adapter.LAYOUT}"

    def _check_splits(self) -> None:
        # A test on people that a network has learned from would flatter it.
        shared = sorted(subject for subject, own in self._splits.items() if len(own) > 1)
        if shared:
            named = ", ".join(shared[:5]) + (", …" if len(shared) > 5 else "")
            raise DgError(
                f"{self.source.raw}: {len(shared)} of {len(self._splits)} people are in the training and in the test "
                f"part: {named}. Expected everybody in one of them. Move all files of each to one part, or give people "
                f"who only share a name different ones. The {self._expected()}"
            )

    def _check_files(self) -> None:
        source, dataset = self.source, self._settings.dataset
        first = "".join(f"\n  {item['path']}: {item['reason']}" for item in source.skipped[:5])
        if self._rows == 0:
            found = (
                f"{len(source.skipped)} file(s), none usable:{first}\n" if source.skipped else "no picture or video. "
            )
            raise DgError(f"{source.raw}: holds {found}{unpacked(source.archives)}Expected the {self._expected()}")
        total = self._files + len(source.skipped)
        if len(source.skipped) > self._max_broken * total:
            raise DgError(
                f"{source.raw}: {len(source.skipped)} of {total} files can't be used, more than the share "
                f"{self._max_broken} that datasets.{dataset}.max_broken allows:{first}\n"
                f"Mend or remove them, or raise max_broken in params.yaml. Expected the {self._expected()}"
            )
