"""Both trainings from outside, each in a process of its own: killed and resumed, poisoned, self then cross phase."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from dg.checkpoints import save_checkpoint, with_prefix
from dg.errors import DgError
from dg.files import read_json, write_json, write_parquet
from dg.rfg.fine_tuning import ChosenFaces
from dg.rfg.training import RfgTraining
from dg.shards import (
    FRAME_SCHEMA,
    FaceSet,
    read_shard,
    write_shard,
)
from dg.steps.registry import step_settings
from dg.steps.rfg import FineTuneSettings, FineTuning
from dg.training.pairs import PairSampler
from dg.training.team import Team
from tests.prepared import face_key, face_table, prepare
from tests.scales import params_at
from tests.told import changed
from tests.warm_python import warm_python

ROOT = Path(__file__).resolve().parent.parent
SIZE = 32


def happy(person: int) -> list[str]:
    """Three keys of one person, from left to right."""
    return [face_key(person, yaw, "happy") for yaw in (-45, 0, 45)]


def settings(verb: str, phase: str, **chosen):
    sizes = {"batch": 2, "steps": 8, "ema": 0.9, "accumulate": 1, "compile": False, "init": None}
    if verb == "idsg":
        sizes |= {"lambda_keep": 0.0, "kept": None}  # bundled weights take other codes
    if verb == "rfg":
        sizes |= {"size": SIZE, "channels": 4, "max_channels": 8, "style_dim": 4}
    return changed(step_settings(params_at(), verb, phase=phase), **sizes | chosen)


def tuning(**chosen):
    values = settings("rfg", "self").model_dump(exclude={"code", "phase", "ema", "init"})
    return FineTuning(**values | {"crop": 0, "frames": 3} | chosen)


def run(job: dict, check: bool = True, processes: int = 1) -> subprocess.CompletedProcess:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    several = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    start = several if processes > 1 else [str(warm_python() / "python")]
    command = [*start, "-m", "tests.training_driver", json.dumps(job)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if check:
        assert done.returncode == 0, done.stderr
    return done


def job(verb: str, values, data: Path, out: Path, **more) -> dict:
    return {
        "verb": verb,
        "settings": values.model_dump(mode="json"),
        "folders": [str(data)],
        "out": str(out),
        "state": f"{out}.state",
    } | more


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    table = face_table(3, "train", yaws=(-45.0, 0.0, 45.0))
    return prepare(tmp_path_factory.mktemp("sets") / "x", table, SIZE, codes=6, hidden=0.3)


@pytest.fixture(scope="module")
def idsg(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("idsg") / "self.safetensors"
    run(job("idsg", settings("idsg", "self"), data, out))
    return out


@pytest.fixture(scope="module")
def rfg(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("rfg") / "self.safetensors"
    run(job("rfg", settings("rfg", "self"), data, out))
    return out


@pytest.fixture(scope="module")
def cropped_cross(data, idsg, rfg, tmp_path_factory):
    """A cross phase long enough for a second lazy R1, half of its pictures cropped: settings, inputs, result."""
    out = tmp_path_factory.mktemp("cross") / "net.safetensors"
    values = settings("rfg", "cross", steps=10, crop=0.5)
    more = {"init": str(rfg), "idsg": str(idsg)}
    run(job("rfg", values, data, out, **more))
    return values, more, out


@pytest.mark.parametrize("verb", ["idsg", "rfg"])
def test_sigkill_three_times_then_resume_ends_with_the_same_bits(verb, data, idsg, cropped_cross, tmp_path):
    values, more, unbroken = (settings("idsg", "self"), {}, idsg) if verb == "idsg" else cropped_cross
    killed = tmp_path / "net.safetensors"
    # Two updates a step, and the generator's is the first: in the middle of steps 4, 6 and 9, where R1 is due again, or
    # 7 of 8.
    for update in (7, 5, 2 * values.steps - 13):
        done = run(job(verb, values, data, killed, kill_at=update, **more), check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert not killed.exists()
    resumed = run(job(verb, values, data, killed, **more))
    assert f"going on at step {values.steps - 2} of" in resumed.stderr
    a, b = load_file(unbroken), load_file(killed)
    assert a.keys() == b.keys()
    different = [key for key in a if not torch.equal(a[key], b[key])]
    assert not different, f"{len(different)} of {len(a)} tensors differ, e.g. {different[:3]}\n{resumed.stderr}"
    assert unbroken.with_suffix(".losses.csv").read_text() == killed.with_suffix(".losses.csv").read_text()


@pytest.mark.parametrize("verb", ["idsg", "rfg"])
def test_weights_that_become_nan_stop_the_training_and_never_reach_the_state_or_the_checkpoint(verb, data, tmp_path):
    out = tmp_path / "self.safetensors"
    done = run(job(verb, settings(verb, "self"), data, out, poison_at=9), check=False)
    assert done.returncode == 1, done.stderr
    # The ninth update is the generator's in step 5, whose losses are computed before it.
    assert re.search(rf"step 5: weights '{verb}\.\S+' hold .* holds step 4\)", done.stderr), done.stderr
    assert not out.exists()
    (path,) = Path(f"{out}.state").rglob("*.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in load_file(path).values())
    # What is left is good: the same command without the fault finishes.
    run(job(verb, settings(verb, "self"), data, out))
    assert all(torch.isfinite(tensor).all() for tensor in load_file(out).values())


def test_cross_phase_starts_from_the_self_phase_and_needs_no_other_file(data, idsg, rfg, tmp_path):
    cross_l, cross_f = tmp_path / "idsg.safetensors", tmp_path / "rfg.safetensors"
    run(job("idsg", settings("idsg", "cross"), data, cross_l, init=str(idsg)))
    run(job("rfg", settings("rfg", "cross"), data, cross_f, init=str(rfg), idsg=str(cross_l)))
    from dg.idsg import load_idsg
    from dg.rfg import load_rfg

    points = load_idsg(cross_l).generate(torch.rand(2, 68, 3), torch.rand(2, 6))
    painted = load_rfg(cross_f).paint(points, torch.rand(2, 3, SIZE, SIZE))
    assert painted.shape == (2, 3, SIZE, SIZE)
    assert 0 <= painted.min() <= painted.max() <= 1
    # A step of Adam moves a weight by at most about lr: further apart means that init was not used.
    before, after, values = load_file(rfg), load_file(cross_f), settings("rfg", "cross")
    reach = 3 * values.lr * values.steps
    assert all((after[k] - before[k]).abs().max() < reach for k in after if not k.startswith("ema"))
    assert any(not torch.equal(after[k], before[k]) for k in after)
    for path in (cross_l, cross_f):
        card = read_json(path.with_suffix(".json"))
        assert card["settings"]["phase"] == "cross"
        assert card["steps"] == 8 and card["seconds"] > 0
        table = pd.read_csv(path.with_suffix(".losses.csv"))
        assert table["step"].iloc[-1] == 8
        assert np.isfinite(table.iloc[-1].to_numpy(float)).all()


def test_r1_has_columns_of_its_own_with_its_last_value(rfg, cropped_cross):
    table = pd.read_csv(cropped_cross[-1].with_suffix(".losses.csv"))
    for column in ("d_f_r1", "d_s_r1"):
        assert table[column].nunique() == 2
        assert table[column].ne(table[column].shift()).tolist() == [step in (1, 9) for step in table["step"]]
    assert table.columns.tolist() == pd.read_csv(rfg.with_suffix(".losses.csv")).columns.tolist()


def test_weights_of_other_sizes_are_refused_with_the_way_out(data, idsg, rfg, tmp_path):
    from dg.idsg.training import train_idsg
    from dg.rfg.training import train_rfg

    files = [data], tmp_path / "net.safetensors"
    plain = {"lambda_id": 0, "lambda_lm": 0, "lambda_ds": 0}
    with pytest.raises(DgError, match=r"self\.safetensors: its network 'idsg' has other sizes.* --init the result of"):
        train_idsg(settings("idsg", "cross", landmark_dims=2), *files, idsg, tmp_path / "state")
    with pytest.raises(DgError, match=r"self\.safetensors: its network 'rfg' has other sizes.* Give --init"):
        train_rfg(settings("rfg", "self", style_dim=6, **plain), *files, rfg, None, tmp_path / "state")
    with pytest.raises(DgError, match=r"rfg-synthface\.saf.* other sizes.* Set scales\.<scale>\.rfg\.init: scratch"):
        train_rfg(settings("rfg", "self", init="bundled", **plain), *files, None, None, tmp_path / "state")
    with pytest.raises(DgError, match=r"idsg-synthface\.saf.* other sizes.* Set scales\.<scale>\.idsg\.init: scratch"):
        train_idsg(settings("idsg", "self", init="bundled"), *files, None, tmp_path / "state")
    with pytest.raises(DgError, match=r"self\.safetensors: .* holds no network 'rfg'"):
        train_rfg(settings("rfg", "self", **plain), *files, idsg, None, tmp_path / "state")


def test_the_other_network_or_a_card_without_sizes_is_refused_by_name(idsg, rfg, tmp_path):
    from dg.idsg import load_idsg
    from dg.rfg import load_rfg

    for load, path in ((load_idsg, rfg), (load_rfg, idsg)):
        with pytest.raises(DgError, match=re.escape(str(path.with_suffix(".json")))):
            load(path)
    copy = Path(shutil.copy(rfg, tmp_path))
    facts = read_json(rfg.with_suffix(".json"))
    for sizes, message in (
        (None, "size: missing; give a checkpoint of the RFG"),
        ({**facts["sizes"], "style_dim": 6}, "network 'ema_rfg' has other sizes"),
    ):
        changed = facts | {"sizes": sizes} if sizes else {"sha256": facts["sha256"]}
        write_json(copy.with_suffix(".json"), changed)
        with pytest.raises(DgError, match=message):
            load_rfg(copy)
    # The IDSG's card beside the RFG's weights: what is asked for isn't there.
    write_json(copy.with_suffix(".json"), read_json(idsg.with_suffix(".json")) | {"sha256": facts["sha256"]})
    with pytest.raises(DgError, match=r"self\.safetensors: the checkpoint holds no network 'ema_idsg'"):
        load_idsg(copy)


def test_a_cross_phase_without_its_checkpoints_is_refused(data, tmp_path, monkeypatch, capsys):
    from dg.cli import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.safetensors").touch()
    for verb, given, missing in (
        ("idsg", [], "--init is missing"),
        ("rfg", ["--idsg", "a.safetensors"], "--init is missing"),
        ("rfg", ["--init", "a.safetensors"], "--idsg is missing"),
        ("rfg", ["--init", "a.safetensors", "--idsg", "b.safetensors"], "b.safetensors: weights not found"),
    ):
        words = [verb, "--settings", settings(verb, "cross").job(), "--data", str(data), "--out", "o.safetensors"]
        assert main([*words, *given]) == 1
        assert missing in capsys.readouterr().err


def test_a_card_names_settings_and_inputs_by_digest(data, idsg, tmp_path, monkeypatch):
    from dg.cli import main

    monkeypatch.chdir(tmp_path)
    values = settings("idsg", "cross", steps=1, code="0123")
    words = ["idsg", "--settings", values.model_dump_json(), "--data", str(data), "--out", "o.safetensors"]
    assert main([*words, "--init", str(idsg)]) == 0
    card = read_json(tmp_path / "o.json")
    assert card["settings"]["code"] == "0123"
    files = [data / "identity/0.arrow", data / "landmarks/0.arrow", data / "manifest.parquet"]
    found = sha256(b"".join(sha256(path.read_bytes()).digest() for path in files)).hexdigest()[:16]
    assert card["inputs"] == {str(data): found, str(idsg): sha256(idsg.read_bytes()).hexdigest()}


@pytest.mark.parametrize("weight", ["lambda_at", "lambda_id", "lambda_st", "lambda_lm", "lambda_ds"])
def test_a_loss_of_weight_0_is_not_computed(weight, data, tmp_path):
    out = tmp_path / "self.safetensors"
    run(job("rfg", settings("rfg", "self", steps=1, **{weight: 0}), data, out))
    name = weight.removeprefix("lambda_")
    columns = pd.read_csv(out.with_suffix(".losses.csv")).columns
    assert not any(column == name or column.startswith(f"{name}_") for column in columns), list(columns)
    if weight == "lambda_ds":
        assert not any("shape_discriminator" in key for key in load_file(out))


def same(a: Path, b: Path, rtol: float, atol: float) -> None:
    """Weights, averages and logged losses agree."""
    x, y = load_file(a), load_file(b)
    assert x.keys() == y.keys()
    for key in x:
        torch.testing.assert_close(x[key], y[key], rtol=rtol, atol=atol, msg=lambda text, key=key: f"{key}: {text}")
    losses = [pd.read_csv(path.with_suffix(".losses.csv")) for path in (a, b)]
    pd.testing.assert_frame_equal(*losses, rtol=1e-4, atol=1e-6)


@pytest.fixture(scope="module", params=["idsg", "rfg"])
def joint(request, data, idsg, tmp_path_factory):
    """Verb, settings and result of one process on whole batches; a cross phase, where not every truth is known."""
    verb, out = request.param, tmp_path_factory.mktemp("joint") / "net.safetensors"
    cropped = {"crop": 0.7} if verb == "rfg" else {}
    values = settings(verb, "cross", batch=4, steps=3, r1=1.0, **cropped)
    run(job(verb, values, some_truths_missing(data), out, idsg=str(idsg), sgd=1e-4))
    assert len(load_file(out)) > 0
    return verb, values, out


def some_truths_missing(data: Path) -> Path:
    """The same set under another name, p0 without happy faces: 9 of 36 cross pairs between them have no truth."""
    folder = data.parent / "gaps"
    if not folder.exists():
        shutil.copytree(data, folder)
        table = pd.read_parquet(folder / "manifest.parquet")
        table.loc[(table.subject == "p0") & (table.expression == "happy"), "expression"] = "wink"
        write_parquet(folder / "manifest.parquet", table)
    return folder


def test_a_batch_in_two_parts_ends_like_the_whole_batch(joint, data, idsg, tmp_path):
    verb, values, whole = joint
    out = tmp_path / "net.safetensors"
    run(job(verb, changed(values, accumulate=2), some_truths_missing(data), out, idsg=str(idsg), sgd=1e-4))
    same(whole, out, rtol=1e-4, atol=2e-6)


def test_two_processes_end_like_one(joint, data, idsg, tmp_path):
    verb, values, whole = joint
    out = tmp_path / "net.safetensors"
    both = job(verb, values, some_truths_missing(data), out, idsg=str(idsg), sgd=1e-4)
    done = run(both, processes=2)
    same(whole, out, rtol=1e-4, atol=2e-6)
    assert done.stderr.count(": 3/3 ") == 1, done.stderr  # rank 0 alone says how far it is


def test_two_processes_killed_and_resumed_end_with_the_same_bits(data, tmp_path):
    values, files = settings("idsg", "self", steps=24), []
    for name, kill_at in (("unbroken", None), ("killed", 31)):
        out = tmp_path / name / "net.safetensors"
        if kill_at:
            done = run(job("idsg", values, data, out, kill_at=kill_at, rank=1), check=False, processes=2)
            assert done.returncode != 0 and not out.exists()
            assert Path(f"{out}.state/state.safetensors").exists()
        done = run(job("idsg", values, data, out), processes=2)
        files.append(out)
    assert "going on at step 10 of 24" in done.stderr
    a, b = map(load_file, files)
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert len({path.with_suffix(".losses.csv").read_text() for path in files}) == 1


def test_a_loss_that_becomes_nan_in_one_process_stops_both(data, tmp_path):
    out = tmp_path / "net.safetensors"
    done = run(job("rfg", settings("rfg", "self"), data, out, poison_at=3, rank=1), check=False, processes=2)
    assert done.returncode != 0
    assert not out.exists()
    assert len(re.findall(r"step 3: loss '\w+' is nan", done.stderr)) == 2, done.stderr


def test_in_the_self_phase_lambda_vls_changes_nothing(data, idsg, tmp_path):
    """So `dg.steps.idsg` leaves it out there, and an experiment with lambda_vls need not train that phase again."""
    values = settings("idsg", "self")
    assert values.lambda_vls == 0 and settings("idsg", "cross").lambda_vls > 0
    other = tmp_path / "self.safetensors"
    run(job("idsg", changed(values, lambda_vls=10.0), data, other))
    first, second = load_file(idsg), load_file(other)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_batch_that_cannot_be_divided_names_the_keys(data, tmp_path):
    from dg.idsg.training import train_idsg
    from dg.rfg.training import train_rfg

    for verb, train, more in (("idsg", train_idsg, [None]), ("rfg", train_rfg, [None, None])):
        values = settings(verb, "self", accumulate=3)
        with pytest.raises(DgError) as caught:
            train(values, [data], tmp_path / "net.safetensors", *more, tmp_path / "state")
        for key in (f"scales.<scale>.{verb}.batch: 2", "training.accumulate (3)", "training.gpus (1)"):
            assert key in str(caught.value)


def test_fine_tuning_learns_its_frames_reads_no_others_and_resumes_with_the_same_bits(data, rfg, tmp_path):
    keys = happy(1)
    folder = shutil.copytree(data, tmp_path / "x")
    spoil_all_pictures_but(keys, folder)
    values = tuning(batch=3, steps=40, lr=5e-3, lambda_at=200)
    tuned, killed = tmp_path / "tuned.safetensors", tmp_path / "killed.safetensors"
    run(job("finetune", values, folder, tuned, init=str(rfg), keys=keys))
    done = run(job("finetune", values, folder, killed, init=str(rfg), keys=keys, kill_at=25), check=False)
    assert done.returncode == -signal.SIGKILL
    run(job("finetune", values, folder, killed, init=str(rfg), keys=keys))
    a, b, before = load_file(tuned), load_file(killed), load_file(rfg)
    assert a.keys() == before.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert mistake(tuned, data, keys) < 0.95 * mistake(rfg, data, keys)
    assert read_json(tuned.with_suffix(".json"))["frames"] == keys


def spoil_all_pictures_but(keys: list[str], folder: Path) -> None:
    path = folder / "frames/0.arrow"
    table = read_shard(path).to_pydict()
    table["image"] = [image if key in keys else b"spoilt" for key, image in zip(table["key"], table["image"])]
    write_shard(path, FRAME_SCHEMA, table)


def mistake(checkpoint: Path, folder: Path, keys: list[str]) -> float:
    """Mean distance of the painted frames to the true ones, each from each other frame."""
    from dg.rfg import load_rfg

    faces, net = FaceSet([folder]), load_rfg(checkpoint)
    rows = [faces.row(key) for key in keys]
    images = torch.stack([torch.from_numpy(faces.image(row).copy()).permute(2, 0, 1) / 255 for row in rows])
    pairs = [(s, t) for s in range(len(keys)) for t in range(len(keys)) if s != t]
    l_t = torch.from_numpy(faces.points[[rows[t] for _, t in pairs]])
    painted = net.paint(l_t, images[[s for s, _ in pairs]])
    return float((painted - images[[t for _, t in pairs]]).abs().mean())


def test_the_verb_finetune_reads_the_keys_and_removes_its_state(data, rfg, tmp_path, monkeypatch, capsys):
    from dg.cli import main

    monkeypatch.chdir(tmp_path)
    calls = []

    def fine_tune(settings, folder, keys, init, out, state, inputs):
        assert state.is_dir()
        assert list(inputs) == [str(data), str(rfg), "keys.txt"]
        calls.append((settings, folder, keys, init, out, state))

    monkeypatch.setattr("dg.rfg.fine_tuning.fine_tune", fine_tune)
    (tmp_path / "keys.txt").write_text("\n\n ".join(happy(0)[1:]) + " \n")
    values = tuning(frames=2)
    words = ["finetune", "--settings", values.model_dump_json(), "--folder", str(data), "--init", str(rfg)]
    words += ["--out", "o.safetensors"]
    assert main([*words, "--keys", "keys.txt"]) == 0
    settings_, folder, keys, init, out, state = calls[0]
    assert settings_ == FineTuneSettings(**dict(values))
    assert (folder, keys, init, out) == (
        data, happy(0)[1:], rfg, Path("o.safetensors")
    )  # fmt: skip
    assert not state.exists()
    (tmp_path / "keys.txt").write_text(happy(0)[1])
    assert main([*words, "--keys", "keys.txt"]) == 0
    assert calls[1][5] != state  # other frames, another state
    assert main([*words, "--keys", "missing.txt"]) == 1
    assert "missing.txt" in capsys.readouterr().err


def test_fine_tuning_refuses_wrong_frames(data):
    faces = FaceSet([data])
    b = happy(1)
    for keys, message in (
        (b[:2], r"2 frames.*fine_tune\.frames.*is 3"),
        ([*b[:2], b[0]], "2 of them different"),
        ([*b[:2], happy(0)[1]], "2 people"),
        ([*b[:2], "toy/p1/nobody.png"], r"toy/p1/nobody\.png"),
    ):
        with pytest.raises(DgError, match=message):
            ChosenFaces(faces, keys, 3)


def test_the_flag_compiles_every_trained_network(data, tmp_path, monkeypatch):
    import dg.idsg.training
    import dg.rfg.training

    compiled = []
    for module in (dg.idsg.training, dg.rfg.training):
        monkeypatch.setattr(module, "compile_networks", compiled.extend)
    faces = FaceSet([data], split="train")
    values = settings("rfg", "self", compile=True, lambda_lm=0, lambda_ds=0, lambda_id=0)
    nets = dg.rfg.training.RfgTraining(values, faces, PairSampler(faces.table, 2, 0), None, Team()).nets
    rfg = nets["rfg"]
    assert {id(net) for net in compiled} == {
        id(net) for net in (rfg.generator, rfg.style_encoder, nets["face_discriminator"])
    }
    compiled.clear()
    dg.idsg.training.train_idsg(
        settings("idsg", "self", compile=True, steps=1), [data], tmp_path / "a.safetensors", None, tmp_path / "state"
    )
    assert len(compiled) == 4  # E_l, R_l, D_l, C_l


def test_pictures_that_do_not_fit_the_memory_are_decoded_when_they_are_needed(data, monkeypatch):
    import dg.rfg.data

    faces, values = FaceSet([data], split="train"), settings("rfg", "self", crop=1.0)
    drawn = []
    for most in (dg.rfg.data.IN_MEMORY, 0):
        monkeypatch.setattr(dg.rfg.data, "IN_MEMORY", most)
        pictures = dg.rfg.data.Data(values, faces, PairSampler(faces.table, 2, 0), None, Team())
        drawn.append(pictures.pairs(pictures.draw(5)[0]))
    for name in ("source", "truth", "l_t", "truth_points", "source_points", "known"):
        assert torch.equal(getattr(drawn[0], name), getattr(drawn[1], name)), name


def test_sample_pictures_say_that_they_are_synthetic(rfg):
    pictures = sorted((rfg.parent / f"{rfg.stem}_samples").glob("*.png"))
    assert pictures
    with Image.open(pictures[-1]) as image:
        assert any("synthetic" in str(text) for text in image.text.values())


def test_voxceleb1_tunes_once_for_each_video_and_goes_on_after_a_stop(data, idsg, rfg, tmp_path, monkeypatch):
    from dg.protocols import self_reenact
    from dg.protocols.generate import PairReenactor
    from dg.protocols.results import Results
    from dg.rfg.fine_tuning import fine_tune

    def video(person: int) -> pd.DataFrame:
        tuning = [face_key(person, yaw, "neutral") for yaw in (-45, 0, 45)]
        tested = happy(person)
        columns = {"source": tuning[0], "reference": tested, "target": tested, "subject": f"p{person}"}
        return pd.DataFrame(columns).assign(tuning=[tuning] * 3)

    videos = [video(0), video(1)]
    pairs, state, out = tmp_path / "pairs.parquet", tmp_path / "state", tmp_path / "made.arrow"
    write_parquet(pairs, pd.concat(videos))
    values = tuning(batch=3, steps=3, lambda_id=0, lambda_lm=0, lambda_ds=0)
    tuned_on = []

    def stopped_at_the_second(settings_, folder, keys, *files):
        if keys[0].startswith("toy/p1/"):
            raise KeyboardInterrupt
        tuned_on.append(keys)
        fine_tune(settings_, folder, keys, *files)
        files[-1].mkdir()  # what a longer tuning leaves

    monkeypatch.setattr(self_reenact, "fine_tune", stopped_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        self_reenact.generate_tuned(values, [data], pairs, out, idsg, rfg, state)
    assert not out.exists()
    assert [path.name for path in state.iterdir()] == ["00000.arrow"]
    monkeypatch.setattr(
        self_reenact, "fine_tune", lambda s, f, keys, *files: (tuned_on.append(keys), fine_tune(s, f, keys, *files))
    )
    self_reenact.generate_tuned(values, [data], pairs, out, idsg, rfg, state)
    assert tuned_on == [list(part["tuning"].iloc[0]) for part in videos]
    made = Results(out)
    assert made.keys("reference") == pd.concat(videos)["reference"].tolist()
    for number, part in enumerate(videos):
        net = tmp_path / f"by_hand_{number}.safetensors"
        fine_tune(values, data, list(part["tuning"].iloc[0]), rfg, net, tmp_path / f"s{number}")
        expected = list(PairReenactor(FaceSet([data]), idsg, net)(part))
        assert [result.image for result in expected] == [made[3 * number + k].image for k in range(3)]


def test_a_stored_face_discriminator_starts_the_next_one_unless_that_sees_maps_too(data, tmp_path):
    def training(seed, **values):
        chosen = settings("rfg", "self", seed=seed, lambda_lm=0, lambda_ds=0, lambda_id=0, **values)
        faces = FaceSet([data], split="train")
        return RfgTraining(chosen, faces, PairSampler(faces.table, 2, 0), None, Team())

    first, start = training(0), tmp_path / "start.safetensors"
    judge = first.nets["face_discriminator"].state_dict()
    stored = with_prefix("face_discriminator", judge) | with_prefix("ema_rfg", first.nets["rfg"].state_dict())
    save_checkpoint(start, stored, {})
    for sees_maps in (False, True):
        second = training(1, face_discriminator_map=sees_maps)
        before = {name: value.clone() for name, value in second.nets["face_discriminator"].state_dict().items()}
        second.start_from(start)
        wanted = before if sees_maps else judge
        after = second.nets["face_discriminator"].state_dict()
        assert all(torch.equal(after[name], wanted[name]) for name in after)
        assert torch.equal(second.nets["rfg"].generator.first.weight, first.nets["rfg"].generator.first.weight)
