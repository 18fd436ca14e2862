"""VoxCeleb1 and VoxCeleb2 (Sec. 4.1): videos of celebrities, or VGG's pictures of the faces in them."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dg.datasets.published import Published, Some
from dg.datasets.rows import NO_FRAME, Row, Source, is_video
from dg.errors import DgError

LAYOUT = """  dev/mp4/id00012/21Uxsk56VDQ/00001.mp4    (training part; "mp4/" may be missing, and folders lie above)
  test/mp4/id00017/01dfn2spqyE/00001.mp4   (test part)
or, with the names of people or their ids, of VoxCeleb1 without dev/ and test/ too:
  mp4/id10270/5r0dWxy17C8/00001.mp4
  id10270#5r0dWxy17C8#000066#000172.mp4    (or a folder of that name with pictures in it)
  unzippedFaces/Eartha_Kitt/1.6/5r0dWxy17C8/0000001/0000375.jpg    (VGG's faces at 1 fps; vox1_meta.csv beside them)
Archives must be unpacked; of vox2_dev_mp4_partaa and so on join all parts first.
Both are asked for at https://www.robots.ox.ac.uk/~vgg/data/voxceleb ; this project doesn't fetch them."""

_SPLITS = {"dev": "train", "train": "train", "test": "test"}
_ID = re.compile(r"id(\d+)")
_JOINED = re.compile(r"(?P<subject>[^#]+)#(?P<video>[^#]+)#(?P<clip>.+)")
_SCALE = re.compile(r"\d\.\d+")  # VGG's "1.6": how much of what is around a face its picture shows
_ARCHIVE = re.compile(r"vox(?:celeb)?[12]?[_-](dev|test)(?:[_-].*)?")  # folders named after the archive
_NOBODY = re.compile(r"dev|train|test|val|mp4|data|faces|unzipped\w*|vox\w*", re.IGNORECASE)

# VoxCeleb1's are id10001 (A.J._Buckley) to id11251, in the order of their names, VoxCeleb2's begin before. Of
# VoxCeleb1 those are tested whose name starts with "E": id10270 (Eartha_Kitt) to id10309 (Ezra_Miller).
_VOX1 = range(10001, 11252)
_VOX1_TEST = range(10270, 10310)

# As published: people, videos, utterances (https://www.robots.ox.ac.uk/~vgg/data/voxceleb).
PUBLISHED = {
    "VoxCeleb1": {"train": (1211, 21819, 148642), "test": (40, 677, 4874)},
    "VoxCeleb2": {"train": (5994, 145569, 1092009), "test": (118, 4911, 36237)},
}


def rows(source: Source) -> Iterator[Row]:
    """A row per sampled frame of a video, or per picture of VGG's; a clip is one utterance, a session one video.

    Who is in dev/ or train/ is trained on, who is in test/ tested. Where these folders are missing vox1_meta.csv or
    vox2_meta.csv says, and without it, of VoxCeleb1, the rule of its owners.

    Raises:
        DgError: nobody says which part somebody belongs to, or there are both videos and pictures.
    """
    people = _People(source)
    count = _Count()
    kinds: dict[bool, str] = {}  # videos?, one of them
    for path in source.files():
        clip = _clip(path)
        if clip is None:
            source.skip(path, "isn't <person>/<video>/<clip>.mp4 or <person>/1.6/<video>/<clip>/<frame>.jpg")
            continue
        kinds.setdefault(clip.is_video, path)
        if len(kinds) > 1:
            raise DgError(
                f"{source.raw}: holds both videos ({kinds[True]}) and pictures ({kinds[False]}), so people's clips "
                "would count twice. Move one of the two out of it."
            )
        subject = people.subject(clip.person)
        split = clip.split or people.split(clip.person, path)
        count.add(split, subject, clip)
        yield from source.rows_of(
            path,
            subject=subject,
            clip=f"{subject}/{clip.video}/{clip.name}",
            split=split,
            session=clip.video,
            **({} if clip.is_video else {"frame": clip.frame}),
        )
    people.note()
    source.published = count.against_published(people)


@dataclass(frozen=True)
class _Clip:
    """What the path of a file says.

    Attributes:
        frame: of a picture, its number.
        split: "train" or "test", if a folder says.
    """

    person: str
    video: str
    name: str
    frame: int
    is_video: bool
    split: str | None


def _clip(path: str) -> _Clip | None:
    """None where the path is none of the forms."""
    *folders, name = path.split("/")
    stem = name.rpartition(".")[0]
    frame = NO_FRAME
    if not (video := is_video(path)):
        if not folders:
            return None
        frame = int(stem) if stem.isdecimal() else NO_FRAME
        stem = folders.pop()
    if joined := _JOINED.fullmatch(stem):
        clip = joined["subject"], joined["video"], joined["clip"].removesuffix(".mp4")
    else:
        folders = [folder for folder in folders if not _SCALE.fullmatch(folder)]
        if len(folders) < 2 or _NOBODY.fullmatch(folders[-2]):
            return None
        clip = (*folders[-2:], stem)
        folders = folders[:-2]
    return _Clip(*clip, frame, video, _split(folders))


def _split(folders: list[str]) -> str | None:
    named = [_SPLITS.get(folder.lower()) for folder in folders]
    archives = [_ARCHIVE.fullmatch(folder.lower()) for folder in folders]
    named = [split or (archive and _SPLITS[archive[1]]) for split, archive in zip(named, archives)]
    return next((split for split in reversed(named) if split), None)


class _People:
    """Who they are and which part they belong to, by vox1_meta.csv or vox2_meta.csv where it lies in the folder."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.ids: dict[str, str] = {}  # of names
        self.splits: dict[str, str] = {}  # of ids
        self._by: dict[str, int] = Counter()
        for name in ("vox1_meta.csv", "vox2_meta.csv"):
            for path in sorted(source.raw.glob(name)) + sorted(source.raw.glob(f"*/{name}")):
                self._read(path)

    def _read(self, path: Path) -> None:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        table = csv.reader(lines, delimiter="\t" if lines and "\t" in lines[0] else ",")
        header, *rows = [[cell.strip() for cell in row] for row in table if row] or [[]]
        if not header or not header[0].endswith("ID") or header[-1] != "Set":
            raise DgError(
                f"{path}: expected the owners' table with the columns 'VoxCeleb1 ID' (or 'VoxCeleb2 ID'), …, 'Set'. "
                "Fetch it again, or move it out of the data set."
            )
        for row in rows:
            if len(row) == len(header) and row[-1].lower() in _SPLITS:
                self.splits[row[0]] = _SPLITS[row[-1].lower()]
                if path.name == "vox1_meta.csv":  # the other names people of VGGFace2 by numbers
                    self.ids[_bare(row[1])] = row[0]

    def subject(self, person: str) -> str:
        """The id of a person, if it is known, or else its name."""
        return self.ids.get(_bare(person), person)

    def split(self, person: str, path: str) -> str:
        """The part that no folder says."""
        subject = self.subject(person)
        if subject in self.splits:
            self._by["by the owners' table (its column Set)"] += 1
            return self.splits[subject]
        number = _ID.fullmatch(subject)
        if number is None or int(number[1]) in _VOX1:
            tested = subject.startswith("E") if number is None else int(number[1]) in _VOX1_TEST
            self._by['by the rule of VoxCeleb1: tested are names with "E", id10270 to id10309'] += 1
            return "test" if tested else "train"
        place = path.partition(f"/{person}")[0] if "/" in path.partition(person)[0] else ""
        move = f"mkdir -p test && mv {place} test/" if place else "mkdir -p test && mv id* test/"
        raise DgError(
            f"{self._source.raw / path}: is in neither dev/ nor test/, and nothing says to which part {subject} of "
            f"VoxCeleb2 belongs. What vox2_test_mp4.zip holds belongs into {self._source.raw}/test/ (in that folder: "
            f"{move}), what vox2_dev_mp4.zip holds into dev/; or lay vox2_meta.csv, which says so, into the folder."
        )

    def note(self) -> None:
        """Tell by which rule the split was made where no folder says."""
        for rule, files in self._by.items():
            self._source.notes.append(f"{files:,} files lie in neither dev/ nor test/ and are split {rule}.")


def _bare(name: str) -> str:
    """Unpacked by some systems a folder's name has lost the dot at its end."""
    return name.rstrip(".")


class _Count:
    """People, videos and utterances that are there."""

    def __init__(self) -> None:
        self._people: dict[str, set[str]] = {"train": set(), "test": set()}
        self._videos: dict[str, set[tuple[str, str]]] = {"train": set(), "test": set()}
        self._clips: Counter[str] = Counter()
        self._last: tuple[str, ...] = ()

    def add(self, split: str, subject: str, clip: _Clip) -> None:
        """One more file; those of a clip come one after the other."""
        self._people[split].add(subject)
        self._videos[split].add((subject, clip.video))
        named = split, subject, clip.video, clip.name
        self._clips[split] += named != self._last
        self._last = named

    def against_published(self, people: _People) -> Published | None:
        """The comparison with VoxCeleb1, if there is somebody of it, or with VoxCeleb2."""
        found = self._people["train"] | self._people["test"]
        if not found:
            return None
        numbers = {int(match[1]) for each in found if (match := _ID.fullmatch(each))}
        which = "VoxCeleb1" if not numbers or numbers & set(_VOX1) else "VoxCeleb2"
        counts: dict[str, tuple[int, int]] = {}
        missing, extra = Some(), Some()
        for split, part in (("train", "dev"), ("test", "test")):
            there = len(self._people[split]), len(self._videos[split]), self._clips[split]
            for what, number, published in zip(("people", "videos", "utterances"), there, PUBLISHED[which][split]):
                counts[f"{which} {part} {what}"] = number, published
            lacking = PUBLISHED[which][split][2] - there[2]
            if lacking:
                (missing if lacking > 0 else extra).add(f"utterances of {part}", abs(lacking))
        known = set(people.splits) or ({f"id{number}" for number in _VOX1} if numbers & set(_VOX1) else set())
        if known:
            for each in sorted(known - found):
                missing.add(each, 0)
            for each in sorted(found - known):
                extra.add(each, 0)
        return Published(counts, missing, extra)
