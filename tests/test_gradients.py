"""Gradients of every loss against finite differences, and the losses in their limiting cases."""

import math

import pytest
import torch

from dg.idsg.losses import action_loss, localisation_loss, subject_class_loss, vls_loss
from dg.rfg.losses import attribute_loss, identity_loss, landmark_loss, style_loss
from dg.training.gan import discriminator_loss, generator_loss, r1_penalty

SIGMA = torch.tensor((0.05, 0.05, 0.1, 0.05, 0.2)).double()
FORMS = ("non_saturating", "saturating", "hinge")
EVERY = torch.ones(3, dtype=torch.bool)


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def same_gradient(loss, *inputs):
    """The gradient to each input; |x| and max(0, x) are differentiable almost everywhere, so also at random points."""
    inputs = [tensor.clone().requires_grad_(True) for tensor in inputs]
    return torch.autograd.gradcheck(loss, inputs, eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("form", ["hinge", "abs", "raw"])
def test_equation_3(form):
    l_r = random(3, 68, 3)
    visible = random(3, 68, seed=1) < 0.6
    # Two pairs near l_r, so that the hinge is open, and one where it is shut in some regions.
    near, far = (l_r + scale * (random(3, 68, 3, seed=seed) - 0.5) for scale, seed in ((0.02, 2), (0.02, 3)))

    def loss(lhat_r, lhat_t):
        return vls_loss(l_r, lhat_r, lhat_t, visible, SIGMA, form, torch.tensor([True, False, True]))

    assert same_gradient(loss, near, far)


def test_equation_4():
    assert same_gradient(action_loss, random(3, 9), random(3, 9, seed=1))


def test_equation_5():
    subjects = torch.tensor([0, 2, 1])
    assert same_gradient(lambda logits: subject_class_loss(logits, subjects), random(3, 4))


def test_equation_6():
    l_r, l_t = random(3, 9), random(3, 9, seed=1)
    known = torch.tensor([True, False, True])

    def loss(lhat_r, lhat_t):
        return localisation_loss(lhat_r, l_r, lhat_t, l_t, known)

    assert same_gradient(loss, random(3, 9, seed=2), random(3, 9, seed=3))


@pytest.mark.parametrize("form", FORMS)
def test_equations_1_2_and_8_to_10(form):
    assert same_gradient(lambda fake: generator_loss(fake, form), 3 * random(4, 1) - 1.5)
    judge = lambda real, fake: discriminator_loss(real, fake, form)  # noqa: E731
    assert same_gradient(judge, 3 * random(4, 1) - 1.5, 3 * random(4, 1, seed=1) - 1.5)


def test_r1():
    inputs = random(3, 4).requires_grad_(True)

    def loss(weight):
        return r1_penalty(torch.tanh(inputs @ weight).square(), inputs).double()

    # r1_penalty squares in float32, so the step is larger and the tolerance wider.
    weight = random(4, 1, seed=1).requires_grad_(True)
    assert torch.autograd.gradcheck(loss, weight, eps=1e-2, atol=1e-2, rtol=1e-2)


def test_equation_11():
    truth = random(3, 3, 4, 4)
    known = torch.tensor([True, False, True])
    assert same_gradient(lambda painted: attribute_loss(painted, truth, known), random(3, 3, 4, 4, seed=1))


def test_equation_12():
    source = random(3, 8) - 0.5
    assert same_gradient(lambda code: identity_loss(code, source), random(3, 8, seed=1) - 0.5)


def test_equation_13_sends_a_gradient_through_both_codes():
    assert same_gradient(style_loss, random(3, 8), random(3, 8, seed=1))


def test_equation_14():
    wanted = random(3, 68, 2)
    assert same_gradient(lambda found: landmark_loss(found, wanted), random(3, 68, 2, seed=1))


def test_identical_faces_cost_nothing_but_the_margins():
    l, image = random(3, 68, 3), random(3, 3, 4, 4)  # noqa: E741
    flat, visible = l.flatten(1), torch.ones(3, 68, dtype=torch.bool)
    assert vls_loss(l, l, l, visible, SIGMA, "hinge", EVERY).item() == pytest.approx(SIGMA.sum().item())
    assert action_loss(flat, flat).item() == 0
    assert localisation_loss(flat, flat, flat, flat, EVERY).item() == 0
    assert attribute_loss(image, image, EVERY).item() == 0
    assert identity_loss(flat, flat).item() == pytest.approx(0, abs=1e-9)
    assert style_loss(flat, flat).item() == 0
    assert landmark_loss(l[..., :2], l[..., :2]).item() == 0


def test_a_region_without_a_visible_point_adds_nothing_not_even_its_margin():
    l_r, lhat_r, lhat_t = (random(3, 68, 3, seed=k) for k in range(3))
    visible = torch.ones(3, 68, dtype=torch.bool)
    whole = vls_loss(l_r, lhat_r, lhat_t, visible, SIGMA, "raw", EVERY)
    visible[:, 36:42] = False
    eye = (l_r - lhat_r)[:, 36:42].abs().sum((1, 2)) - (l_r - lhat_t)[:, 36:42].abs().sum((1, 2)) + SIGMA[0]
    without = vls_loss(l_r, lhat_r, lhat_t, visible, SIGMA, "raw", EVERY)
    assert (whole - without).item() == pytest.approx(eye.mean().item())


def test_one_subject():
    """One subject alone: no pair counts in eq. (3), and C_l has nothing to tell apart."""
    l_r, lhat_r, lhat_t = (random(3, 68, 3, seed=k) for k in range(3))
    visible = torch.ones(3, 68, dtype=torch.bool)
    assert vls_loss(l_r, lhat_r, lhat_t, visible, SIGMA, "hinge", ~EVERY).item() == 0
    assert subject_class_loss(random(3, 1), torch.zeros(3, dtype=torch.long)).item() == 0


def test_a_judge_that_knows_nothing_costs_log_2_per_side():
    zero = torch.zeros(4, 1)
    assert generator_loss(zero, "non_saturating").item() == pytest.approx(math.log(2))
    assert discriminator_loss(zero, zero, "non_saturating").item() == pytest.approx(2 * math.log(2))
