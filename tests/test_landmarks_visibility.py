"""Visibility read off the points against SynthFace's rays."""

import pytest
import torch

from dg.landmarks.regions import MIRROR
from dg.landmarks.visibility import visible_points
from dg.pretraining.landmark_accuracy import REGIONS, agreement
from dg.pretraining.points import disturbed
from tests.synthface_truth import truths


@pytest.fixture(scope="module")
def people(head):
    return truths(head, [-85, -65, -45, -30, -15, 0, 10, 20, 35, 50, 75], range(900, 912))


def test_unseen_people_agree_with_rays_at_every_yaw(people):
    points, visible, pose = people
    table = agreement(visible_points(points), visible, pose[:, 0])["all"]
    assert set(table) == {"0-15", "15-30", "30-60", "60-95", "all"}
    assert min(table.values()) >= 0.95


def test_profiles_show_one_side(people):
    points, _, pose = people
    profile = pose[:, 0] > 70
    # The inner corner and the far lid of the eye turned away, the cheek on the far side: plainly hidden, plainly seen.
    assert not visible_points(points)[profile][:, [45, 16, 15]].any()
    assert visible_points(points)[profile][:, [36, 1, 17]].float().mean() > 0.9


def test_place_size_and_depth_do_not_matter(people):
    points = people[0]
    moved = points * torch.tensor([0.5, 0.5, 3.0]) + 0.2
    assert (visible_points(moved) == visible_points(points)).float().mean() > 0.999


def test_mirrored_faces_are_seen_mirrored(people):
    points = people[0]
    mirrored = points[:, list(MIRROR)] * torch.tensor([-1.0, 1, 1]) + torch.tensor([1.0, 0, 0])
    same = visible_points(mirrored) == visible_points(points)[:, list(MIRROR)]
    assert same.float().mean() > 0.97


def test_agreement_counts_by_hand():
    truth = torch.zeros(4, 68, dtype=torch.bool)
    found = truth.clone()
    found[0, list(REGIONS["brows"])] = True  # ten of 68 wrong on the only picture under 15 degrees
    table = agreement(found, truth, torch.tensor([-5.0, 20, -70, 80]))
    assert table["brows"]["0-15"] == 0
    assert table["all"]["0-15"] == pytest.approx(58 / 68, abs=1e-4)
    assert table["all"]["all"] == pytest.approx(1 - 10 / (4 * 68), abs=1e-4)
    assert table["mouth"]["60-95"] == 1


def test_disturbed_faces_keep_who_is_seen():
    points = torch.zeros(64, 68, 2)
    points[:, 0], points[:, 16] = torch.tensor([-0.3, 0.0]), torch.tensor([0.3, 0.0])
    visible = torch.zeros(64, 68, dtype=torch.bool)
    visible[:, 0] = True
    moved, seen = disturbed(points, visible, 0.0, torch.Generator().manual_seed(0))
    # The one seen end of the jaw stays the seen one: on the left as it was, or mirrored, on the right.
    flipped = seen[:, 16].bool()
    assert 16 < flipped.sum() < 48
    assert (seen[:, 0].bool() == ~flipped).all()
    torch.testing.assert_close((moved[:, 0] - moved[:, 16]).norm(dim=1), torch.full((64,), 0.6))
    assert (moved[:, 0, 0] < 0).all()
