"""Small data sets laid out as their owners ship them, with pictures of people who don't exist."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import av
import numpy as np
from PIL import Image

from dg.datasets import mpie
from dg.synthface import EXPRESSIONS, Action, Head, Scene, render, sample_person

CROP = Scene()
"""A face, and nothing around it."""
Shown = Callable[[int, float, str], np.ndarray]


def painter(head: Head, size: int = 64, scene: Scene = CROP) -> Shown:
    """What paints person, yaw and expression as (size, size, 3) uint8; each once."""
    people = cache(partial(sample_person, 0))  # a body is made for each such object

    @cache
    def shown(person: int, yaw: float, expression: str) -> np.ndarray:
        return render(head, people(person), Action(EXPRESSIONS[expression], yaw=yaw), scene, size).image

    return shown


def lay_rafd(raw: Path, shown: Shown, people: int = 3) -> None:
    """Three cameras, two expressions."""
    for person in range(people):
        for angle in (45, 90, 135):
            for owners, expression in (("neutral", "neutral"), ("happy", "happiness")):
                name = f"Rafd{angle:03}_{person + 1:02}_Caucasian_female_{owners}_frontal.jpg"
                _save(raw / name, shown(person, angle - 90, expression))


def lay_mpie(raw: Path, shown: Shown, trained: int = 2, tested: int = 2) -> None:
    """One recording by one light, as a cropped copy is named; who is tested is said by folders."""
    for person in range(trained + tested):
        for camera in ("051", "110", "120", "010", "240"):
            part = "test" if person >= trained else "train"
            name = f"{person + 1:03}_01_01_{camera}_07_crop_128.png"
            _save(raw / part / "session01" / name, shown(person, mpie.CAMERAS[camera][0], "neutral"))


# The first two are trained on and the last two tested, by the owners' rule.
VOXCELEB1 = ("A.J._Buckley", "Aaron_Tveit", "Eartha_Kitt", "Ed_Westwick")
_FRAMES = 6


def lay_faces_of_voxceleb1(raw: Path, shown: Shown) -> None:
    """VGG's pictures at one frame a second, without a table: two utterances of one video each."""
    for person, name in enumerate(VOXCELEB1):
        for number in range(_FRAMES):
            folder = f"unzippedFaces/{name}/1.6/video{person}/{number // 3:07}"
            _save(raw / folder / f"{25 * number:07}.jpg", shown(person, 10.0 * number - 25, "neutral"))


def lay_videos_of_voxceleb1(raw: Path, shown: Shown) -> None:
    """The same as videos of ids, in dev/ and test/."""
    for person, number in enumerate((10001, 10002, 10270, 10271)):
        path = raw / ("dev" if person < 2 else "test") / f"mp4/id{number}/video{person}/00001.mp4"
        path.parent.mkdir(parents=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("h264", rate=1, options={"crf": "12"})
            stream.width, stream.height = shown(person, 0.0, "neutral").shape[1::-1]
            stream.pix_fmt = "yuv420p"
            for frame in range(_FRAMES):
                image = shown(person, 10.0 * frame - 25, "neutral")
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode())


def lay_faces(raw: Path, shown: Shown) -> None:
    """Folders of people in parts below another folder, with what a NAS leaves there."""
    for person, folder in enumerate(("Train/anna", "Train/ben", "TEST/carl/holiday", "TEST/dora")):
        for number in range(3):
            _save(raw / "photos" / folder / f"{number}.png", shown(person, 20.0 * number, "neutral"))
    _save(raw / "photos/Train/anna/@eaDir/0.png", shown(9, 0, "neutral"))


def _save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
