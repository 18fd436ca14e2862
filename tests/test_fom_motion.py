"""First-order motion: each equation against plain NumPy, exact cases, and gradients against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from dg.fom import motion
from dg.fom.losses import jacobian_equivariance, perceptual_loss, place_equivariance
from dg.fom.motion import KeyPoints
from dg.fom.transform import AFFINE, SPLINE, Transform, draw_transform

H, W = 5, 7
X, Y = np.linspace(-1, 1, W), np.linspace(-1, 1, H)


def points(seed, batch=2, count=3, dtype=torch.float32):
    rng = np.random.default_rng(seed)
    places = rng.uniform(-0.8, 0.8, (batch, count, 2))
    jacobians = np.eye(2) + rng.normal(0, 0.3, (batch, count, 2, 2))
    return KeyPoints(torch.tensor(places, dtype=dtype), torch.tensor(jacobians, dtype=dtype))


def pixels():
    """Row, column and place (x, y) of each pixel."""
    return [(i, j, np.array([X[j], Y[i]])) for i in range(H) for j in range(W)]


def close(found, wanted, atol=1e-5):
    np.testing.assert_allclose(found.numpy(), wanted, atol=atol, rtol=1e-5)


def test_the_expected_place_is_the_mean_under_the_heat_map():
    heat = np.random.default_rng(0).random((2, 3, H, W))
    heat /= heat.sum((2, 3), keepdims=True)
    wanted = np.zeros((2, 3, 2))
    for i, j, z in pixels():
        wanted += heat[:, :, i, j, None] * z
    close(motion.expected_place(torch.tensor(heat)), wanted)


def test_heat_maps_eq_6():
    driving, source = points(1), points(2)
    found = motion.heat_maps(driving, source, H, W)
    wanted = np.zeros((2, 4, H, W))
    for b in range(2):
        for k in range(3):
            for i, j, z in pixels():
                ends = [np.exp(-((z - p.places[b, k].numpy()) ** 2).sum() / 2 / 0.01) for p in (driving, source)]
                wanted[b, 1 + k, i, j] = ends[0] - ends[1]
    close(found, wanted)
    assert np.abs(wanted).max() > 0.1 and not found[:, 0].any()


def test_sparse_motions_eqs_4_and_5():
    driving, source = points(1), points(2)
    found = motion.sparse_motions(driving, source, H, W)
    wanted = np.zeros((2, 4, H, W, 2))
    for b in range(2):
        for i, j, z in pixels():
            wanted[b, 0, i, j] = z
            for k in range(3):
                J = source.jacobians[b, k].numpy() @ np.linalg.inv(driving.jacobians[b, k].numpy())
                wanted[b, 1 + k, i, j] = source.places[b, k].numpy() + J @ (z - driving.places[b, k].numpy())
    close(found, wanted)


def test_flow_eq_7():
    motions = motion.sparse_motions(points(1), points(2), H, W)
    masks = torch.softmax(torch.randn(2, 4, H, W, generator=torch.Generator().manual_seed(0)), 1)
    wanted = np.zeros((2, H, W, 2))
    for k in range(4):
        wanted += masks[:, k].numpy()[..., None] * motions[:, k].numpy()
    close(motion.flow(masks, motions), wanted)


def test_warp_is_bilinear_and_black_outside():
    rng = np.random.default_rng(0)
    image, places = rng.random((H, W)), rng.uniform(-1.4, 1.4, (40, 2))
    framed = np.pad(image, 1)
    wanted = []
    for x, y in places:
        column, row = (x + 1) / 2 * (W - 1) + 1, (y + 1) / 2 * (H - 1) + 1
        value = 0.0
        for i in (int(np.floor(row)), int(np.floor(row)) + 1):
            for j in (int(np.floor(column)), int(np.floor(column)) + 1):
                inside = 0 <= i < H + 2 and 0 <= j < W + 2
                value += (1 - abs(row - i)) * (1 - abs(column - j)) * (framed[i, j] if inside else 0)
        wanted.append(value)
    found = motion.warp(torch.tensor(image)[None, None], torch.tensor(places)[None, None])
    close(found[0, 0, 0], wanted)


def test_nothing_moves_where_source_and_driving_picture_are_the_same():
    same = points(3)
    z = motion.grid(H, W, same.places)
    motions = motion.sparse_motions(same, same, H, W)
    torch.testing.assert_close(motions, z.expand(2, 4, -1, -1, -1), atol=1e-6, rtol=0)
    assert not motion.heat_maps(same, same, H, W).any()
    image = torch.rand(2, 3, H, W, generator=torch.Generator().manual_seed(0))
    still = motion.flow(torch.full((2, 4, H, W), 0.25), motions)
    torch.testing.assert_close(motion.warp(image, still), image, atol=1e-5, rtol=0)
    larger = motion.resized(still.permute(0, 3, 1, 2), 20, 28).permute(0, 2, 3, 1)
    torch.testing.assert_close(larger, motion.grid(20, 28, z).expand(2, -1, -1, -1), atol=1e-6, rtol=0)


def test_one_affine_motion_of_all_points_is_found_exactly():
    """Points that moved by T_S<-D(z) = A z + b with J_s = A J_d: each point's motion is that map, everywhere."""
    driving = points(4)
    A, b = torch.tensor([[0.9, 0.2], [-0.1, 1.1]]), torch.tensor([0.05, -0.1])
    source = KeyPoints(driving.places @ A.T + b, A @ driving.jacobians)
    motions = motion.sparse_motions(driving, source, H, W)
    wanted = motion.grid(H, W, A) @ A.T + b
    torch.testing.assert_close(motions[:, 1:], wanted.expand(2, 3, -1, -1, -1), atol=1e-5, rtol=0)


def test_the_area_of_a_hull():
    square = torch.tensor([[[0.0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0.4]]])
    assert motion.hull_area(torch.cat([square, 2 * square])).tolist() == pytest.approx([1, 4])


def test_relative_motion_by_hand():
    source, first, driving = points(1), points(2), points(3)
    small = first._replace(places=source.places / 2)  # the same face at half the size
    found = motion.relative(source, driving, small)
    for b in range(2):
        for k in range(3):
            moved = driving.places[b, k].numpy() - small.places[b, k].numpy()
            close(found.places[b, k], source.places[b, k].numpy() + 2 * moved)
            turned = driving.jacobians[b, k].numpy() @ np.linalg.inv(small.jacobians[b, k].numpy())
            close(found.jacobians[b, k], turned @ source.jacobians[b, k].numpy())


def test_relative_motion_starts_at_the_source():
    source, first = points(1), points(2)
    found = motion.relative(source, first, first)
    for a, b in zip(found, source):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)


def transform(batch=2, spline=True, seed=5):
    drawn = draw_transform(np.random.default_rng(seed), batch, torch.device("cpu"))
    return drawn if spline else drawn._replace(weights=torch.zeros_like(drawn.weights))


def test_a_transform_by_hand():
    T, p = transform(), points(1).places
    for b in range(2):
        for n in range(3):
            z = p[b, n].numpy().astype(float)
            wanted = T.affine[b].numpy() @ [*z, 1]
            for c, w in zip(T.controls.numpy(), T.weights[b].numpy()):
                r = np.linalg.norm(z - c)
                wanted = wanted + w * r**2 * np.log(r**2)
            close(T.places(p)[b, n], wanted)


def test_a_transforms_jacobian_is_its_derivative():
    T, p = transform(), points(1).places
    found = T.jacobians(p)
    whole = torch.autograd.functional.jacobian(T.places, p)
    for b in range(2):
        for n in range(3):
            torch.testing.assert_close(found[b, n], whole[b, n, :, b, n], atol=1e-5, rtol=1e-4)
    assert T.places(T.controls.expand(2, -1, -1)).isfinite().all()
    assert T.jacobians(T.controls.expand(2, -1, -1)).isfinite().all()


def test_transforms_are_drawn_as_published():
    T = transform(4000)
    offsets = T.affine - torch.eye(2, 3)
    assert offsets.std().item() == pytest.approx(AFFINE, rel=0.05) and abs(offsets.mean()) < 0.002
    assert T.weights.std().item() == pytest.approx(SPLINE, rel=0.05) and len(T.controls) == 25
    assert T.controls.amin() == -1 and T.controls.amax() == 1


def test_a_deformed_picture_shows_at_z_what_was_at_its_place():
    shift = torch.tensor([[[1.0, 0, 2 / (W - 1)], [0, 1, 0]]])  # one pixel to the right
    T = Transform(shift, torch.zeros(1, 25, 2), transform().controls)
    image = torch.rand(1, 3, H, W, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(T.images(image)[..., :-1], image[..., 1:], atol=1e-5, rtol=0)


@pytest.mark.parametrize("spline", [False, True])
def test_a_perfect_detector_loses_nothing(spline):
    """p = T(p') and J = T'(p') J': with an affine map, and with a spline, whose place p is computed from p'."""
    T, moved = transform(spline=spline), points(6)
    found = KeyPoints(T.places(moved.places), T.jacobians(moved.places) @ moved.jacobians)
    assert place_equivariance(found, moved, T) < 1e-6 and jacobian_equivariance(found, moved, T) < 1e-5


def test_equivariance_on_an_exact_affine_map():
    """The points of z -> picture(A z + b), taken back by hand: p' = A^-1 (p - b), J' = A^-1 J."""
    T, found = transform(spline=False), points(6)
    A, b = T.affine[..., :2], T.affine[..., 2]
    back = torch.linalg.inv(A)
    moved = KeyPoints((found.places - b[:, None]) @ back.mT, back[:, None] @ found.jacobians)
    assert place_equivariance(found, moved, T) < 1e-6 and jacobian_equivariance(found, moved, T) < 1e-5
    assert place_equivariance(found, found, T) > 1e-2 and jacobian_equivariance(found, found, T) > 1e-2


def test_the_equivariance_losses_by_hand():
    T, found, moved = transform(), points(6), points(7)
    places, jacobians = T.places(moved.places).numpy(), T.jacobians(moved.places).numpy()
    away, twist = [], []
    for b in range(2):
        for k in range(3):
            away += list(np.abs(found.places[b, k].numpy() - places[b, k]))
            turned = np.linalg.inv(found.jacobians[b, k].numpy()) @ jacobians[b, k] @ moved.jacobians[b, k].numpy()
            twist += list(np.abs(np.eye(2) - turned).ravel())
    assert place_equivariance(found, moved, T).item() == pytest.approx(np.mean(away), rel=1e-5)
    assert jacobian_equivariance(found, moved, T).item() == pytest.approx(np.mean(twist), rel=1e-4)


def test_the_perceptual_loss_by_hand():
    rng = np.random.default_rng(0)
    made, wanted = ([rng.random(shape) for shape in ((2, 3, 4, 4), (2, 5, 2, 2))] for _ in range(2))
    tensors = [torch.tensor(a, requires_grad=True) for a in (*made, *wanted)]
    loss = perceptual_loss(tensors[:2], tensors[2:])
    assert loss.item() == pytest.approx(sum(np.abs(a - b).mean() for a, b in zip(made, wanted)))
    loss.backward()
    assert all(tensor.grad is not None for tensor in tensors[:2]) and not any(t.grad is not None for t in tensors[2:])


def test_the_gradients_of_the_motion():
    ends = [tensor.requires_grad_() for seed in (1, 2) for tensor in points(seed, dtype=torch.double)]
    image = torch.rand(2, 1, H, W, dtype=torch.double, generator=torch.Generator().manual_seed(0), requires_grad=True)
    masks = torch.randn(2, 4, H, W, dtype=torch.double, generator=torch.Generator().manual_seed(1), requires_grad=True)

    def moved(p_d, J_d, p_s, J_s, image, masks):
        driving, source = KeyPoints(p_d, J_d), KeyPoints(p_s, J_s)
        places = motion.flow(torch.softmax(masks, 1), motion.sparse_motions(driving, source, H, W))
        return motion.warp(image, places), motion.heat_maps(driving, source, H, W)

    assert gradcheck(moved, (*ends, image, masks))


@pytest.mark.parametrize("loss", [place_equivariance, jacobian_equivariance])
def test_the_gradients_of_the_equivariance(loss):
    T = Transform(*(part.double() for part in transform()))
    ends = [tensor.requires_grad_() for seed in (6, 7) for tensor in points(seed, dtype=torch.double)]

    def lost(p, J, p_moved, J_moved):
        return loss(KeyPoints(p, J), KeyPoints(p_moved, J_moved), T)

    assert gradcheck(lost, ends)
