import json
from fractions import Fraction

import av
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dg import face_cuts
from dg.datasets.manifest import make_manifest
from dg.errors import DgError
from dg.frames import extract_frames
from dg.landmarks import detectors
from dg.pictures import BrokenPicture, crop, read_picture
from dg.shards import decode_image, fixed_lists, read_shard
from dg.steps.data import Detector, FramesSettings, ManifestSettings
from dg.videos import read_frames
from tests.prepared import disk_is_full, left_in
from tests.videos import write_video

RED = (200, 30, 60)


YUNET = Detector(name="yunet", weights=None, digest=None)


def stand_in(monkeypatch, find):
    """`find`, image -> the crops of the faces there, in the place of detector and landmark network."""
    monkeypatch.setattr(face_cuts, "open_detector", lambda *_: lambda image: [(box, (1, 0, 0)) for box in find(image)])
    monkeypatch.setattr(face_cuts, "face_crop", lambda _, face: face[0])


def settings(**changes):
    return FramesSettings(**{"dataset": "toy", "size": 16, "format": "png", "shards": 1, "detector": None} | changes)


def prepared(tmp_path, fps=None, kind="faces", shards=1):
    values = ManifestSettings(dataset="toy", kind=kind, fps=fps, shards=shards)
    make_manifest(values, tmp_path / "raw", tmp_path / "m.parquet", max_broken=0.5)
    return pd.read_parquet(tmp_path / "m.parquet")


def extract(tmp_path, shard=0, max_broken=0.0, **changes):
    out = tmp_path / f"frames/{shard}.arrow"
    extract_frames(settings(**changes), tmp_path / "raw", tmp_path / "m.parquet", shard, out, max_broken)
    return read_shard(out), json.loads(out.with_suffix(".json").read_text())


def picture(tmp_path, name, image):
    path = tmp_path / "raw" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def near(image, colour, tolerance=6):
    return np.abs(np.asarray(image, int) - colour).max() <= tolerance


def test_every_kind_of_picture_becomes_rgb(tmp_path):
    plain = Image.new("RGB", (8, 8), RED)
    assert near(read_picture(picture(tmp_path, "cmyk.jpg", plain.convert("CMYK"))), RED)
    assert near(read_picture(picture(tmp_path, "grey.png", Image.new("L", (8, 8), 77))), 77, 0)
    assert near(read_picture(picture(tmp_path, "palette.png", plain.quantize(4))), RED, 0)
    deep = Image.fromarray(np.full((8, 8), 40000, np.uint16))
    assert near(read_picture(picture(tmp_path, "deep.png", deep)), 40000 >> 8, 0)
    clear = read_picture(picture(tmp_path, "clear.png", Image.new("RGBA", (8, 8), (*RED, 0))))
    assert near(clear, 255, 0)
    moving = tmp_path / "raw/moving.gif"
    plain.save(moving, save_all=True, append_images=[Image.new("RGB", (8, 8), "blue")], duration=100)
    assert near(read_picture(moving), RED, 8)  # the first picture, in GIF's palette
    half = read_picture(picture(tmp_path, "half.png", Image.new("LA", (8, 8), (0, 128))))
    assert near(half, 127, 1)


def test_exif_turns_the_picture_upright(tmp_path):
    image = Image.new("RGB", (8, 4), "black")
    image.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned by a quarter to the left
    path = tmp_path / "turned.png"
    image.save(path, exif=exif)
    upright = read_picture(path)
    assert upright.shape == (8, 4, 3)
    assert upright[0, 3].tolist() == [255, 255, 255]


def test_a_face_crop_of_the_right_size_stays_as_it_is(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    picture(tmp_path, "a/1.png", Image.fromarray(noise))
    prepared(tmp_path)
    batch, report = extract(tmp_path)
    assert (decode_image(batch.column("image")[0].as_py()) == noise).all()
    assert fixed_lists(batch, "box").tolist() == [[0, 0, 16, 16]]
    assert (report["rows"], report["written"], report["skipped"]) == (1, 1, [])


def test_whole_takes_the_centre_square(tmp_path):
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = RED
    picture(tmp_path, "a/1.png", Image.fromarray(wide))
    prepared(tmp_path)
    batch, _ = extract(tmp_path)
    assert near(decode_image(batch.column("image")[0].as_py())[:, 2:-2], RED, 0)
    assert fixed_lists(batch, "original_size").tolist() == [[60, 20]]


@given(
    st.floats(-30, 30),
    st.floats(-30, 30),
    st.floats(4, 60),
    st.integers(4, 40),
)
def test_crops_may_reach_over_the_edge(left, top, side, size):
    image = np.full((20, 24, 3), RED, np.uint8)
    assert near(crop(image, (left, top, left + side, top + side), size), RED, 0)


def test_detected_boxes_cut_the_face_out(tmp_path, monkeypatch):
    image = np.zeros((40, 40, 3), np.uint8)
    image[10:30, 5:25] = RED
    picture(tmp_path, "a/1.png", Image.fromarray(image))
    prepared(tmp_path)
    stand_in(monkeypatch, lambda _: [(5.0, 10.0, 25.0, 30.0)])
    batch, _ = extract(tmp_path, detector=YUNET)
    assert near(decode_image(batch.column("image")[0].as_py())[2:-2, 2:-2], RED, 0)
    assert fixed_lists(batch, "box").tolist() == [[5, 10, 25, 30]]


def test_pictures_without_a_face_or_unreadable_are_listed(tmp_path, monkeypatch):
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        picture(tmp_path, name, Image.new("RGB", (20, 20), RED if name == "b/1.png" else "white"))
    (tmp_path / "raw/a/2.png").write_bytes((tmp_path / "raw/a/2.png").read_bytes()[:40])
    prepared(tmp_path)
    stand_in(monkeypatch, lambda image: [(0.0, 0.0, 20.0, 20.0)] if image.min() == 255 else [])
    batch, report = extract(tmp_path, detector=YUNET, max_broken=0.7)
    assert batch.column("key").to_pylist() == ["toy/a/1.png"]
    assert {item["key"]: item["reason"].split(":")[-1][:20] for item in report["skipped"]} == {
        "toy/a/2.png": " can't be read as a ",
        "toy/b/1.png": "no face",
    }
    refused = r"2 of 3 pictures .*max_broken allows:\n  toy/a/2\.png.*\n  toy/b/1\.png: no face\n.*landmarks\.detector"
    with pytest.raises(DgError, match=refused):
        extract(tmp_path, detector=YUNET, max_broken=0.5)


def test_a_clip_stays_with_its_face_and_pictures_take_the_largest(tmp_path, monkeypatch):
    write_video(tmp_path / "raw/a/v.mp4", frames=3, rate=1)
    picture(tmp_path, "b/1.png", Image.new("RGB", (64, 64), (4, 4, 4)))
    prepared(tmp_path, fps=1)
    left, right = (0.0, 20.0, 20.0, 40.0), (30.0, 20.0, 54.0, 44.0)
    stand_in(monkeypatch, lambda image: [left] if image.mean() < 2 else [left, right])
    batch, report = extract(tmp_path, detector=YUNET)
    boxes = dict(zip(batch.column("key").to_pylist(), fixed_lists(batch, "box").tolist()))
    assert [boxes[f"toy/a/v.mp4#{k}"] for k in range(3)] == [pytest.approx(left)] * 3
    assert boxes["toy/b/1.png"] == [*right]
    assert report["several"] == ["toy/a/v.mp4#1", "toy/a/v.mp4#2", "toy/b/1.png"]


def test_a_clips_crops_are_steadied(tmp_path, monkeypatch):
    write_video(tmp_path / "raw/a/v.mp4", frames=20, rate=10)
    prepared(tmp_path, fps=10)
    grown = iter([20.0, 22.0] * 10)
    stand_in(monkeypatch, lambda _: [(0.0, 0.0, side := next(grown), side)])
    batch, _ = extract(tmp_path, detector=YUNET)
    sides = fixed_lists(batch, "box")[:, 2] - fixed_lists(batch, "box")[:, 0]
    assert np.ptp(sides) < 0.3


def test_dark_frames_of_a_clip_are_listed_and_do_not_end_it(tmp_path, monkeypatch):
    write_video(tmp_path / "raw/a/v.mp4", frames=40, rate=10)
    prepared(tmp_path, fps=10)
    stand_in(monkeypatch, lambda image: [(0.0, 0.0, 64.0, 64.0)] if image.mean() > 38 else [])
    batch, report = extract(tmp_path, detector=YUNET, max_broken=0.0)
    assert [item["key"] for item in report["skipped"]] == [f"toy/a/v.mp4#{k}" for k in range(10)]
    assert len(batch) == 30
    stand_in(monkeypatch, lambda image: [(0.0, 0.0, 64.0, 64.0)] if image.mean() > 138 else [])
    with pytest.raises(DgError, match="35 of 40 pictures"):
        extract(tmp_path, detector=YUNET, max_broken=0.5)


@pytest.mark.parametrize("name", ["dlib", "yunet"])
def test_thin_pictures_hold_no_face_for_any_detector(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 255, (1000, 640, 3), np.uint8)
    picture(tmp_path, "a/1.png", Image.fromarray(noise[:10]))
    picture(tmp_path, "a/2.png", Image.fromarray(noise[:, :8]))
    prepared(tmp_path)
    batch, report = extract(tmp_path, detector=YUNET.model_copy(update={"name": name}), max_broken=1.0)
    assert len(batch) == 0
    assert [item["reason"] for item in report["skipped"]] == ["no face"] * 2


def test_a_picture_that_a_detector_cannot_look_at_is_reported(tmp_path, monkeypatch):
    def fails(image):
        raise RuntimeError("two\nlines")

    picture(tmp_path, "a/1.png", Image.new("RGB", (20, 16)))
    prepared(tmp_path)
    monkeypatch.setattr(detectors, "dlib_faces", fails)
    _, report = extract(tmp_path, detector=YUNET.model_copy(update={"name": "dlib"}), max_broken=1.0)
    reason = "the face detector 'dlib' can't look at its 20 x 16 pixels (RuntimeError: two lines)"
    assert report["skipped"] == [{"key": "toy/a/1.png", "reason": reason}]


def test_a_failing_disk_stops_a_shard(tmp_path):
    picture(tmp_path, "a/1.png", Image.new("RGB", (16, 16)))
    prepared(tmp_path)
    (tmp_path / "raw/a/1.png").unlink()
    (tmp_path / "raw/a/1.png").symlink_to("/proc/self/mem")  # reading it fails as a bad sector does: EIO
    with pytest.raises(DgError, match=r"a/1\.png: its disk can't be read \(Input/output error\)"):
        extract(tmp_path, max_broken=1.0)


def test_too_many_broken_pictures_leave_nothing(tmp_path):
    picture(tmp_path, "a/1.png", Image.new("RGB", (20, 20))).write_bytes(b"junk")
    prepared(tmp_path)
    with pytest.raises(DgError, match="max_broken"):
        extract(tmp_path)
    assert not (tmp_path / "frames").exists()


def test_video_frames_are_the_ones_the_manifest_names(tmp_path):
    write_video(tmp_path / "raw/a/v.mp4", frames=20, rate=10)
    table = prepared(tmp_path, fps=3)
    batch, _ = extract(tmp_path, size=32)
    assert batch.column("key").to_pylist() == table["key"].tolist()
    greys = [decode_image(data.as_py()).mean() for data in batch.column("image")]
    assert np.abs(np.array(greys) - 4 * table["frame"].to_numpy()).max() < 2.5


def test_a_video_that_breaks_off_gives_its_whole_frames(tmp_path):
    path = write_video(tmp_path / "raw/a/v.mkv", frames=40, rate=10)
    table = prepared(tmp_path, fps=10)
    assert len(table) == 40
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    batch, report = extract(tmp_path, max_broken=0.99)
    assert 0 < len(batch) < 40
    assert len(batch) + len(report["skipped"]) == 40
    assert all("ends or breaks off" in item["reason"] for item in report["skipped"])
    with pytest.raises(DgError, match="breaks off"):
        extract(tmp_path, max_broken=0.02)


def test_shards_share_the_clips_among_them(tmp_path):
    for person in "abcdef":
        for number in range(2):
            picture(tmp_path, f"{person}/{number}.png", Image.new("RGB", (16, 16)))
    table = prepared(tmp_path, shards=4)
    parts = [extract(tmp_path, shard, shards=4)[0].column("key").to_pylist() for shard in range(4)]
    assert [key for part in parts for key in part] == table["key"].tolist()
    assert all(part == sorted(part) for part in parts)
    homes = [{key.split("/")[1] for key in part} for part in parts]
    assert sum(map(len, homes)) == 6


def test_of_a_run_with_more_shards_nothing_stays(tmp_path):
    for name in range(8):
        picture(tmp_path, f"p{name}/a.png", Image.new("RGB", (16, 16), RED))
    prepared(tmp_path, shards=4)
    for shard in range(4):
        extract(tmp_path, shard, shards=4)
    beside = [f"{kind}/{shard}.arrow" for kind in ("identity", "landmarks") for shard in range(4)]
    for name in beside:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(DgError, match="made for 4 shards"):
        extract(tmp_path, 0, shards=1)
    prepared(tmp_path)
    assert len(extract(tmp_path, 0, shards=1)[0]) == 8
    made = [path for path in left_in(tmp_path) if path.split("/")[0] in ("frames", "identity", "landmarks")]
    assert made == ["frames/0.arrow", "frames/0.json", "identity/0.arrow", "landmarks/0.arrow"]


def test_an_empty_shard_is_fine(tmp_path):
    picture(tmp_path, "a/1.png", Image.new("RGB", (16, 16)))
    prepared(tmp_path, shards=2)
    assert sorted(len(extract(tmp_path, shard, shards=2)[0]) for shard in range(2)) == [0, 1]


def test_jpeg_is_small_and_close(tmp_path):
    gradient = np.arange(256, dtype=np.uint8).reshape(1, 256, 1).repeat(256, 0).repeat(3, 2)
    picture(tmp_path, "a/1.png", Image.fromarray(gradient))
    prepared(tmp_path)
    batch, _ = extract(tmp_path, size=256, format="jpeg")
    data = batch.column("image")[0].as_py()
    assert data[:2] == b"\xff\xd8"
    assert near(decode_image(data), gradient, 4)


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    picture(tmp_path, "a/1.png", Image.new("RGB", (16, 16)))
    prepared(tmp_path)
    monkeypatch.setattr(pa.ipc, "new_file", disk_is_full)
    with pytest.raises(DgError, match="disk is full"):
        extract(tmp_path)
    assert left_in(tmp_path / "frames") == []


def test_a_missing_manifest_names_the_step(tmp_path):
    with pytest.raises(DgError, match=r"m\.parquet: not found. Run the step"):
        extract(tmp_path)


def test_a_missing_picture_is_broken(tmp_path):
    with pytest.raises(BrokenPicture, match=r"gone\.png"):
        read_picture(tmp_path / "gone.png")


def test_a_clip_cut_without_encoding_it_again_names_only_frames_that_decode(tmp_path):
    """Its first packets need a key frame that was left behind."""
    write_video(tmp_path / "long.mkv", frames=20, rate=10)
    (tmp_path / "raw/a").mkdir(parents=True)
    with av.open(str(tmp_path / "long.mkv")) as source, av.open(str(tmp_path / "raw/a/v.mkv"), "w") as cut:
        stream = cut.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if number >= 2 and packet.dts is not None:  # a key frame in five
                packet.stream = stream
                cut.mux(packet)
    table = prepared(tmp_path, fps=10)
    batch, report = extract(tmp_path, size=32)
    assert 0 < len(table) < 18
    assert (len(batch), report["skipped"]) == (len(table), [])


def cut_without_encoding(tmp_path, first, shift):
    """raw/a/v.mp4: packets `first` and after of a clip of 20 frames at 10 fps, whose key frames are 0, 5, 10, 15, shown
    `shift` frames earlier; what would be shown before time 0 the muxer cuts off by an edit list."""
    write_video(tmp_path / "long.mp4", frames=20, rate=10)
    path = tmp_path / "raw/a/v.mp4"
    path.parent.mkdir(parents=True)
    with av.open(str(tmp_path / "long.mp4")) as source, av.open(str(path), "w") as cut:
        (old,) = source.streams.video
        stream = cut.add_stream_from_template(old)
        earlier = round(shift / 10 / old.time_base)
        for number, packet in enumerate(source.demux(old)):
            if number >= first and packet.dts is not None:
                packet.stream, packet.pts, packet.dts = stream, packet.pts - earlier, packet.dts - earlier
                cut.mux(packet)
    return path


# Cut at frame 7: the packets from the key frame before it lie in the file, and its edit list hides frames 5 and 6. Or
# cut at packet 2, without the key frame before it: what can be decoded begins with frame 5.
@pytest.mark.parametrize(("first", "shift", "shown"), [(0, 7, 7), (2, 0, 5)])
def test_an_mp4_cut_without_encoding_it_again_gives_each_sample_at_its_time(tmp_path, first, shift, shown):
    path = cut_without_encoding(tmp_path, first, shift)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames > 20 - shown  # its header counts what nobody sees
    expected = list(range(shown, 20))
    assert prepared(tmp_path, fps=10)["frame"].tolist() == list(range(len(expected)))
    batch, report = extract(tmp_path, size=32)
    assert (len(batch), report["skipped"]) == (len(expected), [])
    greys = [decode_image(data.as_py()).mean() / 4 for data in batch.column("image")]
    assert np.abs(np.subtract(greys, expected)).max() < 0.5
    times = [frame.time for frame in read_frames(path, list(range(len(expected))))]
    assert np.subtract(times, times[0]) == pytest.approx(np.arange(len(expected)) / 10, abs=1e-3)
    # Every fourth tenth of a second, counted from the first that is shown.
    assert prepared(tmp_path, fps=2.5)["frame"].tolist() == list(range(0, len(expected), 4))


def test_uneven_frames_are_sampled_by_time(tmp_path):
    """Ten frames in the first second, then one a second: at 1 fps the first, and each of the others."""
    times = [*range(0, 1000, 100), *range(1000, 6000, 1000)]
    path = tmp_path / "raw/a/v.mkv"
    path.parent.mkdir(parents=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("h264", rate=10, options={"crf": "12", "bf": "0"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 4 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert prepared(tmp_path, fps=1)["frame"].tolist() == [0, 10, 11, 12, 13, 14]


def test_pixels_that_are_not_square_come_out_right(tmp_path):
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("h264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 96, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(3, 2)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((96, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    ((number, _, image),) = read_frames(path, [0])
    assert (number, image.shape) == (0, (96, 96, 3))
