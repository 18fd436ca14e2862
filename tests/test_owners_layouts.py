"""Data sets as their owners ship them, and as people lay them: what is read, what is left out, what is said."""

from __future__ import annotations

import json
import os
import shutil
from itertools import product
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dg.datasets import mpie, rafd
from dg.datasets.manifest import make_manifest
from dg.errors import DgError
from dg.pictures import PICTURE_SUFFIXES, read_picture
from dg.steps.data import ManifestSettings
from dg.videos import VIDEO_SUFFIXES, read_frames, read_info
from tests.videos import write_video

VOX1_META = """VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet
id10001\tA.J._Buckley\tm\tIreland\tdev
id10270\tEartha_Kitt\tf\tUSA\ttest
id10909\tRobert_Downey_Jr.\tm\tUSA\tdev
"""
VOX2_META = """VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set
id00012 ,n000012 ,m ,dev
id00017 ,n000017 ,m ,test
"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("video") / "clip.mp4", frames=3, rate=1, size=32)


class Folder:
    """A data set under way to its manifest; its pictures are empty files, as no manifest looks into them."""

    def __init__(self, folder: Path, clip: Path) -> None:
        self.raw, self.out, self._clip = folder / "raw", folder / "out/manifest.parquet", clip
        self.raw.mkdir()

    def put(self, *names: str) -> Folder:
        for name in names:
            (self.raw / name).parent.mkdir(parents=True, exist_ok=True)
            if Path(name).suffix.lower() in VIDEO_SUFFIXES:
                shutil.copy(self._clip, self.raw / name)
            else:
                (self.raw / name).touch()
        return self

    def read(self, kind: str, max_broken: float = 0.0) -> pd.DataFrame:
        settings = ManifestSettings(dataset="toy", kind=kind, fps=1, shards=1)
        make_manifest(settings, self.raw, self.out, max_broken)
        return pd.read_parquet(self.out)

    def refused(self, kind: str) -> str:
        with pytest.raises(DgError) as caught:
            self.read(kind)
        assert not self.out.exists()
        return str(caught.value)

    @property
    def report(self) -> dict:
        return json.loads(self.out.with_suffix(".json").read_text())


@pytest.fixture
def folder(tmp_path, clip):
    return Folder(tmp_path, clip)


# --- VoxCeleb


@pytest.mark.parametrize("above", ["", "vox1/", "dev_and_test/"])
def test_voxceleb1_as_vgg_gives_it_is_pictures_split_by_its_table(folder, above):
    (folder.raw / "vox1_meta.csv").write_text(VOX1_META)
    folder.put(
        f"{above}unzippedFaces/A.J._Buckley/1.6/J9lHsKG98U8/0000001/0000375.jpg",
        f"{above}unzippedFaces/A.J._Buckley/1.6/J9lHsKG98U8/0000001/0000400.jpg",
        f"{above}unzippedFaces/Eartha_Kitt/1.6/5r0dWxy17C8/0000002/0000025.jpg",
        # Windows drops the dot at a folder's end.
        f"{above}unzippedFaces/Robert_Downey_Jr/1.6/1zcIwhmdeo4/0000003/0000000.jpg",
    )
    table = folder.read("voxceleb")
    assert table["subject"].tolist() == ["id10001", "id10001", "id10270", "id10909"]
    assert table["split"].tolist() == ["train", "train", "test", "train"]
    assert table["clip"].tolist()[1:3] == ["id10001/J9lHsKG98U8/0000001", "id10270/5r0dWxy17C8/0000002"]
    assert table["session"].tolist()[0] == "J9lHsKG98U8"
    assert table["frame"].tolist() == [375, 400, 25, 0]
    assert table["key"][0] == f"toy/{above}unzippedFaces/A.J._Buckley/1.6/J9lHsKG98U8/0000001/0000375.jpg"
    assert folder.report["skipped"] == []
    assert any("by the owners' table" in note for note in folder.report["notes"])


@pytest.mark.parametrize(
    "test",
    [
        "mp4/id10270/v/00001.mp4",
        "id10270/v/00001.mp4",
        "id10270#v#000066#000172.mp4",
        "vox/id10270#v#000066#000172.mp4/0000000.png",
        "id10270#v#000066#000172/0000000.png",
        "unzippedFaces/Eartha_Kitt/1.6/v/0000001/0000375.jpg",
        "Eartha_Kitt/v/00001.mp4",
    ],
)
def test_without_folders_and_table_voxceleb1_is_split_by_its_owners_rule(folder, test):
    """Tested are id10270 (Eartha_Kitt) to id10309 (Ezra_Miller): those whose name starts with E."""
    trained = [test.replace("id10270", "id10269"), test.replace("id10270", "id10310")]
    if "Eartha" in test:
        trained = [test.replace("Eartha_Kitt", "Dylan_McDermott"), test.replace("Eartha_Kitt", "Farrah_Fawcett")]
    table = folder.put(test, *trained).read("voxceleb").drop_duplicates("path").set_index("path")
    assert table.loc[test, "split"] == "test"
    assert table.loc[trained, "split"].tolist() == ["train"] * 2
    assert table.loc[test, "clip"].split("/")[1] == "v" == table.loc[test, "session"]
    assert any("rule of VoxCeleb1" in note and note.startswith("3 files") for note in folder.report["notes"])


@pytest.mark.parametrize(
    ("dev", "test"),
    [
        ("dev/mp4/id00012/v/1.mp4", "test/mp4/id00017/w/1.mp4"),
        ("dev/id00012/v/1.mp4", "test/id00017/w/1.mp4"),
        ("vox2_dev_mp4/dev/mp4/id00012/v/1.mp4", "vox2_test_mp4/mp4/id00017/w/1.mp4"),
        ("vox2_dev_mp4/mp4/id00012/v/1.mp4", "vox2_test_mp4/test/mp4/id00017/w/1.mp4"),
        ("Train/id00012#v#0#9.mp4", "TEST/id00017#w#0#9.mp4"),
        ("dev/mp4/A.J._Buckley/v/1.mp4", "test/mp4/Eartha_Kitt/w/1.mp4"),
    ],
)
def test_voxcelebs_folders_say_who_is_tested(folder, dev, test):
    table = folder.put(dev, test).read("voxceleb").drop_duplicates("path").set_index("path")
    assert table["split"].to_dict() == {dev: "train", test: "test"}
    assert table.loc[test, "session"] == "w"
    assert table.loc[dev, "subject"] in ("id00012", "A.J._Buckley")
    assert folder.report["notes"] == []


def test_voxceleb2_without_folders_needs_its_table_or_a_move(folder):
    folder.put("mp4/id00012/v/1.mp4", "mp4/id00017/w/1.mp4")
    message = folder.refused("voxceleb")
    assert "mkdir -p test && mv mp4 test/" in message and "vox2_meta.csv" in message
    (folder.raw / "vox2_meta.csv").write_text(VOX2_META)
    table = folder.read("voxceleb")
    assert table.groupby("split")["subject"].unique().map(list).to_dict() == {"train": ["id00012"], "test": ["id00017"]}


def test_parts_of_an_archive_are_to_be_joined_and_unpacked(folder):
    message = folder.put("vox2_dev_mp4_partaa", "vox2_dev_mp4_partab").refused("voxceleb")
    assert "2 part(s)" in message
    assert "cat vox2_dev_mp4_part* > vox2_dev_mp4.zip && unzip vox2_dev_mp4.zip" in message
    assert "Unpack there what lies packed in it (all.zip)" in Folder.put(packed(folder), "all.zip").refused("rafd")


def packed(folder):
    shutil.rmtree(folder.raw)
    return folder


def test_voxceleb_isnt_read_twice(folder):
    folder.put("dev/mp4/id10001/v/00001.mp4", "unzippedFaces/A.J._Buckley/1.6/v/0000001/0000375.jpg")
    assert "both videos" in folder.refused("voxceleb")


def test_voxcelebs_table_must_be_that(folder):
    (folder.raw / "vox1_meta.csv").write_text("<html>404</html>")
    assert "vox1_meta.csv: expected the owners' table" in folder.put("id10001/v/1.mp4").refused("voxceleb")


# --- Multi-PIE


def test_mpie_of_200_people_has_nobody_to_test(folder):
    folder.put(*(f"{subject:03}_01_01_051_07.png" for subject in range(1, 202)))
    message = folder.refused("mpie")
    assert "Here are 201, so 1 would be tested" in message and "move all of some people to test/" in message
    table = folder.put("346_01_01_051_07.png").read("mpie")
    assert table[table["split"] == "test"]["subject"].tolist() == ["201", "346"]


def test_mpies_folders_say_who_is_tested(folder):
    folder.put("Train/001_01_01_051_07.png", "Test/session01/002_01_01_051_07.png", "Test/003_03_03_051_00.png")
    table = folder.read("mpie")
    assert dict(zip(table["subject"], table["split"])) == {"001": "train", "002": "test", "003": "test"}


@pytest.mark.parametrize(
    "end", ["_crop_128.png", "_cropped.png", "_128.png", "-256.jpg", ".crop.png", " (1).png", ".bmp"]
)
def test_mpies_cropped_pictures_have_longer_names(folder, end, monkeypatch):
    monkeypatch.setattr(mpie, "TRAIN_SUBJECTS", 0)
    table = folder.put(f"001_01_02_190_06{end}", f"002_01_01_051_06{end}").read("mpie")
    row = table.iloc[0]
    assert (row["subject"], row["expression"], row["yaw"], row["light"]) == ("001", "smile", 45, "06")


def test_what_mpie_doesnt_train_on_is_told(folder):
    folder.put("train/001_01_01_051_06.png", "train/001_01_01_051_07.png", "test/002_01_01_051_06.png")
    folder.put("test/003_01_01_051_06.png").read("mpie")
    assert folder.report["left_out"] == {
        "of another light or expression than the paper trains on": {
            "files": 1,
            "first": ["train/001_01_01_051_06.png"],
        }
    }


# --- Folders of people


@pytest.mark.parametrize(("train", "test"), [("train", "test"), ("Train", "TEST"), ("training", "Testing")])
@pytest.mark.parametrize("above", ["", "photos/", "a/b/"])
def test_parts_are_known_in_any_case_and_below_other_folders(folder, train, test, above):
    folder.put(f"{above}{train}/anna/1.jpg", f"{above}{test}/ben/holiday/1.jpg")
    table = folder.read("faces")
    assert dict(zip(table["subject"], table["split"])) == {"anna": "train", "ben": "test"}


def test_people_may_lie_one_folder_deeper(folder):
    table = folder.put("photos/anna/1.jpg", "photos/ben/2.jpg", "photos/ben/deep/3.jpg").read("faces")
    assert table["subject"].tolist() == ["anna", "ben", "ben"]
    assert folder.report["notes"] == ["photos/ lies above all people: the folders in it are the people."]


def test_validation_is_tested_where_nothing_else_is_and_else_left_out(folder):
    folder.put("train/anna/1.jpg", "validation/ben/1.jpg")
    assert dict(folder.read("faces")[["subject", "split"]].to_numpy()) == {"anna": "train", "ben": "test"}
    folder.put("test/carl/1.jpg")
    assert dict(folder.read("faces")[["subject", "split"]].to_numpy()) == {"anna": "train", "carl": "test"}
    (reason,) = folder.report["left_out"]
    assert "validation" in reason and folder.report["left_out"][reason]["first"] == ["validation/ben/1.jpg"]


def test_parts_beside_people_are_refused(folder):
    message = folder.put("train/anna/1.jpg", "test/ben/1.jpg", "carl/1.jpg").refused("faces")
    assert "lie(s) beside carl/" in message


@pytest.mark.parametrize("kind", ["faces", "rafd"])
def test_what_systems_leave_is_nobody_and_voids_no_split(folder, kind):
    systems = [".ipynb_checkpoints", "@eaDir", ".Trash-1000", "__MACOSX", "lost+found", "$RECYCLE.BIN", "#recycle"]
    pictures = ["train/anna/{}.jpg", "test/ben/{}.jpg"] if kind == "faces" else ["{}.jpg", "sub/{}.jpg"]
    names = [f"Rafd{angle}_01_Caucasian_male_happy_left" for angle in ("090", "045")]
    pictures = [picture.format(name) for picture, name in zip(pictures, names)]
    folder.put(*pictures, *(f"{system}/carl/{names[0]}.jpg" for system in systems), f"train/._{names[0]}.jpg")
    folder.put("train/anna/@eaDir/1.jpg")
    assert folder.read(kind)["path"].tolist() == sorted(pictures)
    left = folder.report["left_out"]["hidden, or a system's own"]
    assert left["files"] == len(systems) + 2 and left["first"][0] == "#recycle/"


def test_linked_folders_are_walked_and_circles_are_not(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "deep").mkdir(parents=True)
    (elsewhere / "deep/1.jpg").touch()
    folder.put("anna/1.jpg")
    (folder.raw / "ben").symlink_to(elsewhere)
    (elsewhere / "circle").symlink_to(folder.raw)
    (folder.raw / "anna/circle").symlink_to(folder.raw / "anna")
    (folder.raw / "anna/gone.jpg").symlink_to(tmp_path / "gone.jpg")
    assert folder.read("faces")["path"].tolist() == ["anna/1.jpg", "ben/deep/1.jpg"]
    left = folder.report["left_out"]
    assert left["a link to a folder that it lies in"]["first"] == ["anna/circle/", "ben/circle/"]
    assert left["a link to nothing"]["first"] == ["anna/gone.jpg"]


@pytest.mark.parametrize(
    "names", [("Zo\u00eb", "Zoe\u0308"), ("anna", "anna "), ("Anna", "anna"), ("anna  b", "anna b")]
)
def test_two_spellings_of_a_name_are_warned_about(folder, names, capsys):
    folder.put(*(f"{name}/1.jpg" for name in names), "ben/1.jpg").read("faces")
    (warning,) = folder.report["warnings"]
    assert all(ascii(name) in warning for name in names) and "ben" not in warning
    assert f"WARNING: {warning}" in capsys.readouterr().out


def test_one_person_alone_is_warned_about(folder):
    folder.put("photos/anna/1.jpg", "photos/ben/1.jpg", "photos/stray.jpg").read("faces")
    assert "all pictures are of one person, photos" in folder.report["warnings"][0]


# --- What is read, and what is left out


def test_all_that_is_left_out_is_listed_with_its_reason(folder):
    folder.put("anna/1.jpg", "anna/2.HEIC", "anna/3.cr2", "anna/3.JPG", "anna/notes.txt", "anna/more.txt", "ben/1.avif")
    folder.put("ben/bare", "2.jpg", "rest.zip")
    (folder.raw / os.fsdecode(b"ben/\xff.jpg")).touch()
    assert folder.read("faces", max_broken=0.5)["path"].tolist() == ["anna/1.jpg", "anna/3.JPG", "ben/1.avif"]
    report = folder.report
    assert [item["path"] for item in report["skipped"]] == ["anna/2.HEIC", "2.jpg"]
    assert {reason: left["first"] for reason, left in report["left_out"].items()} == {
        ".cr2 files can't be read, but the same picture lies beside it": ["anna/3.cr2"],
        "an archive, or a part of one": ["rest.zip"],
        "its name isn't UTF-8": ["ben/\ufffd.jpg"],
        "neither picture nor video: .txt": ["anna/more.txt", "anna/notes.txt"],
        "neither picture nor video: no suffix": ["ben/bare"],
    }
    # A picture that can't be read is one fewer of somebody; notes are not.
    with pytest.raises(DgError, match=r"2 of 5 files can't be used, more than the share 0\.39"):
        folder.read("faces", max_broken=0.39)


def test_a_folder_that_cant_be_opened_is_no_empty_one(folder, monkeypatch):
    folder.put("anna/1.jpg", "ben/1.jpg")
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("ben"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert "raw/ben: can't be opened (Permission denied)" in folder.refused("faces")


@pytest.mark.parametrize("suffix", sorted(PICTURE_SUFFIXES))
def test_every_picture_suffix_is_read(suffix, tmp_path):
    form = {".jfif": "JPEG", ".jpe": "JPEG", ".apng": "PNG", ".mpo": "MPO"}.get(suffix)
    Image.new("RGB", (32, 24), (90, 90, 90)).save(tmp_path / f"a{suffix}", form)
    assert abs(int(read_picture(tmp_path / f"a{suffix}").mean()) - 90) <= 6


@pytest.mark.parametrize("suffix", sorted(VIDEO_SUFFIXES))
def test_every_video_suffix_is_read(suffix, tmp_path):
    # 0: PyAV's own choice by the suffix; others say what it doesn't know, or a codec that is built in.
    form, codec = {
        ".webm": (None, "vp8"), ".ogv": ("ogg", "vp8"), ".divx": ("avi", "mpeg4"), ".wmv": ("asf", "wmv2"),
        ".asf": ("asf", "wmv2"), ".flv": ("flv", "flv"), ".vob": ("vob", "mpeg2video"), ".mxf": ("mxf", "mpeg2video"),
        ".m2v": ("mpeg2video", "mpeg2video"), ".mpg": ("mpeg", "mpeg2video"), ".mpeg": ("mpeg", "mpeg1video"),
        ".mpe": ("mpeg", "mpeg1video"), ".qt": ("mov", "h264"), ".f4v": ("f4v", "h264"),
    }.get(suffix, (None, "h264"))  # fmt: skip
    path = tmp_path / f"a{suffix}"
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(5):
            image = np.full((48, 64, 3), 40 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    assert read_info(path).frames == 5
    shown = [int(image.mean()) for _, _, image in read_frames(path, range(5))]
    assert np.abs(np.array(shown) - 40 * np.arange(5)).max() < 12


def test_theora_is_read():
    assert av.Codec("theora", "r").name == "theora"


# --- Published counts


def rafd_names(people):
    return [
        f"Rafd{angle}_{person}_Caucasian_female_{expression}_{gaze}.jpg"
        for person, angle, expression, gaze in product(people, rafd.ANGLES, rafd.EXPRESSIONS, rafd.GAZES)
    ]


def test_rafd_is_67_people_with_120_pictures_each(folder, capsys):
    folder.put(*rafd_names([f"{number:02}" for number in range(1, 68)])).read("rafd")
    assert folder.report["published"] == {
        "counts": {"people": {"found": 67, "published": 67}, "pictures": {"found": 8040, "published": 8040}},
        "missing": {"files": 0, "first": []},
        "extra": {"files": 0, "first": []},
    }
    assert "67 of 67 people, 8,040 of 8,040 pictures: all of it." in capsys.readouterr().out


def test_of_rafd_is_told_what_is_missing_and_extra(folder, capsys):
    names = rafd_names(["01", "02"])
    gone = [name for name in names if "_02_" in name and "happy" in name and "Rafd045" in name]
    extra = ["cropped/" + names[0], names[1].replace("angry", "bored")]
    folder.put(*(name for name in names if name not in gone), *extra).read("rafd")
    published = folder.report["published"]
    assert published["counts"]["pictures"] == {"found": 237, "published": 8040}
    assert published["missing"] == {"files": 3 + 65 * 120, "first": [*gone, "all of 65 people"]}
    assert published["extra"] == {"files": 2, "first": sorted(extra)}
    out = capsys.readouterr().out
    assert "Missing: 7,803 (" in out and "A part of the set will do." in out


def test_of_mpie_is_told_what_is_missing_of_each_recording(folder):
    pictures = [f"001_01_01_{camera}_{light:02}.png" for camera in mpie.CAMERAS for light in range(20)]
    folder.put(*(f"test/{name}" for name in pictures if "_051_07" not in name and "_190_" not in name))
    folder.put("test/002_01_01_051_07.png", "test/002_01_01_051_07_crop.png", "train/003_01_01_051_07.png")
    folder.read("mpie")
    published = folder.report["published"]
    assert published["counts"] == {
        "people": {"found": 3, "published": 337},
        "pictures of the recordings that are there": {"found": 279 + 1 + 1, "published": 900},
    }
    assert published["missing"]["files"] == 21 + 299 + 299
    assert published["missing"]["first"][0] == "001_01_01_051_07.png"
    assert published["extra"] == {"files": 1, "first": ["test/002_01_01_051_07_crop.png"]}


def test_of_voxceleb_halves_are_compared(folder, capsys):
    folder.put("dev/id10001/v/1.mp4", "dev/id10001/v/2.mp4", "dev/id10001/w/1.mp4", "test/id10270/v/1.mp4")
    folder.read("voxceleb")
    counts = {what: (told["found"], told["published"]) for what, told in folder.report["published"]["counts"].items()}
    assert counts == {
        "VoxCeleb1 dev people": (1, 1211),
        "VoxCeleb1 dev videos": (2, 21819),
        "VoxCeleb1 dev utterances": (3, 148642),
        "VoxCeleb1 test people": (1, 40),
        "VoxCeleb1 test videos": (1, 677),
        "VoxCeleb1 test utterances": (1, 4874),
    }
    missing = folder.report["published"]["missing"]
    assert missing["files"] == 153_516 - 4
    assert missing["first"][-1] == "id10004"
    assert "1 of 1,211 VoxCeleb1 dev people" in capsys.readouterr().out


def test_voxceleb2_is_known_by_its_ids(folder):
    folder.put("dev/id00012/v/1.mp4", "test/id00017/v/1.mp4").read("voxceleb")
    counts = folder.report["published"]["counts"]
    assert sum(counts[f"VoxCeleb2 {part} people"]["published"] for part in ("dev", "test")) == 6112
    assert sum(counts[f"VoxCeleb2 {part} videos"]["published"] for part in ("dev", "test")) == 150_480
    assert sum(counts[f"VoxCeleb2 {part} utterances"]["published"] for part in ("dev", "test")) == 1_128_246
