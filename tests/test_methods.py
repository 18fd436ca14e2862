"""Other methods enter the tables as commands: what they get, what is asked of their answers."""

from __future__ import annotations

import io
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dg import params
from dg.errors import DgError
from dg.files import read_parquet
from dg.pictures import BrokenPicture, read_picture
from dg.protocols.baselines import unchanged
from dg.protocols.exchange import POINT_COLUMNS, read_exchange, write_exchange
from dg.protocols.methods import run_method
from dg.protocols.pairs import make_pairs
from dg.protocols.results import Results
from dg.shards import FaceSet, decode_image
from dg.steps.registry import step_settings
from dg.study.rows import methods_of
from tests.prepared import face_table, left_in, prepare
from tests.scales import values_at
from tests.told import pairs_settings

MIRROR = """
import csv, pathlib, sys
from PIL import Image, ImageOps
pairs, out = map(pathlib.Path, sys.argv[1:3])
for row in csv.DictReader(open(pairs)):
    with Image.open(pairs.parent / row["source"]) as image:
        ImageOps.mirror(image).save(out / f"{row['pair']}.png")
"""


@pytest.fixture
def toy(tmp_path):
    folder = prepare(tmp_path / "toy", face_table(3))
    make_pairs(pairs_settings(references=3), [folder], tmp_path / "pairs.parquet")
    return folder, tmp_path / "pairs.parquet"


def run(toy, tmp_path, command, method="mine", networks=None):
    folder, pairs = toy
    out = tmp_path / "out/made.arrow"
    run_method(method, command, [folder], pairs, out, tmp_path / "work", networks or {})
    return Results(out)


def script(tmp_path, text):
    path = tmp_path / "method.py"
    path.write_text(text)
    return f"python {path} {{pairs}} {{out}}"


def test_a_command_that_knows_nothing_of_this_project_enters(toy, tmp_path):
    made = run(toy, tmp_path, script(tmp_path, MIRROR))
    faces, pairs = FaceSet([toy[0]]), read_parquet(toy[1])
    assert made.keys("source") == pairs["source"].tolist() and made.keys("target") == pairs["target"].tolist()
    for result in made:
        np.testing.assert_array_equal(decode_image(result.image), faces.image(faces.row(result.source))[:, ::-1])
        assert np.isnan(result.points).all()
        with Image.open(io.BytesIO(result.image)) as image:
            assert "result of the method 'mine'" in image.text["provenance"]


@pytest.mark.parametrize(("show", "given"), [("source", "pairs"), ("reference", "pairs"), ("target", "truth")])
def test_floors_and_ceiling_give_the_picture_as_it_is(toy, tmp_path, show, given):
    made = run(toy, tmp_path, f"python -m dg unchanged --show {show} --pairs {{{given}}} --out {{out}}")
    faces = FaceSet([toy[0]])
    for result in made:
        np.testing.assert_array_equal(decode_image(result.image), faces.image(faces.row(getattr(result, show))))


def test_a_method_is_not_told_the_truth(toy, tmp_path):
    faces, pairs = FaceSet([toy[0]]), read_parquet(toy[1])
    write_exchange(faces, pairs, tmp_path / "work")
    assert "target" not in pd.read_csv(tmp_path / "work/pairs.csv")
    shown = {path.read_bytes() for path in (tmp_path / "work/pictures").iterdir()}
    assert shown == {faces.encoded(faces.row(key)) for key in (*pairs["source"], *pairs["reference"])}
    assert not (tmp_path / "work/truth.csv").exists()


def test_a_pair_without_truth_has_no_ceiling(toy, tmp_path):
    faces, pairs = FaceSet([toy[0]]), read_parquet(toy[1])
    pairs.loc[1, "target"] = ""
    path = write_exchange(faces, pairs, tmp_path / "work", truths=True)
    with pytest.raises(DgError, match=f"1 of {len(pairs)} pairs have no ground truth, 000001 is the first"):
        unchanged(path, "target", tmp_path)


def test_a_method_gets_landmarks_and_the_frames_to_tune_on(toy, tmp_path):
    faces, pairs = FaceSet([toy[0]]), read_parquet(toy[1])
    frames = [faces.table["key"][:2].tolist()] * len(pairs)
    read = read_exchange(write_exchange(faces, pairs.assign(tuning=frames), tmp_path / "work"))
    for got, pair in zip(read.itertuples(), pairs.itertuples()):
        row = faces.row(pair.reference)
        np.testing.assert_allclose(got.points, faces.points[row], atol=1e-6)
        np.testing.assert_array_equal(got.visible, faces.visible[row])
        for name in ("source", "reference"):
            np.testing.assert_array_equal(
                np.asarray(Image.open(getattr(got, name))), faces.image(faces.row(getattr(pair, name)))
            )
        assert [np.asarray(Image.open(path)).tolist() for path in got.tuning] == [
            faces.image(faces.row(key)).tolist() for key in frames[0]
        ]
    marks = pd.read_csv(tmp_path / "work/landmarks.csv")
    assert set(POINT_COLUMNS) < set(marks) and len(marks) == len({*pairs["source"], *pairs["reference"], *frames[0]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("[3:]", r"methods\.mine: wrote 6 of 9 pictures .*missing: 000000\.png, 000001\.png, 000002\.png\. "),
        ("[:0]", r"wrote 0 of 9 .*000004\.png, …\."),
    ],
)
def test_missing_pictures_are_named_and_the_others_kept(toy, tmp_path, change, message):
    text = MIRROR.replace("csv.DictReader(open(pairs))", f"list(csv.DictReader(open(pairs))){change}")
    with pytest.raises(DgError, match=message):
        run(toy, tmp_path, script(tmp_path, text))
    assert len(left_in(tmp_path / "work/out")) == (6 if change == "[3:]" else 0)
    assert left_in(tmp_path / "out") == []
    # The same command, mended, goes on in the same folder.
    assert len(run(toy, tmp_path, script(tmp_path, MIRROR))) == 9


def test_pictures_of_another_size_and_broken_ones_are_refused(toy, tmp_path):
    with pytest.raises(DgError, match=r"000000\.png has 16 x 16 pixels, expected 32 x 32"):
        run(toy, tmp_path, script(tmp_path, MIRROR.replace("image)", "image).resize((16, 16))")))
    with pytest.raises(DgError, match=r"000000\.png can't be read as a picture"):
        run(toy, tmp_path, script(tmp_path, MIRROR + "\n(out / '000000.png').write_bytes(b'PNG')"))


def test_a_png_that_breaks_off_within_is_refused(toy, tmp_path):
    """Its first block of pixels is whole, the head of its second is not: Pillow calls that a SyntaxError."""
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)  # more than one block of 64 KiB
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "png")
    data = bytearray(buffer.getvalue())
    second = data.index(b"IDAT", data.index(b"IDAT") + 4)
    data[second : second + 4] = bytes(4)
    (tmp_path / "broken.png").write_bytes(data)
    with pytest.raises(BrokenPicture, match=r"broken\.png: can't be read as a picture"):
        read_picture(tmp_path / "broken.png")
    text = MIRROR + f"\n(out / '000000.png').write_bytes(pathlib.Path({str(tmp_path / 'broken.png')!r}).read_bytes())"
    with pytest.raises(DgError, match=r"methods\.mine: .*000000\.png can't be read as a picture \(broken PNG"):
        run(toy, tmp_path, script(tmp_path, text))


def test_a_command_that_fails_or_is_not_there_is_named(toy, tmp_path):
    with pytest.raises(DgError, match=r"methods\.mine\.command: ended with status 3; .*method\.py"):
        run(toy, tmp_path, script(tmp_path, "raise SystemExit(3)"))
    with pytest.raises(DgError, match=r"can't start 'no-such-tool' \(No such file"):
        run(toy, tmp_path, "no-such-tool {pairs} {out}")


def test_checkpoints_stand_where_the_command_names_them(toy, tmp_path):
    text = MIRROR + "\nassert sys.argv[3] == 'net.safetensors'"
    command = script(tmp_path, text) + " {rfg}"
    assert len(run(toy, tmp_path, command, networks={"rfg": "net.safetensors"})) == 9


def test_a_pair_list_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DgError, match=r"pairs\.csv: not found"):
        unchanged(tmp_path / "pairs.csv", "source", tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"command": "run {pairs}"}, r"must hold \{pairs\} \(or \{truth\}\) and \{out\}"),
        ({"command": "run {pairs} {out} {gpu}"}, r"at most \{idsg\}, \{rfg\}; it holds \{gpu\}, \{out\}, \{pairs\}"),
        ({"tests": ["VoxCeleb"]}, r"methods\.mine\.tests\.0"),
        ({"comand": "x"}, r"methods\.mine\.comand: unknown key"),
    ],
)
def test_a_wrong_entry_is_answered(change, message):
    values = values_at()
    entry = {"title": "Mine", "tests": ["RaFD"], "command": "run {pairs} {out}"}
    values["methods"]["mine"] = entry
    chosen = params.validate(values, "params.yaml")
    assert methods_of(chosen, "RaFD")[-1] == "mine" and "mine" not in methods_of(chosen, "MPIE")
    assert step_settings(chosen, "generate", test="RaFD", method="mine").command == "run {pairs} {out}"
    with pytest.raises(DgError, match="no method 'mine', only dg"):
        step_settings(chosen, "generate", test="MPIE", method="mine")
    values["methods"]["mine"] = entry | change
    with pytest.raises(DgError, match=message):
        params.validate(values, "params.yaml")


def test_the_python_of_a_command_is_the_one_that_runs_the_pipeline(toy, tmp_path):
    (tmp_path / "note.py").write_text(f"import sys\nassert sys.executable == {sys.executable!r}\n{MIRROR}")
    assert len(run(toy, tmp_path, f"python {tmp_path / 'note.py'} {{pairs}} {{out}}")) == 9
