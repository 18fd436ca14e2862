"""Methods that are trained in the DAG: what their `train` gets and must leave, and which checkpoint `{model}` is."""

from __future__ import annotations

import copy
import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from dg import cli, params
from dg.digests import modules_behind, stored_digest
from dg.errors import DgError
from dg.files import file_digest, read_json, read_parquet
from dg.protocols.exchange import POINT_COLUMNS, VISIBLE_COLUMNS
from dg.protocols.method_training import train_method
from dg.protocols.methods import run_method
from dg.protocols.pairs import make_pairs
from dg.protocols.results import Results
from dg.ready import require_weights
from dg.resume import input_digests
from dg.shards import FaceSet, decode_image
from dg.steps import generate
from dg.steps.generate import TrainMethodSettings
from dg.steps.registry import step_settings
from dg.study.models import networks_of, variants_of
from dg.study.trainings import trainings
from dg.trained import Checkpoints
from dg.trained_index import index_of_methods, write_models
from dg.weights import bundled_digest
from tests.prepared import face_table, left_in, prepare
from tests.scales import values_at
from tests.told import pairs_settings

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/methods.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"(?ms)^```python\n(import sys\n.*?)^```", PAGE)
(ENTRY,) = [yaml.safe_load(text) for text in re.findall(r"(?ms)^```yaml\n(.*?)^```", PAGE) if "train:" in text]


@pytest.fixture
def data(tmp_path):
    """People that are learnt from, and others that are tested."""
    table = pd.concat([face_table(2, split="train"), face_table(5).iloc[20:]], ignore_index=True)
    return prepare(tmp_path / "toy", table)


def train(data, tmp_path, command, **told):
    settings = TrainMethodSettings(method="mine", command=command, version="1", seed=7)
    run = {"work": tmp_path / "work", "inputs": {"toy": "digest"}, "threads": 3, "gpus": 0} | told
    train_method(settings, [data], tmp_path / "models/joint", **run)
    return tmp_path / "models/joint"


def script(tmp_path, text, words="{data} {out}"):
    (tmp_path / "method.py").write_text(f"import pathlib, sys\ndata, out = map(pathlib.Path, sys.argv[1:3])\n{text}")
    return f"python {tmp_path / 'method.py'} {words}"


def test_the_documented_method_is_trained_and_tested(data, tmp_path):
    (tmp_path / "nearest.py").write_text(EXAMPLE, encoding="utf-8")
    values = values_at()
    values["methods"] = copy.deepcopy(ENTRY)
    entry = params.validate(values, "params.yaml").methods["nearest"]
    assert len(EXAMPLE.splitlines()) <= 45

    here = str(tmp_path / "nearest.py")
    model = train(data, tmp_path, entry.train.replace("nearest.py", here))
    pairs, out = tmp_path / "pairs.parquet", tmp_path / "made.arrow"
    make_pairs(pairs_settings(references=3), [data], pairs)
    run_method(
        "nearest", entry.command.replace("nearest.py", here), [data], pairs, out, tmp_path / "run", {"model": model}
    )

    known, faces = FaceSet([data], split="train"), FaceSet([data])
    results = list(Results(out))
    assert len(results) == len(read_parquet(pairs)) > 1
    for result in results:
        reference = faces.points[faces.row(result.reference)][:, :2]
        points = known.points[range(len(known))][..., :2]
        nearest = known.image(int(np.abs(points - reference).sum((1, 2)).argmin())).astype(float)
        source, painted = faces.image(faces.row(result.source)), decode_image(result.image).astype(float)
        inside = (painted > 0) & (painted < 255)  # not clipped
        for channel in range(3):
            shown = inside[..., channel]
            assert np.corrcoef(painted[..., channel][shown], nearest[..., channel][shown])[0, 1] > 0.99
        np.testing.assert_allclose(painted.mean((0, 1)), source.mean((0, 1)), atol=12)


def test_a_training_sees_the_training_part_alone_with_its_facts(data, tmp_path):
    text = "import shutil\nshutil.copytree(data, out / 'seen')\n(out / 'words').write_text(' '.join(sys.argv[3:]))"
    model = train(data, tmp_path, script(tmp_path, text, "{data} {out} {seed} {threads} {gpus}"))
    assert (model / "words").read_text() == "7 3 0"
    known = FaceSet([data], split="train")
    seen = pd.read_csv(model / "seen/faces.csv", keep_default_na=False)
    assert set(seen["split"]) == {"train"} and seen["person"].tolist() == known.table["subject"].tolist()
    assert set(seen["set"]) == {"toy"} and seen["yaw"].tolist() == known.table["yaw"].tolist()
    assert seen["clip"].tolist() == known.table["clip"].tolist()
    for row, name in enumerate(seen["picture"]):
        with Image.open(io.BytesIO((model / "seen" / name).read_bytes())) as image:
            np.testing.assert_array_equal(np.asarray(image), known.image(row))
    points = seen[list(POINT_COLUMNS)].to_numpy(np.float32).reshape(-1, 3, 68).transpose(0, 2, 1)
    np.testing.assert_allclose(points, known.points, atol=1e-6)
    np.testing.assert_array_equal(seen[list(VISIBLE_COLUMNS)].to_numpy(bool), known.visible)


def test_the_card_says_what_was_made_of_what(data, tmp_path):
    model = train(data, tmp_path, script(tmp_path, "(out / 'net').write_text('weights')"))
    card = read_json(tmp_path / "models/joint.json")
    assert card["sha256"] == {"net": file_digest(model / "net")} and card["inputs"] == {"toy": "digest"}
    assert card["settings"]["seed"] == 7 and card["settings"]["method"] == "mine"
    assert left_in(tmp_path / "models") == ["joint.json", "joint/net"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"methods\.mine\.train: wrote nothing into .*out\. Its command must write the trained model"),
        ("(out / 'empty').mkdir()", r"methods\.mine\.train: wrote nothing"),
        ("(out / 'net').touch()", r"methods\.mine\.train: left .*net empty"),
        ("raise SystemExit(3)", r"methods\.mine\.train: ended with status 3; .*method\.py"),
    ],
)
def test_a_missing_or_empty_model_is_an_error_that_names_the_method(data, tmp_path, text, message):
    with pytest.raises(DgError, match=message):
        train(data, tmp_path, script(tmp_path, text))
    assert not (tmp_path / "models").exists()


def test_a_training_that_was_stopped_goes_on_with_its_state(data, tmp_path):
    text = """
state = pathlib.Path(sys.argv[3]) / 'step'
if not state.exists():
    state.write_text('half')
    raise SystemExit(1)
(out / 'net').write_text(state.read_text())
"""
    command = script(tmp_path, text, "{data} {out} {state}")
    with pytest.raises(DgError):
        train(data, tmp_path, command)
    assert (train(data, tmp_path, command) / "net").read_text() == "half"


def test_a_model_takes_the_place_of_the_one_before(data, tmp_path):
    train(data, tmp_path, script(tmp_path, "(out / 'old').write_text('1')"), work=tmp_path / "first")
    model = train(data, tmp_path, script(tmp_path, "(out / 'new').write_text('2')"), work=tmp_path / "second")
    assert left_in(model) == ["new"]


def test_the_verb_trains_and_leaves_no_state(data, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    told = {"method": "mine", "command": script(tmp_path, "(out / 'net').write_text('1')"), "version": "", "seed": 0}
    words = [
        "train_method",
        "--data",
        str(data),
        "--out",
        "models/joint",
        "--threads",
        "1",
        "--gpus",
        "0",
        "--settings",
    ]
    assert cli.main([*words, json.dumps(told)]) == 0
    assert (tmp_path / "models/joint/net").exists() and left_in(tmp_path / ".cache") == []
    # Its model is among what a test's state hangs on.
    before = input_digests([], [Path("models/joint")])
    Path("models/joint/net").write_text("2")
    assert input_digests([], [Path("models/joint")]) != before
    assert cli.main([*words, json.dumps(told | {"command": script(tmp_path, "")})]) == 1
    assert "methods.mine.train: wrote nothing" in capfd.readouterr().err


@pytest.fixture
def values():
    values = values_at()
    values["methods"]["mine"] = {
        "title": "Mine", "tests": ["VoxCeleb1", "RaFD"], "version": "1",
        "train": "fit {data} {out}", "command": "run {model} {pairs} {out}",
    }  # fmt: skip
    return values


@pytest.fixture
def rival(values):
    """FOM's entry as shipped."""
    return values["methods"]["fom"]


def test_a_method_without_tests_is_off(values):
    values["methods"]["fom"]["tests"] = []
    p = params.validate(values, "params.yaml")
    assert "train_fom" not in trainings(p) and not [made for made in Checkpoints(p) if made.training.network == "fom"]
    values["methods"]["fom"]["tests"] = ["RaFD"]
    p = params.validate(values, "params.yaml")
    assert Checkpoints(p).tested("fom", "RaFD", "dg").path == "results/methods/fom/dg/joint"


def test_a_training_is_told_how_many_pictures_dgs_rfg_makes(values, rival):
    values["scales"]["sample"]["rfg"] |= {"batch": 3, "self_steps": 10, "cross_steps": 5}
    assert fom_job(values).pictures == 45
    values["rfg"]["cross_phase"] = "skip"
    assert fom_job(values).pictures == 30
    # Who doesn't ask isn't trained again by another number.
    assert step_settings(params.validate(values, "params.yaml"), "train_method", method="mine").pictures is None


def test_a_training_is_told_how_dgs_rfg_starts_and_begins_anew_with_other_bundled_weights(values, rival, monkeypatch):
    begun = fom_job(values)
    assert begun.init == "bundled" and begun.bundled == bundled_digest("fom-synthface")
    monkeypatch.setattr(generate, "bundled_digest", lambda name: f"another {name}")
    assert fom_job(values).job() != begun.job() and fom_job(values).bundled == "another fom-synthface"
    values["scales"]["sample"]["rfg"]["init"] = "scratch"
    assert (fom_job(values).init, fom_job(values).bundled) == ("scratch", None)
    # Who doesn't ask isn't trained again by it.
    other = step_settings(params.validate(values, "params.yaml"), "train_method", method="mine")
    assert (other.init, other.bundled) == (None, None)


def fom_job(values):
    return step_settings(params.validate(values, "params.yaml"), "train_method", method="fom")


def test_pictures_and_weights_reach_the_command(data, tmp_path):
    text = "(out / 'words').write_text(repr(sys.argv[3:]))"
    command = script(tmp_path, text, "{data} {out} {pictures} {init} {weights} end")
    settings = TrainMethodSettings(method="mine", command=command, version="1", seed=7, pictures=640, init="scratch")
    run = {"work": tmp_path / "work", "inputs": {}, "threads": 3, "gpus": 0}
    train_method(settings, [data], tmp_path / "models/joint", **run)
    assert (tmp_path / "models/joint/words").read_text() == "['640', 'scratch', '', 'end']"
    train_method(settings.model_copy(update={"weights": "a b"}), [data], tmp_path / "models/joint", **run)
    assert (tmp_path / "models/joint/words").read_text() == "['640', 'scratch', 'a b', 'end']"


def test_other_weights_train_again_and_missing_ones_are_named_before_all_work(values, rival, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = fom_job(values).job()
    rival["weights"] = "data/weights/vox-cpk.pth.tar"
    with pytest.raises(DgError, match=r"methods\.fom\.weights: no file data/weights/vox-cpk\.pth\.tar"):
        require_weights(params.validate(values, "params.yaml"))
    path = Path(rival["weights"])
    path.parent.mkdir(parents=True)
    path.write_text("one")
    require_weights(params.validate(values, "params.yaml"))
    one = fom_job(values).job()
    path.write_text("another")
    stored_digest.cache_clear()  # it reads a file once a run
    assert len({before, one, fom_job(values).job()}) == 3


def test_the_digest_of_a_command_of_this_project_holds_its_code(values, rival):
    p = params.validate(values, "params.yaml")
    training = step_settings(p, "train_method", method="fom")
    test = step_settings(p, "generate", test="RaFD", method="fom")
    assert "dg.fom.train" in training.modules() and "dg.fom.reenact" in test.modules()
    behind = {name for module in training.modules() for name in modules_behind(module)}
    assert {"dg.fom.losses", "dg.fom.networks", "dg.training.loop"} <= behind
    assert not {"dg.fom.reenact", "dg.fom.samples"} & behind
    for step, which in (("train_method", {}), ("generate", {"test": "RaFD"})):
        assert not [name for name in step_settings(p, step, method="mine", **which).modules() if "fom" in name]


def test_fom_in_the_pipeline_as_shipped(values, rival, tmp_path):
    """Its own commands, on made-up faces: trained, then run on a pair list."""
    toy = prepare(tmp_path / "faces", pd.concat([face_table(2, split="train"), face_table(5).iloc[20:]]))
    settings = fom_job(values).model_copy(update={"pictures": 8, "init": "scratch"})  # small pictures
    train_method(settings, [toy], tmp_path / "fom", tmp_path / "work", {}, threads=1, gpus=0)
    assert read_json(tmp_path / "fom/fom.json")["pictures"] == 8
    pairs, out = tmp_path / "pairs.parquet", tmp_path / "made.arrow"
    make_pairs(pairs_settings(references=1), [toy], pairs)
    run_method("fom", rival["command"], [toy], pairs, out, tmp_path / "run", {"model": tmp_path / "fom"})
    assert len(list(Results(out))) == len(read_parquet(pairs)) > 1


def checkpoints(values):
    return Checkpoints(params.validate(values, "params.yaml"))


def test_a_test_uses_the_methods_own_model_one_per_model_and_seed(values):
    values["scales"][values["scale"]]["tables"]["comparison_seeds"] = 2
    p = params.validate(values, "params.yaml")
    assert networks_of(p, "mine") == {"model": "mine"} and variants_of(p, "mine") == ["dg", "seed-1"]
    for test in ("VoxCeleb1", "RaFD"):
        made = Checkpoints(p).tested("mine", test, "dg")
        assert (made.path, made.training.rule) == ("results/methods/mine/dg/joint", "train_mine")
        assert Checkpoints(p).tested("mine", test, "seed-1").path == "results/methods/mine/seed-1/joint"
    values["train_on"] = "own"
    assert checkpoints(values).tested("mine", "RaFD", "dg").path == "results/methods/mine/dg/synth_rafd"


@pytest.mark.parametrize(
    ("change", "retrained", "rerun"),
    [
        ({"title": "Ours"}, False, False),
        ({"command": "run --fast {model} {pairs} {out}"}, False, True),
        ({"train": "fit --long {data} {out}"}, True, False),  # its pictures follow, as the model is an input of theirs
        ({"version": "2"}, True, True),
    ],
)
def test_its_commands_and_version_are_in_the_digests_of_its_own_jobs_alone(values, change, retrained, rerun):
    def jobs():
        p = params.validate(values, "params.yaml")
        found = {"train": step_settings(p, "train_method", method="mine").job()}
        for method in ("dg", "source_unchanged", "mine"):
            found[method] = step_settings(p, "generate", test="RaFD", method=method).job()
        networks = [made.digest for made in Checkpoints(p) if made.training.rule in ("idsg_cross", "rfg_cross")]
        return found | {"networks": networks}

    before = jobs()
    values["methods"]["mine"] |= change
    changed = {name for name, job in jobs().items() if job != before[name]}
    assert changed == {name for name, yes in (("train", retrained), ("mine", rerun)) if yes}


def test_the_index_lists_the_models(values, tmp_path):
    values["scales"][values["scale"]]["tables"]["comparison_seeds"] = 2
    values["methods"]["fom"]["tests"] = []
    p = params.validate(values, "params.yaml")
    write_models(index_of_methods(p, Checkpoints(p)), tmp_path / "models.csv", tmp_path / "log")
    found = pd.read_csv(tmp_path / "models.csv")
    assert found["training_seed"].tolist() == [0, 1] and found["method"].tolist() == ["mine", "mine"]
    assert found["checkpoint"].tolist() == ["results/methods/mine/dg/joint", "results/methods/mine/seed-1/joint"]
    del values["methods"]["mine"]
    p = params.validate(values, "params.yaml")
    assert index_of_methods(p, Checkpoints(p)) == [] and "train_mine" not in trainings(p)
    write_models([], tmp_path / "none.csv", tmp_path / "log")
    assert pd.read_csv(tmp_path / "none.csv").empty and (tmp_path / "log").read_text() == "0 models\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": None}, r"command: must hold \{pairs\} \(or \{truth\}\) and \{out\}, .*it holds \{model\}"),
        ({"command": "run {pairs} {out}"}, r"command: must hold .*, \{model\} \(what `train` makes\) and \{out\}"),
        ({"train": "fit {out}"}, r"train: must hold \{data\} and \{out\}, .*\{state\}, .*it holds \{out\}"),
        ({"train": "fit {data} {out} {rfg}"}, r"train: must hold .*it holds \{data\}, \{out\}, \{rfg\}"),
        ({"train": "fit {data} {out"}, r"train: expected '\}'"),
        ({"weights": "mine.pth"}, r"weights: `train` must hold \{weights\}"),
    ],
)
def test_a_wrong_entry_is_answered(values, change, message):
    values["methods"]["mine"] |= change
    with pytest.raises(DgError, match=message):
        params.validate(values, "params.yaml")


def test_a_method_that_is_not_trained_has_no_training(values):
    with pytest.raises(DgError, match="no method 'source_unchanged' has `train`, only: fom, mine"):
        step_settings(params.validate(values, "params.yaml"), "train_method", method="source_unchanged")
