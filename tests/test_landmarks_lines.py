"""The landmark map against drawings made another way, and the regions against face_alignment's own tables."""

import numpy as np
import pytest
import torch
from face_alignment.utils import shuffle_lr
from skimage.draw import line

from dg.landmarks.linemap import draw_lines, soft_lines
from dg.landmarks.regions import CHAINS, EDGES, LOOPS, MIRROR, VLS_REGIONS, vls_regions


@pytest.fixture
def face():
    """Two faces' worth of points, well inside the picture."""
    generator = torch.Generator().manual_seed(3)
    return 0.1 + 0.8 * torch.rand((2, 68, 3), generator=generator)


def _by_hand(points, size, reach, edges=EDGES):
    """Pixels within `reach` of a segment, found pixel by pixel in NumPy."""
    out = np.zeros((size, size), bool)
    for a, b in edges:
        p, q = points[a, :2] * size, points[b, :2] * size
        for row in range(size):
            for column in range(size):
                pixel = np.array([column + 0.5, row + 0.5])
                t = np.clip((pixel - p) @ (q - p) / ((q - p) @ (q - p)), 0, 1)
                out[row, column] |= np.linalg.norm(pixel - p - t * (q - p)) <= reach
    return out


def test_binary_map_equals_distances_taken_pixel_by_pixel(face):
    drawn = draw_lines(face[:1], 40, 20)  # width 20 at 256 is 3.125 px at 40
    assert drawn.shape == (1, 1, 40, 40)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    np.testing.assert_array_equal(drawn[0, 0].numpy().astype(bool), _by_hand(face[0].numpy(), 40, 3.125 / 2))


def test_map_covers_bresenham_lines_of_skimage(face):
    size = 256
    thick = draw_lines(face, size, 3).bool().numpy()
    for points, drawn in zip(face.numpy(), thick[:, 0]):
        ends = np.floor(points[:, :2] * size).astype(int)
        reference = np.zeros((size, size), bool)
        for a, b in EDGES:
            rows, columns = line(ends[a, 1], ends[a, 0], ends[b, 1], ends[b, 0])
            reference[rows, columns] = True
        assert drawn[reference].mean() > 0.99  # end points are rounded to pixels there
        assert 1.5 < drawn.sum() / reference.sum() < 4


def test_width_scales_with_the_map(face):
    areas = [float(draw_lines(face, size, 6).mean()) for size in (64, 128, 256)]
    assert max(areas) / min(areas) < 1.1


def test_soft_map_is_half_where_the_binary_one_ends(face):
    for width in (2, 5):
        hard, soft = draw_lines(face, 128, width).bool(), soft_lines(face, 128, width)
        assert torch.equal(soft >= 0.5 - 1e-5, hard)
        assert soft.max() <= 1


def test_soft_map_gradient_against_finite_differences(face):
    points = face[:1, :, :2].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda p: soft_lines(p, 12, 30)[:, :, ::3, ::3], (points,), eps=1e-7, atol=1e-4)


def test_gradient_and_value_do_not_depend_on_each_other(face):
    points = face.clone().requires_grad_()
    torch.testing.assert_close(soft_lines(points, 64, 4).detach(), soft_lines(face, 64, 4), atol=1e-5, rtol=0)


def test_hidden_ends_remove_their_edges(face):
    visible = torch.ones(2, 68, dtype=torch.bool)
    visible[0, 30] = False  # end of the bridge: one edge, 29-30
    kept = [edge for edge in EDGES if 30 not in edge]
    assert len(kept) == len(EDGES) - 1
    drawn = draw_lines(face, 40, 20, visible)
    np.testing.assert_array_equal(drawn[0, 0].numpy().astype(bool), _by_hand(face[0].numpy(), 40, 3.125 / 2, kept))
    torch.testing.assert_close(drawn[1], draw_lines(face, 40, 20)[1])
    assert soft_lines(face.requires_grad_(), 40, 20, torch.zeros_like(visible)).abs().max() == 0


def test_coinciding_points_draw_a_dot_and_give_finite_gradients():
    points = torch.full((1, 68, 2), 0.5, requires_grad=True)
    soft = soft_lines(points, 32, 16)
    soft.sum().backward()
    assert torch.isfinite(points.grad).all()
    assert draw_lines(points, 32, 16).sum() == 4


def test_regions_are_the_papers():
    assert list(VLS_REGIONS) == ["left_eye", "right_eye", "nose", "mouth", "contour"]
    assert [len(region) for region in VLS_REGIONS.values()] == [6, 6, 9, 20, 17]
    drawn = {k for edge in EDGES for k in edge}
    assert drawn == set(range(68))
    assert len(EDGES) == sum(len(c) - 1 for c in CHAINS.values()) + sum(len(c) for c in LOOPS.values())


def test_mirror_is_face_alignments():
    numbers = torch.arange(68).view(1, 68, 1)
    assert shuffle_lr(numbers.view(68, 1, 1)).flatten().tolist() == list(MIRROR)
    assert [MIRROR[k] for k in MIRROR] == list(range(68))


def test_the_releases_regions_hold_the_brows_and_both_eyes_as_one():
    released, paper = vls_regions("released"), vls_regions("paper")
    assert paper == VLS_REGIONS
    assert len(released) == len(paper) == 5
    assert sorted(p for points in released.values() for p in points) == list(range(68))
    assert set(released["eyes"]) == {*paper["left_eye"], *paper["right_eye"]}
    assert set(released["brows"]) == set(range(17, 27))
    assert all(released[name] == paper[name] for name in ("nose", "mouth", "contour"))
