"""The two generators' objectives: every option does what it says, every loss is float32, compiling changes nothing."""

import shutil
import subprocess
import sys
import sysconfig
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dg.errors import DgError
from dg.idsg import objectives as idsg_objectives
from dg.idsg.networks import Idsg, landmark_discriminator, subject_classifier
from dg.precision import autocast
from dg.rfg import objectives as rfg_objectives
from dg.rfg.model import Rfg
from dg.rfg.networks import Trunk
from dg.steps.registry import step_settings
from dg.training.compiling import compile_networks, twice_differentiable
from dg.training.gan import discriminator_loss, generator_loss, r1_penalty
from tests.scales import params_at
from tests.told import changed
from tests.training_driver import Encoder, Landmarks

SIZE, B = 32, 3
CPU = torch.device("cpu")


def idsg_parts(**chosen):
    """Settings, the IDSG, its judges and a batch."""
    s = changed(step_settings(params_at(), "idsg", phase="cross"), **{"lambda_keep": 0.0, "kept": None, **chosen})
    torch.manual_seed(0)
    net, judge, classifier = Idsg(3, 6, "centred"), landmark_discriminator(3), subject_classifier(3, 4)
    l_r, l_t = torch.rand(B, 204), torch.rand(B, 204)
    pairs = idsg_objectives.Pairs(
        l_r=l_r, l_t=l_t, visible=torch.rand(B, 68) < 0.7, r_s=torch.randn(B, 6), r_r=torch.randn(B, 6), r_n=None,
        s_s=torch.tensor([0, 1, 2]), s_r=torch.tensor([1, 1, 3]), known=torch.tensor([True, False, True]),
        compared=torch.tensor([True, False, True]), known_share=2.0, compared_share=2.0, vls=True,
    )  # fmt: skip
    return s, net, judge, classifier, pairs


def centred(flat):
    """What the networks see of landmarks (B, 204): SynthFace's mean taken off, divided by their spread."""
    return ((flat.unflatten(1, (68, 3)) - torch.tensor([0.5, 0.6, 0.5])) / 0.16).flatten(1)


def idsg_losses(**chosen):
    """Losses of the IDSG's generator and judges, and what they were computed from."""
    s, net, judge, classifier, pairs = idsg_parts(**chosen)
    terms, lhat_t = idsg_objectives.GeneratorLosses(s, net, judge, classifier)(pairs)
    judged = idsg_objectives.JudgeLosses(s, net, judge, classifier)(pairs, lhat_t)
    return {k: v for k, (_, v) in (terms | judged).items()}, net, classifier, pairs


def test_equation_4_on_generated_or_on_reconstructed_landmarks():
    for action, code in (("generated", "r_s"), ("reconstructed", "r_r")):
        losses, net, _, pairs = idsg_losses(action=action)
        gamma = net.landmark_encoder(centred(pairs.l_r))
        again = net.landmark_encoder(centred(net.decode(gamma, getattr(pairs, code))))
        assert losses["a"].item() == pytest.approx((again - gamma).abs().mean().item(), rel=1e-5)
    assert losses["a"].item() != pytest.approx(idsg_losses(action="generated")[0]["a"].item(), rel=1e-3)


def test_a_sigmoid_before_equation_5_where_it_is_asked_for():
    for squash in (False, True):
        losses, net, classifier, pairs = idsg_losses(class_sigmoid=squash)
        for name, points, subjects in (
            ("c_class", pairs.l_r, pairs.s_r), ("c", net(pairs.l_r, pairs.r_s), pairs.s_s)
        ):  # fmt: skip
            logits = classifier(centred(points)).detach().double().numpy()
            logits = 1 / (1 + np.exp(-logits)) if squash else logits
            chance = np.exp(logits)[np.arange(B), subjects] / np.exp(logits).sum(1)
            assert losses[name].item() == pytest.approx(-np.log(chance).mean(), rel=1e-4)
    assert losses["c"].item() > np.log(1 + 3 / np.e)  # the floor that the release can't pass


def test_equation_3_looks_at_the_regions_it_is_given(monkeypatch):
    every = idsg_losses()[0]["vls"]
    asked = []

    def regions(name):
        asked.append(name)
        return dict.fromkeys("abcde", (0,))

    monkeypatch.setattr(idsg_objectives, "vls_regions", regions)
    assert idsg_losses(vls_regions="released")[0]["vls"].item() != pytest.approx(every.item(), rel=1e-3)
    assert asked == ["released"]


def rfg_parts(monkeypatch, nets=None, regularise=True, **chosen):
    """Settings, small networks, stand-ins for F_l and E_f, and a batch."""
    monkeypatch.setattr(rfg_objectives, "load_landmark_net", lambda *_: Landmarks())
    monkeypatch.setattr(rfg_objectives, "load_face_encoder", lambda *_: Encoder())
    sizes = {"size": SIZE, "channels": 4, "max_channels": 8, "style_dim": 4}
    s = changed(step_settings(params_at(), "rfg", phase="self"), **sizes | chosen)
    torch.manual_seed(0)
    nets = nets or {
        "rfg": Rfg(s.sizes),
        "face_discriminator": Trunk(SIZE, rfg_objectives.judge_channels(s), 4, 8, 1),
        "shape_discriminator": Trunk(SIZE, 1, 4, 8, 1),
    }
    generator = torch.Generator().manual_seed(1)

    def rand(*shape):
        return torch.rand(*shape, generator=generator)

    pairs = rfg_objectives.Pairs(
        source=rand(B, 3, SIZE, SIZE), truth=rand(B, 3, SIZE, SIZE), known=torch.tensor([True, False, True]),
        known_share=2.0, l_t=rand(B, 68, 3), visible=rand(B, 68) < 0.7, truth_points=rand(B, 68, 3),
        truth_visible=rand(B, 68) < 0.7, source_points=rand(B, 68, 3), codes=None, regularise=regularise,
    )  # fmt: skip
    return s, nets, pairs


def rfg_losses(monkeypatch, nets=None, regularise=True, **chosen):
    """Losses of the RFG's generator and judges, and what they saw."""
    s, nets, pairs = rfg_parts(monkeypatch, nets, regularise, **chosen)
    terms, painted = rfg_objectives.GeneratorLosses(s, nets, CPU)(pairs)
    judged = rfg_objectives.JudgeLosses(s, nets, CPU)(pairs, painted)
    return {k: v for k, (_, v) in (terms | judged).items()}, nets, pairs, painted


@pytest.mark.parametrize("bfloat16", [False, True])
def test_every_loss_is_float32_whatever_the_networks_run_in(monkeypatch, bfloat16):
    monkeypatch.setattr("dg.precision.has_bfloat16", lambda _: bfloat16)
    with autocast(CPU):
        assert nn.Linear(2, 2)(torch.rand(1, 2)).dtype == (torch.bfloat16 if bfloat16 else torch.float32)
    losses = rfg_losses(monkeypatch)[0]
    assert set(losses) == {"adv", "ds", "st", "id", "at", "lm", "d_f", "d_s", "d_f_r1", "d_s_r1"}
    assert all(value.dtype == torch.float32 and torch.isfinite(value) for value in losses.values())
    assert all(value.dtype == torch.float32 for value in idsg_losses()[0].values())


def test_lazy_r1_is_a_loss_of_its_own_eight_times_as_heavy(monkeypatch):
    lazy, nets, pairs, painted = rfg_losses(monkeypatch, regularise=False)
    due = rfg_losses(monkeypatch, nets)[0]
    assert set(due) - set(lazy) == {"d_f_r1", "d_s_r1"}
    torch.testing.assert_close((due["d_f"], due["d_s"]), (lazy["d_f"], lazy["d_s"]), rtol=1e-3, atol=0)
    s = changed(step_settings(params_at(), "rfg", phase="self"), size=SIZE, r1=3.0)
    terms = rfg_objectives.JudgeLosses(s, nets, CPU)(replace(pairs, regularise=True), painted)
    assert {name: weight for name, (weight, _) in terms.items()} == {"d_f": 1, "d_f_r1": 24, "d_s": 1, "d_s_r1": 24}


def test_adversarial_losses_of_bfloat16_logits_are_float32():
    real, fake = torch.randn(2, 5, 1).bfloat16()
    for form in ("non_saturating", "saturating", "hinge"):
        assert generator_loss(fake, form).dtype == discriminator_loss(real, fake, form).dtype == torch.float32


def test_an_unknown_adversarial_form_is_refused():
    logits = torch.zeros(2, 1)
    for loss in (lambda: generator_loss(logits, "wasserstein"), lambda: discriminator_loss(logits, logits, "hing")):
        with pytest.raises(DgError, match=r"adversarial: there is no form.*non_saturating, saturating, hinge"):
            loss()


def test_the_face_discriminator_sees_the_map_of_the_landmarks_the_picture_belongs_to(monkeypatch):
    seen = []
    original = Trunk.forward

    def forward(self, x):
        if x.shape[1] == 6:
            seen.append(x.detach())
        return original(self, x)

    monkeypatch.setattr(Trunk, "forward", forward)
    _, nets, pairs, painted = rfg_losses(monkeypatch, face_discriminator_map=True)
    driving, true = (nets["rfg"].maps(points) for points in (pairs.l_t, pairs.truth_points))
    generated, real, fake = seen
    assert torch.equal(generated[:, 3:], driving) and torch.equal(fake[:, 3:], driving)
    assert torch.equal(real, torch.cat([pairs.truth, true], 1))
    assert torch.equal(fake, painted.faces)


def test_invisible_points_are_given_to_the_map_where_they_are_to_be_hidden(monkeypatch):
    given = []

    class Recording(Rfg):
        def maps(self, points, visible=None):
            given.append(visible)
            return super().maps(points, visible)

    monkeypatch.setattr("tests.test_objectives.Rfg", Recording)
    pairs = rfg_losses(monkeypatch, hide_invisible=True, face_discriminator_map=True)[2]
    # To paint; D_f's map of the painted; D_f's map of the true one.
    assert [torch.equal(v, w) for v, w in zip(given, (pairs.visible, pairs.visible, pairs.truth_visible))] == [True] * 3


def test_the_perceptual_loss_takes_the_place_of_equation_12(monkeypatch):
    def perceptual_loss(net, painted, truth, known, divisor=None):
        return net((painted - truth)[known]).abs().sum() / divisor

    stand_in = types.ModuleType("dg.rfg.perceptual")
    stand_in.load_perceptual, stand_in.perceptual_loss = lambda _: nn.Flatten(), perceptual_loss
    monkeypatch.setitem(sys.modules, "dg.rfg.perceptual", stand_in)
    losses, _, pairs, painted = rfg_losses(monkeypatch, identity_loss="perceptual")
    wanted = (painted.faces - pairs.truth)[pairs.known].abs().sum() / 2
    assert losses["id"].item() == pytest.approx(wanted.item(), rel=1e-4)


def test_compiled_networks_keep_their_names_and_losses_and_r1(monkeypatch):
    plain, nets, *_ = rfg_losses(monkeypatch)
    names = {key: list(net.state_dict()) for key, net in nets.items()}
    judges = [nets["face_discriminator"], nets["shape_discriminator"]]
    used = []

    def backend(graph, _):
        used.append(graph)
        return graph.forward

    compile_networks([nets["rfg"].generator, nets["rfg"].style_encoder, *judges], backend=backend)
    compiled = rfg_losses(monkeypatch, nets)[0]
    assert len(used) >= 4
    assert {key: list(net.state_dict()) for key, net in nets.items()} == names
    for key in plain:
        torch.testing.assert_close(compiled[key], plain[key], rtol=1e-3, atol=1e-5)
    torch._dynamo.reset()


def test_the_penalty_has_a_gradient_through_a_compiled_judge():
    def penalty(net):
        inputs = torch.ones(2, 3, requires_grad=True)
        return r1_penalty(twice_differentiable(net, inputs), inputs)

    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    wanted = torch.autograd.grad(penalty(net), list(net.parameters())[:1])
    compile_networks([net], backend="aot_eager")
    net(torch.ones(2, 3))
    found = torch.autograd.grad(penalty(net), list(net.parameters())[:1])
    torch.testing.assert_close(found, wanted)
    torch._dynamo.reset()


def can_compile() -> bool:
    """Whether inductor's C++ can be built here: a compiler, and Python's headers."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None or not Path(sysconfig.get_path("include"), "Python.h").exists():
        return False
    program = subprocess.run([compiler, "-x", "c++", "-fopenmp", "-fsyntax-only", "-"], input=b"#include <omp.h>\n")
    return program.returncode == 0


@pytest.mark.skipif(not can_compile(), reason="torch.compile's default back end needs a C++ compiler")
def test_the_default_back_end_computes_the_same_forward_and_backward(monkeypatch, tmp_path):
    from torch._inductor import config, metrics

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(config, "compile_threads", 1)
    torch.manual_seed(0)
    net, images = Trunk(SIZE, 3, 4, 8, 1), torch.rand(2, 3, SIZE, SIZE)

    def outcome():
        logits = net(images)
        return logits, *torch.autograd.grad(logits.square().sum(), list(net.parameters()))

    wanted = outcome()
    metrics.reset()
    compile_networks([net])
    found = outcome()
    assert metrics.generated_kernel_count > 0
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    torch._dynamo.reset()
