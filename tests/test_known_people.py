"""Of several faces in a picture that of the person in whose folder it lies, on SynthFace people side by side."""

from __future__ import annotations

import json

import av
import numpy as np
import pytest
from PIL import Image

from dg.datasets.manifest import make_manifest
from dg.frames import extract_frames
from dg.shards import read_shard, shard_of
from dg.steps.data import Detector, FramesSettings, ManifestSettings
from dg.synthface import EXPRESSIONS, Action, Scene, render, sample_person

SIZE, SMALL, TINY = 128, 112, 76
ANNA, BEN = 9_500_002, 9_500_005


@pytest.fixture(scope="module")
def shown(head):
    """(person, expression) -> (SIZE, SIZE, 3) uint8."""
    return {
        (person, name): render(head, sample_person(0, person), Action(EXPRESSIONS[name], yaw), Scene(), SIZE).image
        for person in (ANNA, BEN)
        for name, yaw in (("neutral", 0.0), ("smile", 15.0))
    }


def side_by_side(left, right):
    """One picture of two, on its floor: (SIZE, 2 SIZE, 3); `left` or `right` may be smaller."""
    both = np.full((SIZE, 2 * SIZE, 3), 200, np.uint8)
    both[-len(left) :, : len(left)] = left
    both[-len(right) :, -len(right) :] = right
    return both


def smaller(image, side=SMALL):
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.LANCZOS))


@pytest.fixture(scope="module")
def couple(shown):
    """Anna on the left, Ben, larger, on the right."""
    return side_by_side(smaller(shown[ANNA, "smile"]), shown[BEN, "smile"])


class Album:
    """A data set of kind `faces` under way to its crops."""

    def __init__(self, folder):
        self.folder = folder

    def put(self, **pictures):
        for name, image in pictures.items():
            path = self.folder / "raw" / f"{name.replace('_', '/')}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)

    def film(self, name, images):
        path = self.folder / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("h264", rate=5, options={"crf": "12"})
            stream.height, stream.width, stream.pix_fmt = *images[0].shape[:2], "yuv420p"
            for image in images:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode())

    def cut(self, shards=1, people=True, max_broken=0.9):
        """Middles (x) of all crops by key, and the shards' reports, put together."""
        values = ManifestSettings(dataset="album", kind="faces", fps=5, shards=shards)
        make_manifest(values, self.folder / "raw", self.folder / "m.parquet", max_broken=0)
        detector = Detector(name="yunet", weights=None, digest=None, people=people)
        settings = FramesSettings(dataset="album", size=64, format="png", shards=shards, detector=detector)
        middles, told = {}, {"skipped": [], "several": [], "known": []}
        for shard in range(shards):
            out = self.folder / f"{shards}-{people}/{shard}.arrow"
            extract_frames(settings, self.folder / "raw", self.folder / "m.parquet", shard, out, max_broken)
            batch = read_shard(out)
            boxes = batch.column("box").flatten().to_numpy().reshape(-1, 4)
            keys = [key.removeprefix("album/") for key in batch.column("key").to_pylist()]
            middles |= dict(zip(keys, (boxes[:, 0] + boxes[:, 2]) / 2))
            report = json.loads(out.with_suffix(".json").read_text())
            told = {name: told[name] + report[name] for name in told}
        return middles, told


def test_a_couples_picture_gives_the_face_of_the_folders_person(tmp_path, shown, couple):
    album = Album(tmp_path)
    album.put(anna_1=shown[ANNA, "neutral"], anna_2=couple, ben_1=shown[BEN, "neutral"], ben_2=couple)
    middles, told = album.cut()
    assert middles["anna/2.png"] < SIZE < middles["ben/2.png"]
    assert sorted(told["known"]) == ["album/anna/2.png", "album/ben/2.png"]
    assert (told["several"], told["skipped"]) == ([], [])
    assert album.cut(shards=4)[0] == middles
    largest, told = album.cut(people=False)
    assert largest["anna/2.png"] == largest["ben/2.png"] == middles["ben/2.png"]
    assert sorted(told["several"]) == ["album/anna/2.png", "album/ben/2.png"]


def test_what_cannot_be_told_is_left_out_and_said(tmp_path, shown, couple):
    """Carl is known by nothing, Dora's two faces are alike, and of Emma's one is clearly the larger."""
    crowd = side_by_side(smaller(shown[ANNA, "smile"], TINY), shown[BEN, "smile"])
    album = Album(tmp_path)
    album.put(
        carl_1=couple, dora_1=side_by_side(*[shown[ANNA, "neutral"]] * 2), dora_2=shown[ANNA, "smile"], emma_1=crowd
    )
    middles, told = album.cut()
    assert sorted(middles) == ["dora/2.png", "emma/1.png"]
    assert middles["emma/1.png"] > SIZE
    assert told["several"] == ["album/emma/1.png"]
    reasons = {item["key"]: item["reason"] for item in told["skipped"]}
    alone = "shows 2 faces, and nothing that shows one alone tells which is carl's"
    assert reasons["album/carl/1.png"] == alone
    assert reasons["album/dora/1.png"].endswith("to other pictures none is told to be dora's")


def test_in_a_video_too(tmp_path, shown, couple):
    """Anna is known by a picture, which may lie in another shard; Ben by frames in which he is alone."""
    alone = side_by_side(np.full_like(shown[BEN, "neutral"], 200), shown[BEN, "neutral"])
    album = Album(tmp_path)
    album.put(anna_1=shown[ANNA, "neutral"])
    album.film("anna/talk.mp4", [couple] * 2)
    album.film("ben/talk.mp4", [np.ascontiguousarray(couple[:, ::-1])] * 2 + [alone])
    middles, told = album.cut(shards=8)
    assert shard_of("anna", 8) != shard_of("anna/talk.mp4", 8)
    assert all(middles[f"anna/talk.mp4#{k}"] < SIZE for k in range(2))
    assert all(middles[f"ben/talk.mp4#{k}"] < SIZE for k in range(2)) and middles["ben/talk.mp4#2"] > SIZE
    assert len(told["known"]) == 4 and not told["skipped"]
