"""What a training is fed: batches made ahead are the right ones, crops keep picture and landmarks together."""

import threading
import time

import numpy as np
import pandas as pd
import pytest
import torch

from dg.idsg import load_idsg
from dg.idsg.data import Data
from dg.idsg.networks import Idsg
from dg.idsg.training import train_idsg
from dg.params import validate
from dg.rfg.data import Data as RfgData
from dg.shards import FaceSet
from dg.steps.idsg import idsg_settings
from dg.steps.rfg import rfg_settings
from dg.training.crops import AREA, RATIO, crop_images, crop_points, draw_crops, shifted_onto
from dg.training.pairs import FrameSampler, PairSampler
from dg.training.prefetch import Prefetch
from dg.training.team import Team
from dg.weights import bundled, bundled_digest
from tests.prepared import face_table, prepare
from tests.scales import params_at, values_at
from tests.told import changed


def test_each_step_gets_its_own_batch_whatever_thread_is_first():
    def make(step):
        time.sleep(0.02 * (step % 3 == 0))  # every third one comes after those that were begun later
        return step

    with Prefetch(make, range(5, 40), threads=4) as batches:
        assert [batches.get(step) for step in range(5, 40)] == list(range(5, 40))


def test_the_next_batch_is_made_while_a_step_runs_and_no_step_can_take_another_ones():
    begun = [threading.Event() for _ in range(3)]
    with Prefetch(lambda step: begun[step].set(), range(3)) as batches:
        batches.get(0)
        assert begun[1].wait(10)
        with pytest.raises(KeyError):
            batches.get(2)


def test_waiting_is_counted_and_an_error_comes_at_its_own_step():
    def make(step):
        time.sleep(0.1 if step == 0 else 0)
        if step == 2:
            raise ValueError("broken picture")
        return step

    with Prefetch(make, range(4)) as batches:
        batches.get(0)
        assert 0.05 < batches.waited < 5
        batches.get(1)
        with pytest.raises(ValueError, match="broken picture"):
            batches.get(2)


def test_crops_are_drawn_from_seed_and_step_within_their_bounds():
    boxes = draw_crops(3, 11, 2000, 0.5)
    assert np.array_equal(boxes, draw_crops(3, 11, 2000, 0.5))
    assert not np.array_equal(boxes, draw_crops(3, 12, 2000, 0.5))
    cropped = boxes[(boxes != (0, 0, 1, 1)).any(1)]
    assert 0.45 < len(cropped) / len(boxes) < 0.55
    left, top, width, height = cropped.astype(float).T
    assert min(left.min(), top.min()) >= 0
    assert max((left + width).max(), (top + height).max()) <= 1 + 1e-6
    assert AREA[0] - 1e-6 <= (width * height).min() < (width * height).max() <= AREA[1]
    assert RATIO[0] - 1e-6 <= (width / height).min() < (width / height).max() <= RATIO[1] + 1e-6
    assert (draw_crops(3, 11, 9, 0) == (0, 0, 1, 1)).all()


def test_cropped_pictures_and_cropped_landmarks_agree():
    size, n = 96, 12
    rng = np.random.default_rng(0)
    points = torch.from_numpy(rng.uniform(0.25, 0.75, (n, 1, 3)).astype(np.float32))
    place = (torch.arange(size) + 0.5) / size
    # A bright round spot at the point; its middle is measured in the cropped picture.
    distance = (place[None, None] - points[:, :, 0:1]) ** 2 + (place[None, :, None] - points[:, :, 1:2]) ** 2
    images = torch.exp(-distance / 0.03**2)[:, None]
    boxes = torch.from_numpy(draw_crops(0, 0, n, 1.0))
    seen = crop_images(images, boxes)[:, 0]
    weight = seen / seen.sum((1, 2), keepdim=True)
    found = torch.stack([(weight.sum(1) * place).sum(1), (weight.sum(2) * place).sum(1)], 1)
    wanted = crop_points(points, boxes)
    assert (found - wanted[:, 0, :2]).abs().max() < 0.1 / size
    assert (found - points[:, 0, :2]).abs().max() > 2 / size  # the crops do something
    enlarged = (boxes[:, 2] * boxes[:, 3]).rsqrt()[:, None]
    torch.testing.assert_close(wanted[..., 2] - 0.5, (points[..., 2] - 0.5) * enlarged)


def test_crops_keep_every_landmark_and_move_no_further_than_they_must():
    rng = np.random.default_rng(1)
    points = torch.from_numpy(rng.uniform(0, 1, (400, 1, 2)) * 0.4 + rng.uniform(-0.1, 0.6, (400, 68, 2))).float()
    points[:100] = points[:100] * 1.5 - 0.2  # faces that fill the picture
    points[200:] = points[200:] * 0.3 + 0.35  # small faces in the middle
    boxes = torch.from_numpy(draw_crops(0, 0, 400, 1.0))
    moved = shifted_onto(boxes, points)
    assert (moved[:, :2] >= 0).all() and (moved[:, :2] + moved[:, 2:] <= 1 + 1e-6).all()
    seen = crop_points(torch.cat([points, points[..., :1]], 2).clamp(0, 1), moved)[..., :2]
    assert seen.min() > -1e-5 and seen.max() < 1 + 1e-5
    extent = points.clamp(0, 1).amax(1) - points.clamp(0, 1).amin(1)
    fits = (extent <= boxes[:, 2:]).all(1)
    assert 0.3 < fits.float().mean() < 0.98
    assert (moved[~fits] == torch.tensor([0.0, 0, 1, 1])).all()
    assert (moved[fits, 2:] == boxes[fits, 2:]).all()
    # Along each axis a box lies as drawn, or a landmark touches its edge.
    touches = ((seen.amin(1).abs() < 1e-4) | ((seen.amax(1) - 1).abs() < 1e-4))[fits]
    assert (touches | ((moved - boxes)[fits, :2].abs() < 1e-6)).all()
    assert (moved[fits] == boxes[fits]).all(1).float().mean() > 0.3


def test_landmarks_that_e_f_reads_are_cropped_with_their_pictures(tmp_path):
    settings = changed(rfg_settings(params_at(), "self"), crop=1.0, size=32, batch=8, accumulate=1)
    faces = FaceSet([prepare(tmp_path / "toy", face_table(people=3, split="train"), 32)], split="train")
    data = RfgData(settings, faces, PairSampler(faces.table, 8, 0), None, Team())
    (part,) = data.draw(0)
    pairs = data.pairs(part)
    l_t = torch.from_numpy(faces.points[part.rows.reference])
    boxes = shifted_onto(torch.from_numpy(part.boxes), l_t)
    for found, rows in ((pairs.source_points, part.rows.source), (pairs.truth_points, part.rows.target)):
        whole = torch.from_numpy(faces.points[rows])
        torch.testing.assert_close(found, crop_points(whole, boxes))
        assert (found - whole).abs().amax() > 0.02


def test_a_whole_picture_is_no_crop():
    images, points = torch.rand(2, 3, 32, 32), torch.rand(2, 68, 3)
    whole = torch.tensor([[0.0, 0, 1, 1]] * 2)
    torch.testing.assert_close(crop_images(images, whole), images, rtol=0, atol=1e-5)
    torch.testing.assert_close(crop_points(points, whole), points)


def test_frames_of_one_person_are_paired_with_each_other():
    sampler, seen = FrameSampler(4, 6, seed=1), set()
    for step in range(30):
        batch = sampler.self_batch(step)
        assert (batch.source != batch.reference).all()
        assert np.array_equal(batch.target, batch.reference)
        assert np.array_equal(batch.source, FrameSampler(4, 6, seed=1).self_batch(step).source)
        seen |= set(zip(batch.source.tolist(), batch.reference.tolist()))
    assert seen == {(a, b) for a in range(4) for b in range(4) if a != b}


@pytest.mark.parametrize(
    ("localisation", "phase", "some"), [("known", "cross", True), ("self", "cross", False), ("self", "self", True)]
)
def test_equation_6_knows_the_truth_of_others_pairs_only_where_it_may(tmp_path, localisation, phase, some):
    settings = changed(idsg_settings(params_at(), phase), localisation=localisation)
    table = face_table(people=3, split="train")
    faces = FaceSet([prepare(tmp_path / "toy", table)], split="train")
    data = Data(settings, faces, PairSampler(faces.table, 8, 0), Team())
    net = Idsg(3, 8, "centred")
    (part,) = data.draw(0)
    pairs = data.pairs(net, part)
    assert bool(pairs.known.any()) == some
    assert part.known_share == max(1, int(pairs.known.sum()))
    if localisation == "known":
        assert torch.equal(pairs.known, torch.from_numpy(part.rows.target >= 0))


def test_codes_of_nobody_take_each_number_from_some_training_picture_and_a_team_draws_the_joint_batchs(tmp_path):
    settings = changed(idsg_settings(params_at(), "cross"), lambda_keep=1.0, kept="0")
    faces = FaceSet([prepare(tmp_path / "toy", face_table(people=3, split="train"))], split="train")
    sampler, net = PairSampler(faces.table, 8, 0), Idsg(3, 8, "centred")

    def codes(step, team):
        data = Data(settings, faces, sampler, team)
        return torch.cat([data.pairs(net, part).r_n for part in data.draw(step)]).numpy()

    whole = codes(0, Team())
    known = faces.codes[np.arange(len(faces))]
    for number in range(whole.shape[1]):
        assert set(whole[:, number].tolist()) <= set(known[:, number].tolist())
    people = {tuple(code) for code in known.tolist()}
    assert not people & {tuple(code) for code in whole.tolist()}
    assert np.array_equal(whole, codes(0, Team())) and not np.array_equal(whole, codes(1, Team()))
    assert np.array_equal(whole, np.concatenate([codes(0, Team(rank, 2)) for rank in range(2)]))
    np.testing.assert_allclose(Data(settings, faces, sampler, Team()).mean_code(), known.mean(0), rtol=1e-5)


@pytest.mark.parametrize("init", ["bundled", "scratch"])
@pytest.mark.parametrize("weight", [0, 2])
def test_only_a_bundled_start_is_kept(init, weight):
    values = values_at()
    values["scales"]["sample"]["idsg"] |= {"init": init, "lambda_keep": weight}
    for phase in ("self", "cross"):
        told = idsg_settings(validate(values, "params.yaml"), phase)
        kept = init == "bundled" and weight > 0
        assert told.lambda_keep == (weight if kept else 0)
        assert told.kept == (bundled_digest("idsg-synthface") if kept else None)


def test_a_kept_start_changes_less_for_codes_of_nobody(tmp_path):
    table, start = face_table(people=3, split="train"), load_idsg(bundled("idsg-synthface"))
    folder = prepare(tmp_path / "toy", table, codes=start.code)
    faces = FaceSet([folder], split="train")
    l_r = start.flat(torch.from_numpy(faces.points[np.arange(8)]))
    generator = torch.Generator().manual_seed(0)
    nobody = torch.nn.functional.normalize(torch.randn(8, start.code, generator=generator))

    def changed_by(weight):
        asked = changed(idsg_settings(params_at(), "self"), lambda_keep=weight, steps=30, lr=1e-3, ema=0.0)
        train_idsg(asked, [folder], tmp_path / f"{weight}.safetensors", None, tmp_path / f"state-{weight}")
        with torch.inference_mode():
            one = load_idsg(tmp_path / f"{weight}.safetensors")
            effects = [net(l_r, nobody) - net(l_r, nobody.roll(1, 0)) for net in (one, start)]
        return float((effects[0] - effects[1]).abs().sum(1).mean())

    assert changed_by(10.0) < 0.8 * changed_by(0.0)
    losses = pd.read_csv(tmp_path / "10.0.losses.csv")
    assert losses["keep"].iloc[0] < losses["keep"].max()
