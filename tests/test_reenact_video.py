"""A clip as reference: its times and sound, a stop and what follows, frames without a face, smoothing."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from dg.errors import DgError
from dg.pictures import BrokenPicture
from dg.reenact import video
from dg.reenact.painter import Painter
from dg.reenact.reenactor import Reenactor
from dg.reenact.smoothing import OneEuro
from dg.synthface import Action, Scene, render, sample_person
from dg.xmp import MP4_UUID
from tests.test_reenact import TERMS, digital_source

SIDE, TICK = 192, Fraction(1, 1000)
TIMES = [40, 95, 110, 170, 200, 230, 300, 310, 350, 420]  # of an uneven clip, ms


@pytest.fixture(scope="module")
def faces(head):
    """Source and three frames of somebody who turns, (SIDE, SIDE, 3) uint8 each."""
    somebody, other = sample_person(0, 1), sample_person(0, 2)
    shots = [(somebody, 0), (other, -15), (other, 0), (other, 20)]
    return [render(head, who, Action(yaw=yaw), Scene(), SIDE).image for who, yaw in shots]


@pytest.fixture(scope="module")
def reenactor():
    return Reenactor()


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr("dg.landmarks.detectors._CNN_SIDES", ())  # seconds where there is no face
    monkeypatch.setattr(video, "BATCH", 2)
    monkeypatch.setattr(video, "SEGMENT", 4)


def write_clip(path, frames, sound="aac"):
    """A clip of frames at TIMES, with a tone if `sound` is a codec."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        stream.codec_context.time_base = TICK
        tone = container.add_stream(sound, rate=16000, layout="mono") if sound else None
        for time, image in zip(TIMES, frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = time, TICK
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if tone:
            wave = 8000 * np.sin(np.arange(8192) * 2 * np.pi * 440 / 16000)
            for start in range(0, len(wave), 1024):
                piece = wave[None, start : start + 1024]
                kind = "s16" if sound == "pcm_s16le" else "fltp"
                piece = piece.astype(np.int16) if kind == "s16" else (piece / 32768).astype(np.float32)
                frame = av.AudioFrame.from_ndarray(piece, format=kind, layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
                container.mux(tone.encode(frame))
            container.mux(tone.encode(None))
    return path


def read(path):
    """Times in ms and pictures of a video, and its loudness."""
    with av.open(str(path)) as container:
        shown = [(round(1000 * frame.time), frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        heard = (
            [frame.to_ndarray().astype(float) for frame in container.decode(audio=0)] if container.streams.audio else []
        )
    return [time for time, _ in shown], [image for _, image in shown], np.concatenate(heard, 1).std() if heard else None


@pytest.fixture(scope="module")
def turning(faces):
    return [faces[1 + k % 3] for k in range(len(TIMES))]


@pytest.mark.parametrize("sound", ["aac", "pcm_s16le", None])
def test_a_video_has_the_clip_s_times_and_sound(sound, reenactor, faces, turning, tmp_path):
    clip, out = write_clip(tmp_path / "clip.mkv", turning, sound), tmp_path / "out.mp4"
    assert reenactor.video(faces[0], clip, out, side_by_side=True) == 0
    times, images, loud = read(out)
    assert times == TIMES and images[0].shape == (128, 384, 3)
    assert (loud is None) == (sound is None) and (loud is None or 0.9 < loud / (8000 / 32768 / 2**0.5) < 1.1)
    shown = [image[:, 128:256].astype(int) for image in images]  # the reference, frame by frame
    assert np.abs(shown[0] - shown[3]).mean() < 3 < np.abs(shown[0] - shown[2]).mean()
    assert list(tmp_path.glob("*.parts")) == []
    data = out.read_bytes()
    assert digital_source(data[data.index(MP4_UUID) + 16 :]) == TERMS + "compositeWithTrainedAlgorithmicMedia"
    with av.open(str(out)) as container:
        assert "synthetic" in container.metadata["comment"]


def test_after_a_stop_it_goes_on_with_whole_pieces(reenactor, faces, turning, tmp_path, monkeypatch):
    clip = write_clip(tmp_path / "clip.mkv", turning)
    reenactor.video(faces[0], clip, tmp_path / "whole.mp4", smooth=0.1)
    painted = []

    def stopping(self, source, points, visible, paint=Painter.paint):
        painted.append(len(points))
        if len(painted) == 4:
            raise KeyboardInterrupt
        return paint(self, source, points, visible)

    monkeypatch.setattr(Painter, "paint", stopping)
    out = tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        reenactor.video(faces[0], clip, out, smooth=0.1)
    assert not out.exists() and (tmp_path / "out.mp4.parts/00000.json").exists()
    reenactor.video(faces[0], clip, out, smooth=0.1)
    assert painted == [2, 2, 2, 2, 2, 2, 2]  # four frames and two lost ones before, then the six that were missing
    times, images, loud = read(out)
    expected = read(tmp_path / "whole.mp4")
    assert times == expected[0] and loud == expected[2]
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(images, expected[1])) <= 2


def test_pieces_of_other_options_are_made_anew(reenactor, faces, turning, tmp_path, monkeypatch):
    clip, out = write_clip(tmp_path / "clip.mkv", turning, None), tmp_path / "out.mp4"
    with monkeypatch.context() as patch:
        patch.setattr("dg.reenact.segments.Segments.join", lambda *_: None)  # as if killed just before the end
        reenactor.video(faces[0], clip, out)
    assert len(list((tmp_path / "out.mp4.parts").glob("*.mp4"))) == 3
    painted = []
    paint = Painter.paint
    monkeypatch.setattr(Painter, "paint", lambda *words: painted.append(len(words[2])) or paint(*words))
    reenactor.video(faces[0], clip, out, mark=False)
    assert sum(painted) == len(TIMES)


def test_where_no_face_is_the_last_one_stays(reenactor, faces, tmp_path):
    wall = np.full((SIDE, SIDE, 3), 90, np.uint8)
    frames = [faces[1]] * 3 + [wall] * 3 + [faces[3]] * 4
    out = tmp_path / "out.mp4"
    assert reenactor.video(faces[0], write_clip(tmp_path / "clip.mkv", frames, None), out, mark=False) == 3
    images = [image.astype(int) for image in read(out)[1]]
    assert np.abs(images[2] - images[5]).mean() < 2 < np.abs(images[5] - images[7]).mean()
    clip = write_clip(tmp_path / "walls.mkv", [wall] * len(TIMES), None)
    with pytest.raises(DgError, match=r"walls\.mkv: no face found\. Looked at each of its 10 frames"):
        reenactor.video(faces[0], clip, out)


def test_wrong_clips_and_names_are_refused(reenactor, faces, turning, tmp_path):
    clip = write_clip(tmp_path / "clip.mkv", turning[:1], None)
    with pytest.raises(DgError, match=r"out\.avi: videos are written as \.mp4"):
        reenactor.video(faces[0], clip, tmp_path / "out.avi")
    clip.write_bytes(b"no video")
    with pytest.raises(BrokenPicture, match=r"clip\.mkv: can't be read as a video"):
        reenactor.video(faces[0], clip, tmp_path / "out.mp4")


def test_smoothing_stills_a_tremor_and_keeps_up_with_a_turn():
    rng = torch.Generator().manual_seed(0)
    still = torch.full((68, 3), 0.5)
    tremor = [still + 0.004 * torch.randn(68, 3, generator=rng) for _ in range(100)]
    smooth, none = OneEuro(0.2), OneEuro(0)
    out = torch.stack([smooth(points, 0.04) for points in tremor])[20:]
    assert (out - 0.5).std() < 0.5 * torch.stack(tremor)[20:].sub(0.5).std()
    assert torch.equal(torch.stack([none(points, 0.04) for points in tremor]), torch.stack(tremor))
    turning = [still + 0.04 * k for k in range(10)]  # a crop side a second
    smooth = OneEuro(0.2)
    out = [smooth(points, 0.04) for points in turning]
    assert (turning[-1] - out[-1]).abs().max() < 0.04  # under one frame behind


def test_smoothing_goes_on_from_its_state():
    rng = torch.Generator().manual_seed(1)
    points = list(torch.rand(6, 68, 3, generator=rng))
    whole, first, second = OneEuro(0.1), OneEuro(0.1), OneEuro(0.1)
    expected = [whole(some, 0.03) for some in points]
    for some in points[:3]:
        first(some, 0.03)
    second.restore(first.state())
    assert all(torch.equal(second(some, 0.03), at) for some, at in zip(points[3:], expected[3:]))
