"""Photographs of one's own: `python -m dg reenact` and `dg.Reenactor` on SynthFace's people as on anybody."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from PIL import ExifTags, Image

from dg.cli import main
from dg.datasets.manifest import make_manifest
from dg.errors import DgError
from dg.frames import extract_frames
from dg.identity.extract import find_codes
from dg.landmarks.extract import find_landmarks
from dg.pictures import BrokenPicture, crop
from dg.protocols.generate import generate
from dg.protocols.results import Results
from dg.reenact.layout import pasted
from dg.reenact.networks import BUNDLED_FOR
from dg.reenact.reenactor import Reenactor
from dg.shards import decode_image
from dg.steps.data import Detector, FramesSettings, ManifestSettings
from dg.synthface import Action, Scene, render, sample_person
from dg.weights import bundled
from tests.beside import LONDON, needs
from tests.scales import ROOT
from tests.test_released import SMALL, drawn, written

SIDE = 256
TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@pytest.fixture(scope="module")
def people(head, tmp_path_factory):
    """Folder of me.png, frontal, and you.png, somebody else, turned."""
    folder = tmp_path_factory.mktemp("people")
    for name, person, yaw in (("me", 1, 0), ("you", 2, 25)):
        face = render(head, sample_person(0, person), Action(yaw=yaw), Scene(), SIDE).image
        Image.fromarray(face).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def reenactor():
    return Reenactor()


@pytest.fixture(autouse=True)
def _hog_alone(monkeypatch):
    """The CNN's second look takes seconds where there is no face; faces of these tests are found at the first."""
    monkeypatch.setattr("dg.landmarks.detectors._CNN_SIDES", ())


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def digital_source(xmp: bytes | str) -> str:
    """As any XML parser finds it."""
    text = (xmp.decode() if isinstance(xmp, bytes) else xmp).lstrip("\ufeff")
    (found,) = ET.fromstring(text).iter("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
    return found.text


def test_a_pair_gives_the_pipeline_s_picture(reenactor, people, tmp_path):
    """The steps by themselves, through their files."""
    for name in ("me", "you"):
        path = tmp_path / f"raw/{name}/a.png"
        path.parent.mkdir(parents=True)
        path.write_bytes((people / f"{name}.png").read_bytes())
    manifest, shard = tmp_path / "manifest.parquet", tmp_path / "frames/0.arrow"
    own = ManifestSettings(dataset="own", kind="faces", fps=None, shards=1)
    make_manifest(own, tmp_path / "raw", manifest, max_broken=0)
    detector = Detector(name="yunet", weights=None, digest=None)
    frames = FramesSettings(dataset="own", size=128, format="png", shards=1, detector=detector)
    extract_frames(frames, tmp_path / "raw", manifest, 0, shard, 0)
    find_landmarks("fan-synthface", shard, tmp_path / "landmarks/0.arrow")
    find_codes("synthface-id", shard, tmp_path / "identity/0.arrow", tmp_path / "landmarks/0.arrow")
    pairs = tmp_path / "pairs.parquet"

    row = {"source": "own/me/a.png", "reference": "own/you/a.png", "target": ""}
    pd.DataFrame([row]).to_parquet(pairs)
    networks = bundled("idsg-synthface"), bundled("rfg-synthface")
    generate([tmp_path], pairs, tmp_path / "made.arrow", *networks)
    result = Results(tmp_path / "made.arrow")[0]
    made = reenactor.picture(people / "me.png", people / "you.png", mark=False)
    # Two pictures at a time or one: sums in another order, a grey level.
    assert np.abs(decode_image(result.image).astype(int) - made.image).max() <= 2
    np.testing.assert_allclose(made.points, result.points, atol=1e-3)


@pytest.fixture(scope="module")
def two(people, tmp_path_factory):
    """One picture of both people: me, larger, on the left."""
    frame = np.full((420, 760, 3), 96, np.uint8)
    frame[10:410, 10:410] = np.asarray(Image.open(people / "me.png").resize((400, 400)))
    frame[80:380, 440:740] = np.asarray(Image.open(people / "you.png").resize((300, 300)))
    path = tmp_path_factory.mktemp("two") / "two.png"
    Image.fromarray(frame).save(path)
    return path


def test_face_n_is_the_nth_largest(reenactor, two):
    boxes = [reenactor.source(two, face).face.box for face in (1, 2)]
    middles = [(left + right) / 2 for left, _, right, _ in boxes]
    assert middles[0] < 410 < 440 < middles[1] and boxes[0][2] - boxes[0][0] > boxes[1][2] - boxes[1][0]
    with pytest.raises(BrokenPicture, match=r"two\.png: has no face number 3\. .*760 x 420 .*'yunet' and found 2"):
        reenactor.source(two, 3)


def test_who_is_painted_of_a_couple_is_said(two, people, tmp_path, capsys):
    words = ["reenact", "--source", two, "--reference", people / "you.png", "--out", tmp_path / "out.png"]
    assert main(list(map(str, words))) == 0
    said = capsys.readouterr().err
    assert "two.png: shows 2 faces of about one size. The largest is painted, in the middle of 2" in said


def test_no_face_is_said_with_what_was_looked_at(reenactor, people):
    grey = np.full((300, 400, 3), 128, np.uint8)
    with pytest.raises(BrokenPicture, match=r"the reference: no face found.*400 x 300 pixels.*'yunet'"):
        reenactor.picture(people / "me.png", grey)
    whole = Reenactor(detector=None)
    with pytest.raises(BrokenPicture, match=r"no face found.*square 50, 0, 350, 300 .*score is 0\.\d+, a face has"):
        whole.source(grey)
    assert whole.source(people / "me.png").face.box == (0, 0, SIDE, SIDE)


def test_a_pasted_face_changes_its_crop_alone(reenactor, two, people):
    made = reenactor.picture(two, people / "you.png", face=2, paste=True, mark=False)
    before, (left, top, right, bottom) = pixels(two), made.source.box
    y, x = np.mgrid[: len(before), : before.shape[1]]
    outside = (x < left - 1) | (x > right) | (y < top - 1) | (y > bottom)
    assert made.image.shape == before.shape and (made.image[outside] == before[outside]).all()
    # In the middle it is what was painted.
    again = crop(made.image, made.source.box, 128)
    assert (
        np.abs(again.astype(int) - made.painted)[40:90, 40:90].mean()
        < 3
        < np.abs(again.astype(int) - made.source.crop)[40:90, 40:90].mean()
    )


@pytest.mark.parametrize("box", [(20.3, 30.7, 120.9, 131.3), (-15.5, -8.2, 84.5, 91.8), (150, 90, 250, 190)])
def test_what_was_cut_out_fits_where_it_was(box):
    rng = np.random.default_rng(0)
    smooth = np.asarray(Image.fromarray(rng.integers(0, 255, (12, 20, 3), np.uint8)).resize((200, 120)))
    back = pasted(smooth, box, crop(smooth, box, 128))
    assert np.abs(back.astype(int) - smooth).max() <= 4


def test_the_mark_is_in_a_corner_and_can_be_left_out(reenactor, people):
    marked, plain = (
        reenactor.picture(people / "me.png", people / "you.png", mark=mark).image for mark in (True, False)
    )
    rows, columns = np.nonzero((marked != plain).any(2))
    assert rows.min() > 110 and columns.min() > 70 and len(rows) > 300
    assert (plain == reenactor.picture(people / "me.png", people / "you.png").painted).all()


def test_every_format_says_that_it_is_synthetic(reenactor, people, tmp_path):
    alone = reenactor.picture(people / "me.png", people / "you.png")
    beside = reenactor.picture(people / "me.png", people / "you.png", side_by_side=True)
    assert beside.image.shape == (128, 384, 3) and (beside.image[:, 256:] == alone.image).all()
    for made, term in ((alone, "trainedAlgorithmicMedia"), (beside, "compositeWithTrainedAlgorithmicMedia")):
        for name in ("a.png", "a.jpg", "a.webp"):
            made.save(tmp_path / name)
            with Image.open(tmp_path / name) as picture:
                assert digital_source(picture.info.get("xmp") or picture.text["XML:com.adobe.xmp"]) == TERMS + term
                exif = picture.getexif().get(ExifTags.Base.ImageDescription, "")
                notes = f"{picture.info.get('provenance')} {picture.info.get('comment')} {exif}"
                assert "synthetic, made by DG" in notes, name
    assert (pixels(tmp_path / "a.png") == beside.image).all()
    with pytest.raises(DgError, match=r"a\.gif: pictures are written as \.png, "):
        made.save(tmp_path / "a.gif")


def test_the_command_takes_several_sources_and_folders(people, tmp_path, capsys):
    folder, out = tmp_path / "sources", tmp_path / "out"
    folder.mkdir()
    for name in ("me.png", "you.png"):
        (folder / name).write_bytes((people / name).read_bytes())
    Image.new("RGB", (200, 200)).save(folder / "wall.jpg")
    (folder / "notes.txt").write_text("no picture")
    words = [
        "reenact",
        "--source",
        folder,
        "--reference",
        people / "you.png",
        "--out",
        out,
        "--show-steps",
        tmp_path / "steps",
    ]
    assert main(list(map(str, words))) == 1
    said = capsys.readouterr().err
    assert BUNDLED_FOR in said and "left out, as no picture: notes.txt" in said and "of about one size" not in said
    assert "dg reenact:" in said and "wall.jpg: no face found" in said
    assert sorted(path.name for path in out.iterdir()) == ["me_you.png", "you_you.png"]
    steps = {path.name: pixels(path) for path in (tmp_path / "steps/me_you").iterdir()}
    assert [name[:1] for name in sorted(steps)] == list("1234567")
    assert set(np.unique(steps["6_map.png"])) == {0, 255} and steps["7_painted.png"].shape == (128, 128, 3)
    assert (steps["1_source_crop.png"] == Reenactor().source(people / "me.png").face.crop).all()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--source": "nobody.jpg"}, r"nobody\.jpg: not found\. Expected a picture \(\.apng, \.avif, \.bmp"),
        ({"--reference": "notes.txt"}, r"notes\.txt: is no picture or video by its name"),
        ({"--source": "empty"}, r"empty: holds no picture\. Expected"),
        ({"--out": "made.gif"}, r"made\.gif: of you\.png comes \.png or"),
        ({"--out": "made.mp4"}, r"made\.mp4: of you\.png comes \.png or"),
        ({"--rfg": "no.safetensors", "--out": "a.png"}, r"no\.safetensors: weights not found"),
    ],
)
def test_wrong_files_are_named(changed, said, people, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no picture")
    words = {"--source": people / "me.png", "--reference": people / "you.png", "--out": "a.png"} | changed
    assert main(["reenact", *(str(word) for pair in words.items() for word in pair)]) == 1

    assert re.search(said, capsys.readouterr().err)


def test_results_of_one_name_are_refused(people, tmp_path, capsys):
    (tmp_path / "me.jpg").write_bytes((people / "me.png").read_bytes())
    words = ["--source", people / "me.png", tmp_path / "me.jpg", "--reference", people / "you.png"]
    assert main(["reenact", *map(str, words), "--out", str(tmp_path / "out")]) == 1
    assert "me_you.png: would be the result of" in capsys.readouterr().err
    assert main(["reenact", *map(str, words), "--out", str(tmp_path / "one.png")]) == 1
    assert "2 results (2 sources, 1 references) don't fit into one file" in capsys.readouterr().err


def test_the_authors_checkpoint_paints_too(people, tmp_path):
    path = written(tmp_path, drawn(SMALL))
    made = Reenactor(rfg=path).picture(people / "me.png", people / "you.png")
    assert made.image.shape == (64, 64, 3) and made.image.std() > 0  # its size, its random weights


def test_what_the_bundled_networks_are_not_for_is_said_as_in_the_readme():
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert "of 51 real people 6 % of the results were found as their source (chance 2 %" in readme
    assert "of 51 real people 6 % of the results were found as their source (chance 2 %)" in BUNDLED_FOR


@needs(LONDON)
def test_photographs_go_through(reenactor):
    me, you = sorted(LONDON.iterdir())[:2]
    made = reenactor.picture(me / "neutral.jpg", you / "smiling.jpg", paste=True)
    assert made.image.shape == (512, 512, 3) and made.painted.std() > 10
