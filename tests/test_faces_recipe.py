"""The bundled RFG's long training: its pictures, its resuming, and what it needs of a borrowed machine."""

from __future__ import annotations

import dataclasses
import io
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file
from safetensors.torch import load_file
from safetensors.torch import save_file as save_tensors
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from dg.checkpoints import card_path, load_checkpoint
from dg.errors import DgError
from dg.files import read_json
from dg.fom.model import load_fom
from dg.identity.encoder import load_face_encoder
from dg.identity.network import SIZE, FaceCodeNet, ShapeBranch, ShapeHead, SynthFaceId, squares, turned_onto
from dg.idsg import load_idsg
from dg.idsg.networks import Idsg
from dg.lpips.weights import lpips_weights
from dg.pretraining.faces import pack, shapes
from dg.pretraining.faces.bundle import KINDS, SEED, person_of, render_bundle, shots_of
from dg.pretraining.faces.fom import FomPretraining
from dg.pretraining.faces.identity import IdentityTraining, load_identity
from dg.pretraining.faces.idsg import IdsgPretraining, People, eye_opening, local_shape_loss, measure_idsg
from dg.pretraining.faces.pack import pack_faces, pack_fom, pack_identity, pack_idsg
from dg.pretraining.faces.pictures import Pictures
from dg.pretraining.faces.recipe import FomRecipe, IdentityRecipe, IdsgRecipe, Recipe, ShapeRecipe
from dg.pretraining.faces.shape_code import Shapes, ShapeTraining, mirrored, neutral_of, shapes_of
from dg.pretraining.faces.shape_head import LOOKS, explained, fit_shape_head, looked_at, measure_shape, ridge
from dg.pretraining.faces.shapes import BENCHMARK, SHOTS, make_shapes
from dg.pretraining.faces.training import FacesTraining
from dg.rfg.model import Rfg
from dg.sizes.rfg import RfgSizes
from dg.synthface import Action, Scene, landmarks_in, load_head, neutral_landmarks, truth, units

ROOT = Path(__file__).resolve().parent.parent
CPU = torch.device("cpu")


SIZES = {"size": 32, "patch": 16, "channels": 4, "max_channels": 8, "style_dim": 6}
TINY = Recipe(pictures=16, batch=2, adversarial_from=0.5, held_out=0.25, lambda_id=0, **SIZES)


@pytest.fixture(autouse=True)
def few_pairs(monkeypatch):
    monkeypatch.setattr(pack, "PAIRS", pack.CHUNK)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return laid(tmp_path_factory.mktemp("bundle") / "faces.safetensors", 32)


def laid(path, size):
    """Three pictures of each of four people: grey, with a white dot at the tip of the nose, point 30."""
    rng, jpeg = np.random.default_rng(0), []
    points = rng.uniform(0.2, 0.8, (12, 68, 3))
    for x, y in (points[:, 30, :2] * size).astype(int):
        picture, stream = np.full((size, size, 3), 90, np.uint8), io.BytesIO()
        picture[y - 1 : y + 2, x - 1 : x + 2] = 255
        Image.fromarray(picture).save(stream, "JPEG", quality=95, subsampling=0)
        jpeg.append(np.frombuffer(stream.getvalue(), np.uint8))
    person = np.repeat(np.arange(4, dtype=np.int32), 3)
    start = np.cumsum([0, *map(len, jpeg)])
    save_file({"jpeg": np.concatenate(jpeg), "start": start, "person": person, "points": points.astype("f2")}, path)
    return path


def test_pairs_show_one_person_and_their_landmarks_move_with_the_pictures(bundle):
    pictures = Pictures(bundle, CPU, 0.25)
    assert len(pictures.people) == 3 and len(Pictures(bundle, CPU, 0.25, measured=True).people) == 1
    pairs = pictures.pairs(seed=0, steps=[0, 1], count=16)
    for images, points in ((pairs.source, pairs.source_points), (pairs.truth, pairs.points)):
        brightest = images.sum(1).flatten(1).argmax(1)
        found = torch.stack([brightest % 32, brightest // 32], 1) / 32
        assert (found - points[:, 30]).abs().max() < 2.5 / 32
    all_points = load_file(bundle)["points"][..., :2].float()
    mirrored = all_points[:, 30] * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])

    def rows(points):
        distance = torch.minimum(torch.cdist(points[:, 30], all_points[:, 30]), torch.cdist(points[:, 30], mirrored))
        return distance.argmin(1)

    source, truth = rows(pairs.source_points), rows(pairs.points)
    assert (source // 3 == truth // 3).all() and (source != truth).all()


def assert_a_kill_changes_nothing(training, steps):
    """A training by name, killed after `steps` saved and one lost, ends as one that wasn't; returns its tensors."""
    training("whole").run(math.inf)
    part = training("parts")
    for _ in range(steps):
        part.advance()
    part.save()
    part.advance()  # lost
    training("parts").run(math.inf)
    whole, parts = (load_file(training(name).state) for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    return whole


def test_a_killed_training_ends_with_the_same_weights(bundle, tmp_path):
    def training(name):
        return FacesTraining(TINY, Pictures(bundle, CPU, TINY.held_out), tmp_path / name / "state.safetensors")

    whole = assert_a_kill_changes_nothing(training, steps=5)  # to within the adversarial part
    assert any(name.startswith("adam_judge") for name in whole)
    other = dataclasses.replace(TINY, lr=1.0)
    with pytest.raises(DgError, match=r"other values of lr\. Give"):
        FacesTraining(other, Pictures(bundle, CPU, 0.25), tmp_path / "whole/state.safetensors")


def test_packed_weights_start_and_paint(bundle, tmp_path):
    training = FacesTraining(TINY, Pictures(bundle, CPU, TINY.held_out), tmp_path / "state.safetensors")
    training.run(minutes=math.inf)
    card = pack_faces(bundle, tmp_path / "state.safetensors", tmp_path / "rfg.safetensors")
    written = read_json(card_path(tmp_path / "rfg.safetensors"))
    assert written["pictures"] == 16 and written["metrics"]["csim_truth"] == card["metrics"]["csim_truth"]
    tensors = load_checkpoint(tmp_path / "rfg.safetensors")
    assert {name.split(".")[0] for name in tensors} == {"ema_rfg", "face_discriminator"}
    net = Rfg(RfgSizes(**card["sizes"]))
    net.load_state_dict({k.removeprefix("ema_rfg."): v.float() for k, v in tensors.items() if k.startswith("ema_rfg.")})
    again = FacesTraining(TINY, Pictures(bundle, CPU, 0.25), tmp_path / "again.safetensors")
    assert not torch.equal(again.nets["generator"].first.weight, training.nets["generator"].first.weight)


def test_a_training_starts_from_bundled_weights_older_than_the_noise(bundle, tmp_path):
    old = dataclasses.replace(TINY, noise="none")
    training = FacesTraining(old, Pictures(bundle, CPU, TINY.held_out), tmp_path / "old.safetensors")
    training.run(minutes=math.inf)
    pack_faces(bundle, training.state, tmp_path / "rfg.safetensors")
    noisy = FacesTraining(
        TINY, Pictures(bundle, CPU, TINY.held_out), tmp_path / "new.safetensors", tmp_path / "rfg.safetensors"
    )
    packed = load_file(tmp_path / "rfg.safetensors")
    for network, prefix in (("generator", "ema_rfg.generator"), ("face_discriminator", "face_discriminator")):
        started = noisy.nets[network].state_dict()
        assert all(torch.equal(packed[f"{prefix}.{k}"].float(), v) for k, v in started.items() if ".noise." not in k)
    assert not noisy.nets["generator"].styled[-1].noise.strength.any()
    wider = dataclasses.replace(TINY, channels=6)
    with pytest.raises(DgError, match="of other sizes than this recipe's"):
        FacesTraining(
            wider, Pictures(bundle, CPU, TINY.held_out), tmp_path / "x.safetensors", tmp_path / "rfg.safetensors"
        )


def test_a_borrowed_machine_needs_four_packages(bundle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lpips_weights("vgg16")  # into .cache, which travels
    held = """if True:
        import builtins, sys
        import_of = builtins.__import__
        allowed = {"dg", "torch", "numpy", "PIL", "safetensors"} | sys.stdlib_module_names
        def checked(name, globals=None, *rest):
            importer = (globals or {}).get("__name__") or ""
            if importer.split(".")[0] == "dg" and name.split(".")[0] not in allowed:
                raise ImportError(f"{importer} imports {name}")
            return import_of(name, globals, *rest)
        builtins.__import__ = checked
        from dg.pretraining.faces.__main__ import main
        raise SystemExit(main())
    """
    options = SIZES | {"pictures": 4, "batch": 2, "lambda_id": 0}
    sizes = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    done = subprocess.run(
        [sys.executable, "-c", held, "train", str(bundle), str(tmp_path / "out"), *sizes],
        env={"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"}, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "4 of 4 pictures done" in done.stdout and (tmp_path / "out/state.safetensors").exists()


def test_the_bundle_holds_exact_landmarks_and_goes_on_where_it_stopped(head_file, tmp_path):
    out = tmp_path / "faces.safetensors"
    render_bundle(out, head_file, people=2, pictures=2, size=32)
    first = load_file(out)
    out.unlink()
    (out.with_suffix(".parts") / "00001.safetensors").unlink()
    render_bundle(out, head_file, people=2, pictures=2, size=32)
    again = load_file(out)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert first["person"].tolist() == [0, 0, 1, 1] and first["start"][-1] == len(first["jpeg"])
    assert KINDS[int(first["kind"][0])] == "synth_mpie"
    assert Pictures(out, CPU, 0.5).pairs(0, [0], 1).truth.shape == (1, 3, 32, 32)


def test_no_bundle_is_an_error_that_says_how_to_make_one(tmp_path):
    with pytest.raises(DgError, match=r"nothing\.safetensors: no bundle of pictures\. Make it first: python -m"):
        Pictures(tmp_path / "nothing.safetensors", CPU, 0.1)


@pytest.fixture(scope="module")
def rendered(head_file, tmp_path_factory):
    """A bundle of eight people, two pictures each, and the shapes of six of them and of every fourth."""
    folder = tmp_path_factory.mktemp("rendered")
    render_bundle(folder / "faces.safetensors", head_file, people=8, pictures=2, size=32)
    for name, measured in (("learnt", False), ("measured", True)):
        make_shapes(folder / "faces.safetensors", head_file, folder / f"shapes/{name}.safetensors", 0.25, measured)
    return folder


IDENTITY = IdentityRecipe(steps=4, people=3, held_out=0.25, dimension=8, width=4)


@pytest.fixture(scope="module")
def identity(rendered, tmp_path_factory):
    """E_f's first part, trained; killed and taken up again on the way, which changes nothing."""
    folder = tmp_path_factory.mktemp("identity")

    def training(name):
        pictures = Pictures(rendered / "faces.safetensors", CPU, 0.25)
        return IdentityTraining(IDENTITY, pictures, folder / name / "state.safetensors")

    assert_a_kill_changes_nothing(training, steps=1)
    return folder / "whole/state.safetensors"


def test_e_f_is_read_for_the_rfg(identity, tmp_path):
    net = load_identity(identity, CPU)
    assert net(torch.rand(2, 3, net.size, net.size)).shape == (2, 8)
    with pytest.raises(DgError, match=r"--identity .*nothing: no E_f there"):
        load_identity(tmp_path / "nothing", CPU)


def test_both_parts_of_e_f_are_packed(identity, rendered, head_file, tmp_path):
    bundle, recipe = rendered / "faces.safetensors", ShapeRecipe(steps=4, people=3, held_out=0.25, dimension=3)

    def training(name):
        return ShapeTraining(recipe, Pictures(bundle, CPU, 0.25), head_file, identity, tmp_path / name / "state")

    assert_a_kill_changes_nothing(training, steps=1)
    out = tmp_path / "id.safetensors"
    card = pack_identity(bundle, identity, tmp_path / "whole/state", head_file, out)
    assert set(card["metrics"]) == {"auc", "rank1", "shape_explained"}
    assert card["steps_done"] == {"identity": 4, "shape": 4}
    net = SynthFaceId(FaceCodeNet(8, 4), ShapeBranch(3, 4))
    net.load_state_dict(load_file(out))
    images, points = torch.rand(2, 3, 64, 64), torch.rand(2, 68, 3)
    codes = net.eval()(images, points)
    torch.testing.assert_close(codes[:, :8].square().mean(1), torch.ones(2))
    own = torch.nn.functional.normalize(net.identity(squares(images, points)), dim=1) * 8**0.5
    torch.testing.assert_close(codes[:, :8], own)


def test_shapes_are_told_by_principal_components_as_numpy_finds_them():
    points = torch.randn(40, 68, 3, generator=torch.Generator().manual_seed(0)) * torch.linspace(3, 1, 68)[:, None]
    shapes, flat = Shapes(points, 5), points.flatten(1).numpy().astype(float)
    spread, directions = np.linalg.eigh(np.cov(flat.T, bias=True))
    np.testing.assert_allclose(shapes.spread.numpy(), np.sqrt(spread[::-1][:5]), rtol=1e-4)
    found = np.abs(shapes.directions.numpy().T @ directions[:, ::-1][:, :5])
    np.testing.assert_allclose(found, np.eye(5), atol=1e-2)
    torch.testing.assert_close(shapes.scores(points).square().mean(0), torch.ones(5))
    whole = Shapes(points, 39)
    torch.testing.assert_close(whole.points(whole.scores(points)), points, atol=1e-4, rtol=1e-4)


def test_who_guesses_the_mean_person_explains_nothing(rendered, head_file):
    bundle, net = rendered / "faces.safetensors", SynthFaceId(FaceCodeNet(8, 4), ShapeBranch(3, 4)).eval()
    torch.nn.init.zeros_(net.head.layer.weight)
    torch.nn.init.zeros_(net.head.layer.bias)
    learnt, others = (Pictures(bundle, CPU, 0.25, measured) for measured in (False, True))
    shapes = shapes_of(neutral_of(learnt.numbers, head_file), 3)
    assert measure_shape(net, shapes, others, head_file) == 0


def test_landmarks_are_turned_as_scipy_turns_them():
    rng = np.random.default_rng(0)
    rest = rng.normal(size=(68, 3))
    rest -= rest.mean(0)
    made = [(rest + rng.normal(0, 0.2, (68, 3))) * [1, -1, 1] @ Rotation.random(rng=k).as_matrix() for k in range(3)]
    points = np.stack([0.1 * some + [0.4, 0.6, 0.5] for some in made])
    found = turned_onto(torch.from_numpy(points), torch.from_numpy(rest)).numpy()
    for some, turned in zip(points, found):
        _, near, _ = procrustes(rest, some)  # in its unit: both of length 1, its own with a reflection let in
        np.testing.assert_allclose(turned / np.linalg.norm(rest), near, atol=1e-9)


def test_the_last_layer_reads_shapes_from_landmarks_in_any_pose(head_file):
    """Exact landmarks of heads that turn and speak, of people it has not seen; networks that say nothing."""
    head, rng = load_head(head_file), np.random.default_rng(0)
    neutral = neutral_of(list(range(60)), head_file)
    shapes = Shapes(neutral[:48], 8)
    part = ShapeHead(8, 1)
    part.rest.copy_(shapes.mean.unflatten(0, (68, 3)) - shapes.mean.unflatten(0, (68, 3)).mean(0))
    shots = [(Action(units(jawOpen=rng.uniform(0, 0.5)), yaw=rng.uniform(-60, 60)), Scene()) for _ in range(4)]
    points = torch.from_numpy(np.concatenate([landmarks_in(head, person_of(n), shots) for n in range(60)])).float()
    inputs = part.inputs(points, torch.zeros(240, 1))
    weight, bias = ridge(inputs[:192].double(), shapes.scores(neutral[:48]).repeat_interleave(4, 0).double(), 1.0)
    scores = (inputs[192:].double() @ weight + bias).float()
    assert explained(shapes, scores, neutral[48:].repeat_interleave(4, 0)) > 0.5


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 10])
def test_f_l_looks_at_no_picture_twice(count):
    images = torch.arange(count).float().view(count, 1, 1, 1)
    pictures = SimpleNamespace(images_of=lambda _: (images, None))
    net = SimpleNamespace(detect=lambda seen: SimpleNamespace(points=seen))
    seen = looked_at(pictures, 0, net)[0].flatten().tolist()
    assert len(set(seen)) == len(seen) == min(LOOKS, count) and seen[0] == 0


def test_ridge_is_the_least_of_its_sum():
    rng = torch.Generator().manual_seed(0)
    inputs = torch.randn(50, 4, generator=rng, dtype=torch.double) * torch.tensor([1.0, 10.0, 0.1, 1.0]) + 3
    wanted = torch.randn(50, 2, generator=rng, dtype=torch.double)

    def cost(weight, bias):
        errors = (inputs @ weight + bias - wanted).square().sum()
        return float(errors + 7 * (weight * inputs.std(0)[:, None]).square().sum())

    weight, bias = ridge(inputs, wanted, 7.0)
    least = cost(weight, bias)
    for _ in range(20):
        moved = torch.randn(4, 2, generator=rng, dtype=torch.double) / inputs.std(0)[:, None]
        assert cost(weight + 1e-3 * moved, bias) > least
        assert cost(weight, bias + 1e-3 * torch.randn(2, generator=rng, dtype=torch.double)) > least


def test_the_fitted_last_layer_tells_the_people_it_was_fitted_on(rendered, head_file):
    torch.manual_seed(0)
    bundle, net = rendered / "faces.safetensors", SynthFaceId(FaceCodeNet(8, 4), ShapeBranch(3, 4)).eval()
    learnt = Pictures(bundle, CPU, 0.25)
    before = measure_shape(net, shapes_of(neutral_of(learnt.numbers, head_file), 3), learnt, head_file)
    shapes = fit_shape_head(net, learnt, head_file)
    assert before < 0 < 0.5 < measure_shape(net, shapes, learnt, head_file)


def test_neutral_landmarks_are_those_of_a_picture_at_rest(head_file):
    head, person = load_head(head_file), person_of(0)
    seen, _ = truth(head, person, Action(), Scene())
    rest = neutral_landmarks(head, person)
    flat = np.column_stack([rest[:, 0], -rest[:, 1]])
    flat, seen = ((some - some.mean(0)) / some.std(0).mean() for some in (flat, seen[:, :2]))
    np.testing.assert_allclose(flat, seen, atol=0.12)  # perspective


def test_a_mirrored_picture_shows_a_mirrored_head(rendered, head_file):
    neutral = neutral_of([0, 1], head_file)
    other = mirrored(neutral)
    torch.testing.assert_close(mirrored(other), neutral)
    left, right = (slice(42, 48), slice(36, 42))  # eyes
    assert (other[:, left, 0].mean(1) + neutral[:, right, 0].mean(1)).abs().max() < 1e-5


def test_changes_against_e_f_stay_in_the_ball_and_turn_the_code(rendered, tmp_path):
    training = IdentityTraining(IDENTITY, Pictures(rendered / "faces.safetensors", CPU, 0.25), tmp_path / "state")
    training.step = IDENTITY.steps  # the ball has its full size
    seen = torch.rand(16, 3, SIZE, SIZE)
    changed = training._against(seen, torch.Generator().manual_seed(0))
    length = (changed - seen).flatten(1).norm(dim=1)
    assert length.max() <= IDENTITY.radius + 1e-3 and length.max() > 0.5 * IDENTITY.radius
    direction = torch.randn(seen.shape, generator=torch.Generator().manual_seed(1))
    at_random = seen + direction * (length / direction.flatten(1).norm(dim=1))[:, None, None, None]
    with torch.no_grad():
        codes, against, beside = (training._codes(x) for x in (seen, changed, at_random))
    assert (codes * against).sum(1).mean() < (codes * beside).sum(1).mean()


def test_every_person_of_a_group_is_seen_in_its_shots(rendered, head_file):
    learnt = People.load(rendered / "shapes/learnt.safetensors")
    assert learnt.points.shape == (6, SHOTS, 68, 3) and learnt.codes.shape[:2] == (6, 2)
    head = load_head(head_file)
    # Shot 0 is one of the MPIE stand-in's; the ray caster's own truth about it.
    _, shots = shots_of("synth_mpie", 0, BENCHMARK // 3 + 1, 128, np.random.default_rng([SEED, 0, 7]))
    exact, _ = truth(head, person_of(2), shots[0].action, shots[0].scene)
    np.testing.assert_allclose(learnt.points[2, 0].numpy(), exact, atol=1e-6)
    l_r, _, _, l_t = learnt.pairs(seed=0, step=0, count=4)
    # The truth is between two people in the reference's shot.
    ways = [(p, q, s) for s in range(SHOTS) for p in range(6) for q in range(6)]
    for reference, wanted in zip(l_r, l_t):
        p, q = (torch.stack([learnt.points[way[k], way[2]] for way in ways]).flatten(1) for k in (0, 1))
        in_shot = torch.tensor([(learnt.points[:, way[2]] == reference).flatten(1).all(1).any() for way in ways])
        share = (((wanted.flatten() - q) * (p - q)).sum(1) / (p - q).square().sum(1).clamp_min(1e-9)).clamp(0, 1)
        off = (share[:, None] * p + (1 - share[:, None]) * q - wanted.flatten()).abs().amax(1)
        assert off[in_shot].min() < 1e-5
    assert len(People.load(rendered / "shapes/measured.safetensors").points) == 2


def test_a_killed_training_of_the_idsg_ends_with_the_same_weights_and_is_packed(rendered, tmp_path):
    recipe, people = IdsgRecipe(steps=6, batch=4), People.load(rendered / "shapes/learnt.safetensors")

    def training(name):
        return IdsgPretraining(recipe, people, tmp_path / name / "state.safetensors")

    assert_a_kill_changes_nothing(training, steps=1)
    card = pack_idsg(rendered / "shapes", tmp_path / "whole/state.safetensors", tmp_path / "idsg.safetensors")
    assert load_idsg(tmp_path / "idsg.safetensors").coordinates == "centred" and card["steps_done"] == 6


def test_what_another_e_f_told_is_not_learnt_from(rendered, head_file, tmp_path, monkeypatch):
    bundle, out = rendered / "faces.safetensors", tmp_path / "learnt.safetensors"

    def codes():
        make_shapes(bundle, head_file, out, 0.25, measured=False)
        return People.load(out)

    first, written = codes(), out.stat().st_mtime_ns
    codes()
    assert out.stat().st_mtime_ns == written
    training = IdsgPretraining(IdsgRecipe(steps=1, batch=4), first, tmp_path / "state.safetensors")
    training.run(math.inf)

    class Other(torch.nn.Module):
        def forward(self, images, points):
            return -load_face_encoder("synthface-id")(images, points)

    monkeypatch.setattr(shapes, "load_face_encoder", lambda _: Other())
    monkeypatch.setattr(shapes, "bundled_digest", lambda name: f"another {name}")
    second = codes()
    torch.testing.assert_close(second.codes, -first.codes)
    with pytest.raises(DgError, match=r"state\.safetensors: was trained with another E_f\. .* give another folder"):
        IdsgPretraining(IdsgRecipe(steps=1, batch=4), second, tmp_path / "state.safetensors")


def test_the_shape_code_goes_on_over_no_other_first_part(identity, rendered, head_file, tmp_path):
    recipe, state = ShapeRecipe(steps=1, people=3, held_out=0.25, dimension=3), tmp_path / "state"
    pictures = Pictures(rendered / "faces.safetensors", CPU, 0.25)
    ShapeTraining(recipe, pictures, head_file, identity, state).run(math.inf)
    with safe_open(identity, "pt") as file:
        facts = file.metadata()
    save_tensors({name: 2 * tensor for name, tensor in load_file(identity).items()}, tmp_path / "other", facts)
    with pytest.raises(DgError, match="was trained with another E_f"):
        ShapeTraining(recipe, pictures, head_file, tmp_path / "other", state)


def test_a_killed_training_of_fom_ends_with_the_same_weights_and_is_packed(tmp_path):
    bundle = laid(tmp_path / "faces.safetensors", 64)
    recipe, seen = FomRecipe(pictures=8, batch=2, half_until=0.5, held_out=0.25, size=64), []

    def training(name):
        made = FomPretraining(recipe, Pictures(bundle, CPU, recipe.held_out), tmp_path / name / "state.safetensors")
        made.net.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[-1]))
        return made

    whole = assert_a_kill_changes_nothing(training, steps=1)
    assert seen[:4] == [32, 32, 64, 64]  # the first half of the run is on pictures of half the side
    card = pack_fom(bundle, tmp_path / "whole/state.safetensors", tmp_path / "fom.safetensors")
    assert card["pictures"] == 8 and card["metrics"]["lpips_source"] > 0
    packed = load_fom(tmp_path / "fom.safetensors").state_dict()
    name = "generator.final.weight"
    assert torch.equal(packed[name], whole[f"ema_net.{name}"].half().float())
    people = Pictures(bundle, CPU, recipe.held_out)
    started = FomPretraining(recipe, people, tmp_path / "more.safetensors", tmp_path / "fom.safetensors")
    assert torch.equal(started.net.state_dict()[name], packed[name])
    assert not torch.equal(whole[f"ema_net.{name}"], whole[f"net.{name}"])


def test_a_shut_eye_is_told_from_an_open_one_whatever_the_heads_turn(head_file):
    head, person = load_head(head_file), person_of(0)
    for yaw in (0, 60):
        shut, wide = (
            torch.from_numpy(landmarks_in(head, person, [(Action(units(eyeBlink=share), yaw=yaw), Scene())])).float()
            for share in (1.0, 0.0)
        )
        assert eye_opening(shut) < 0.1 < 0.2 < eye_opening(wide) < 0.5


def test_the_shape_of_eyes_and_mouth_is_theirs_wherever_they_lie():
    truth = torch.rand(2, 68, 3, generator=torch.Generator().manual_seed(0))
    moved = truth.clone()
    moved[:, 36:42] += torch.tensor([0.1, -0.2, 0.05])  # an eye, as a whole
    moved[:, :17] += torch.rand(2, 17, 3, generator=torch.Generator().manual_seed(1))  # the contour
    assert local_shape_loss(moved.flatten(1), truth.flatten(1)) < 1e-5
    moved[0, 50, 1] += 0.2  # one of the mouth's 20 points, of one of two people: less a twentieth, and 19 of them
    wanted = 0.2 * (1 - 1 / 20 + 19 / 20) / 2
    assert float(local_shape_loss(moved.flatten(1), truth.flatten(1))) == pytest.approx(wanted, rel=1e-3)


def test_doing_nothing_and_the_mean_person_are_measured_by_hand(rendered):
    people = People.load(rendered / "shapes/learnt.safetensors")
    card = measure_idsg(Idsg(3, people.codes.shape[-1], "centred"), people, pairs=3000)
    xy, distances, means = people.points[..., :2].numpy().astype(float), [], []
    for source in range(6):
        others = [k for k in range(6) if k != source]
        distances += [np.linalg.norm(xy[k] - xy[source], axis=-1).mean() for k in others]
        means.append(np.linalg.norm(xy[others].mean(0) - xy[source], axis=-1).mean())
    assert card["reference"] == pytest.approx(100 * np.mean(distances), rel=0.05)
    assert card["mean_person"] == pytest.approx(100 * np.mean(means), rel=0.05)
