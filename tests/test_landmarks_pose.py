"""Head pose against SciPy and against SynthFace's truth."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from dg.landmarks.pose import face_model, fit_pose
from dg.pretraining.face_model import rotations
from tests.synthface_truth import truths


@pytest.fixture(scope="module")
def people(head):
    return truths(head, [-80, -45, -15, 0, 20, 50, 75], range(900, 905))


def _laid(pose, shift=(0.4, 0.6), scale=0.2):
    """The mean face itself, turned, scaled and shifted: crop coordinates (N, 68, 3)."""
    turned = face_model().mean @ rotations(torch.tensor(pose, dtype=torch.float64)).transpose(1, 2) * scale
    return turned * torch.tensor([1.0, -1, 1]).double() + torch.tensor([*shift, 0.5]).double()


def test_pose_of_the_mean_face_is_found_exactly():
    truth = [[0.0, 0, 0], [30, 0, 0], [-70, 12, -8], [85, -20, 15]]
    pose, _ = fit_pose(_laid(truth))
    expected = torch.tensor([[*p, 0.4, 0.6, 0.2] for p in truth], dtype=torch.float64)
    torch.testing.assert_close(pose, expected, atol=1e-3, rtol=0)


def test_rotation_equals_scipys_best_alignment():
    noisy = _laid([[40.0, -10, 5]]) + 0.01 * torch.randn(1, 68, 3, generator=torch.Generator().manual_seed(0))
    _, rotation = fit_pose(noisy)
    model = face_model()
    camera = (noisy[0].numpy() * [1, -1, 1]).copy()
    camera -= (camera * model.weight.numpy()[:, None]).sum(0)
    best, _ = Rotation.align_vectors(camera, model.mean.numpy(), weights=model.weight.numpy())
    np.testing.assert_allclose(rotation[0].numpy(), best.as_matrix(), atol=1e-6)


def test_signs_turning_right_in_the_image_is_positive_yaw():
    nose, ears = 30, [0, 16]
    right, up, clockwise = _laid([[40.0, 0, 0], [0, 20, 0], [0, 0, 20]])
    assert right[nose, 0] > right[ears, 0].mean()
    assert up[nose, 1] < _laid([[0.0, 0, 0]])[0, nose, 1]  # y points down
    assert clockwise[27, 0] > clockwise[8, 0]  # the bridge leans to the image's right of the chin


def test_pose_of_unseen_people(people):
    points, _, truth = people
    error = (fit_pose(points)[0][:, :3] - truth).abs()
    assert error.mean(0).max() < 5
    assert error[:, 0].max() < 10


def test_weights_sum_to_one():
    model = face_model()
    assert abs(float(model.weight.sum()) - 1) < 1e-3
    assert (model.mean[30] - model.mean[27])[2] > 0  # the nose tip is nearer than the bridge
