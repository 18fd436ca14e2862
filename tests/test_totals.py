"""What the optimisers minimise, eqs. (7) and (15) and the judges' totals: each term again by hand."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import softplus

from dg.idsg import objectives as idsg_objectives
from dg.idsg.networks import Idsg
from dg.landmarks.linemap import soft_lines
from dg.rfg import objectives as rfg_objectives
from dg.training.step import weighted
from tests.test_objectives import CPU, SIZE, B, centred, idsg_parts, rfg_parts
from tests.training_driver import Encoder, Landmarks

# No two alike, so that weights that change places change the total.
IDSG = {"lambda_l": 0.3, "lambda_c": 0.7, "lambda_vls": 11.0, "lambda_a": 1.9, "sigma": [0.1, 0.2, 0.3, 0.4, 0.5]}
RFG = {
    "lambda_adv": 0.8,
    "lambda_at": 7.0,
    "lambda_id": 3.0,
    "lambda_st": 1.7,
    "lambda_lm": 5.0,
    "lambda_ds": 0.6,
    "line_width": 16.0,
}
R1 = 0.9
REGIONS = (range(36, 42), range(42, 48), range(27, 36), range(48, 68), range(17))


@pytest.fixture(autouse=True)
def _float32(monkeypatch):
    monkeypatch.setattr("dg.precision.has_bfloat16", lambda _: False)


def same(found, by_hand, *nets):
    """Equal totals and equal gradients to all weights of `nets`."""
    assert found.item() == pytest.approx(by_hand.item(), rel=1e-5)
    weights = [p for net in nets for p in net.parameters()]
    gradients = (torch.autograd.grad(total, weights) for total in (found, by_hand))
    one, other = (torch.cat([gradient.flatten() for gradient in each]) for each in gradients)
    # Before a norm a bias has no gradient but rounding's: held to the largest one.
    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5 * float(other.abs().max()))


def judged(net, real, fake, r1):
    """-E log D(real) - E log[1 - D(fake)] + r1 / 2 E|grad D(real)|^2."""
    real = real.detach().clone().requires_grad_(True)
    logits = net(real)
    (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
    penalty = sum((gradient[k] ** 2).sum() for k in range(B)) / B
    return softplus(-logits).mean() + softplus(net(fake.detach())).mean() + r1 / 2 * penalty


def shape_loss(l_r, lhat_r, lhat_t, visible, compared):
    """Eq. (3), pair by pair and region by region."""
    total = 0.0
    for b in torch.nonzero(compared).flatten():
        for margin, region in zip(IDSG["sigma"], REGIONS):
            seen = [point for point in region if visible[b, point]]
            to_r = sum((l_r[b, point] - lhat_r[b, point]).abs().sum() for point in seen)
            to_t = sum((l_r[b, point] - lhat_t[b, point]).abs().sum() for point in seen)
            total = total + torch.relu(to_r - to_t + margin)
    return total / compared.sum()


def test_equation_7():
    s, net, judge, classifier, p = idsg_parts(**IDSG)
    terms, made = idsg_objectives.GeneratorLosses(s, net, judge, classifier)(p)
    R_l = net.landmark_decoder

    def E_l(points):
        return net.landmark_encoder(centred(points))

    gamma = E_l(p.l_r)
    lhat_t, lhat_r = (R_l(torch.cat([gamma, code], 1)) for code in (p.r_s, p.r_r))
    to_truth = (lhat_t - p.l_t).abs().sum(1)
    L_l = (lhat_r - p.l_r).abs().sum() / B + (to_truth[0] + to_truth[2]) / 2
    L_a = (E_l(lhat_t) - gamma).abs().mean()
    L_c = -classifier(centred(lhat_t)).log_softmax(1)[torch.arange(B), p.s_s].mean()
    L_vls = shape_loss(*(x.reshape(B, 68, 3) for x in (p.l_r, lhat_r, lhat_t)), p.visible, p.compared)
    total = softplus(-judge(centred(lhat_t))).mean() + 0.3 * L_l + 0.7 * L_c + 11 * L_vls + 1.9 * L_a
    assert L_vls > 0.1
    torch.testing.assert_close(made, lhat_t.detach())
    same(weighted(terms), total, net)


def test_what_a_code_of_nobody_does_is_held_to_the_start():
    s, net, judge, classifier, p = idsg_parts(**IDSG, lambda_keep=2.5, kept="0")
    start, mean = Idsg(3, 6, "centred").requires_grad_(False), torch.randn(6)
    p = replace(p, r_n=torch.randn(B, 6))
    terms, _ = idsg_objectives.GeneratorLosses(s, net, judge, classifier, idsg_objectives.Start(start, mean))(p)

    def changed_by_code(one):
        return one(p.l_r, p.r_n) - one(p.l_r, mean.repeat(B, 1))

    want = (changed_by_code(net) - changed_by_code(start)).abs().sum() / B
    assert want > 0.1
    same(weighted({"keep": terms["keep"]}), 2.5 * want, net)
    alone = idsg_objectives.GeneratorLosses(s, start, judge, classifier, idsg_objectives.Start(start, mean))(p)[0]
    assert alone["keep"][1] == 0


@pytest.mark.parametrize("r1", [0, R1])
def test_the_total_of_the_idsgs_judges(r1):
    s, net, judge, classifier, p = idsg_parts(**IDSG, r1=r1)
    fake = torch.rand(B, 204, generator=torch.Generator().manual_seed(3))
    terms = idsg_objectives.JudgeLosses(s, net, judge, classifier)(p, fake)
    L_c = -classifier(centred(p.l_r)).log_softmax(1)[torch.arange(B), p.s_r].mean()
    same(weighted(terms), judged(judge, centred(p.l_r), centred(fake), r1) + L_c, judge, classifier)


def painted_by_hand(nets, p):
    style = nets["rfg"].style_encoder(p.source)
    return nets["rfg"].generator(nets["rfg"].maps(p.l_t), style), style


def lines(points):
    return soft_lines(points[..., :2], SIZE, RFG["line_width"])


def test_equation_15(monkeypatch):
    s, nets, p = rfg_parts(monkeypatch, **RFG)
    terms, made = rfg_objectives.GeneratorLosses(s, nets, CPU)(p)
    painted, style = painted_by_hand(nets, p)
    found, E_f = Landmarks().soft(painted, None), Encoder()
    off = (painted - p.truth).abs().flatten(1).mean(1)
    code_t, code_s = E_f(painted, p.l_t), E_f(p.source, p.source_points)
    cosine = (code_t * code_s).sum(1) / code_t.norm(dim=1) / code_s.norm(dim=1)
    L_at, L_id = (off[0] + off[2]) / 2, 1 - cosine.mean()
    L_st = (nets["rfg"].style_encoder(painted) - style).abs().mean()
    L_lm = (found - p.l_t[..., :2]).abs().mean()
    L_f = softplus(-nets["face_discriminator"](painted)).mean()
    L_s = softplus(-nets["shape_discriminator"](lines(found))).mean()
    same(weighted(terms), 0.8 * L_f + 0.6 * L_s + 7 * L_at + 3 * L_id + 1.7 * L_st + 5 * L_lm, nets["rfg"])
    torch.testing.assert_close(made.faces, painted.detach())


@pytest.mark.parametrize("due", [False, True])
def test_the_total_of_the_rfgs_judges(monkeypatch, due):
    s, nets, p = rfg_parts(monkeypatch, regularise=due, **RFG, r1=R1)
    painted, _ = painted_by_hand(nets, p)
    found = Landmarks().soft(painted, None)
    made = rfg_objectives.Painted(painted.detach(), lines(found).detach())
    terms = rfg_objectives.JudgeLosses(s, nets, CPU)(p, made)
    r1 = 8 * R1 * due  # each 8th step, with 8-fold weight
    D_f, D_s = nets["face_discriminator"], nets["shape_discriminator"]
    total = judged(D_f, p.truth, painted, r1) + judged(D_s, lines(p.truth_points), lines(found), r1)
    same(weighted(terms), total, D_f, D_s)
