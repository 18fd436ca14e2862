"""The authors' published checkpoints: their names and shapes written down here, their layer order run by hand."""

import pickle
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d, conv2d, instance_norm, interpolate, leaky_relu, linear

from dg.checkpoints import card_path, load_checkpoint
from dg.cli import main
from dg.errors import DgError
from dg.files import file_digest, read_json
from dg.idsg import load_idsg
from dg.idsg.networks import landmark_discriminator, subject_classifier
from dg.landmarks.linemap import draw_lines
from dg.landmarks.pose import face_model
from dg.landmarks.regions import EDGES
from dg.released import LINE_WIDTH, convert_released, load_released_idsg, load_released_rfg
from dg.rfg import load_rfg
from dg.rfg.networks import Trunk

WIDTHS = [64, 128, 256, 512, 512, 512, 512]  # 256 px; the generator stops at the fifth
STYLE = 128


def conv(name, channels_in, channels_out, kernel, bias=True):
    shapes = {f"{name}.weight": (channels_out, channels_in, kernel, kernel)}
    return shapes | ({f"{name}.bias": (channels_out,)} if bias else {})


def full(name, inputs, outputs):
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def norm(name, channels):
    return {f"{name}.weight": (channels,), f"{name}.bias": (channels,)}


def block(name, i, o, normalised):
    shapes = conv(f"{name}.conv1", i, i, 3) | conv(f"{name}.conv2", i, o, 3)
    if normalised:
        shapes |= norm(f"{name}.norm1", i) | norm(f"{name}.norm2", i)
    return shapes | (conv(f"{name}.conv1x1", i, o, 1, bias=False) if i != o else {})


def styled(name, i, o, style):
    shapes = conv(f"{name}.conv1", i, o, 3) | conv(f"{name}.conv2", o, o, 3)
    shapes |= full(f"{name}.norm1.fc", style, 2 * i) | full(f"{name}.norm2.fc", style, 2 * o)
    return shapes | (conv(f"{name}.conv1x1", i, o, 1, bias=False) if i != o else {})


def generator_shapes(style=STYLE):
    shapes = conv("from_rgb", 3, 64, 3)
    for k, (i, o) in enumerate(pairwise(WIDTHS[:5])):
        shapes |= block(f"encode.{k}", i, o, True)
    for k in range(4):
        shapes |= styled(f"decode.{k}", 512, 512, style)
    for k, (i, o) in enumerate(pairwise(WIDTHS[4::-1])):
        shapes |= styled(f"decode.{k + 4}", i, o, style)
    for head, outputs in (("to_rgb", 3), ("to_rgb_lm", 4)):
        shapes |= norm(f"{head}.0", 64) | conv(f"{head}.2", 64, outputs, 1)
    return shapes


def trunk_shapes(main, inputs):
    shapes = conv(f"{main}.0", inputs, 64, 3) | conv(f"{main}.8", 512, 512, 4)
    for k, (i, o) in enumerate(pairwise(WIDTHS)):
        shapes |= block(f"{main}.{k + 1}", i, o, False)
    return shapes


def mlp_shapes(sizes, last=None):
    shapes = {}
    for k, (i, o) in enumerate(pairwise(sizes)):
        shapes |= full(last if last and k == len(sizes) - 2 else f"main.{2 * k}", i, o)
    return shapes


def random_state(shapes, seed):
    """Weights of a size that keeps the signal's."""
    rng = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(shape, generator=rng) * (2 / max(1, np.prod(shape[1:]))) ** 0.5
        if len(shape) > 1
        else 0.1 * torch.randn(shape, generator=rng) + (1.0 if "norm" in name and name.endswith("weight") else 0.0)
        for name, shape in shapes.items()
    }


@pytest.fixture(scope="module")
def rfg(tmp_path_factory):
    """States of a published RFG with made-up weights, and its file."""
    states = {
        "generator": random_state(generator_shapes(), 0),
        "style_encoder": random_state(trunk_shapes("shared", 3) | full("fc", 512, STYLE), 1),
        "discriminator": random_state(trunk_shapes("main", 6) | conv("main.10", 512, 1, 1), 2),
    }
    path = tmp_path_factory.mktemp("released") / "501500_nets_ema.ckpt"
    torch.save(states, path)
    return states, path


@pytest.fixture
def idsg(tmp_path):
    states = {
        "linear_decoder": random_state(mlp_shapes([4232, *[512] * 5, 136]), 0),
        "lm_linear_encoder": random_state(mlp_shapes([136] * 7), 1),
        "linear_discriminator": random_state(mlp_shapes([*[136] * 6, 1], "main_2.0"), 2),
        "linear_classfier": random_state(mlp_shapes([*[136] * 6, 67], "main_3.0"), 3),
    }
    path = tmp_path / "030000_nets_ema.ckpt"
    torch.save(states, path)
    return states, path


def run_block(state, name, x, down):
    """Their residual block: shortcut and pooling, then norm, LeakyReLU, convolution, pooling, and the same again."""

    def part(y, k):
        if f"{name}.norm{k}.weight" in state:
            y = instance_norm(y, weight=state[f"{name}.norm{k}.weight"], bias=state[f"{name}.norm{k}.bias"])
        return conv2d(leaky_relu(y, 0.2), state[f"{name}.conv{k}.weight"], state[f"{name}.conv{k}.bias"], padding=1)

    shortcut = conv2d(x, state[f"{name}.conv1x1.weight"]) if f"{name}.conv1x1.weight" in state else x
    y = part(x, 1)
    if down:
        shortcut, y = avg_pool2d(shortcut, 2), avg_pool2d(y, 2)
    return (shortcut + part(y, 2)) / 2**0.5


def run_styled(state, name, x, style, up):
    def adain(y, k):
        gamma, beta = linear(style, state[f"{name}.norm{k}.fc.weight"], state[f"{name}.norm{k}.fc.bias"]).chunk(2, 1)
        return leaky_relu((1 + gamma[..., None, None]) * instance_norm(y) + beta[..., None, None], 0.2)

    def larger(y):
        return interpolate(y, scale_factor=2, mode="nearest") if up else y

    y = conv2d(larger(adain(x, 1)), state[f"{name}.conv1.weight"], state[f"{name}.conv1.bias"], padding=1)
    y = conv2d(adain(y, 2), state[f"{name}.conv2.weight"], state[f"{name}.conv2.bias"], padding=1)
    x = larger(x)
    return (y + (conv2d(x, state[f"{name}.conv1x1.weight"]) if f"{name}.conv1x1.weight" in state else x)) / 2**0.5


def run_generator(state, maps, style):
    x = conv2d(maps, state["from_rgb.weight"], state["from_rgb.bias"], padding=1)
    for k in range(4):
        x = run_block(state, f"encode.{k}", x, True)
    for k in range(8):
        x = run_styled(state, f"decode.{k}", x, style, k >= 4)
    x = leaky_relu(instance_norm(x, weight=state["to_rgb.0.weight"], bias=state["to_rgb.0.bias"]), 0.2)
    return torch.sigmoid(conv2d(x, state["to_rgb.2.weight"], state["to_rgb.2.bias"]))


def run_trunk(state, main, x):
    x = conv2d(x, state[f"{main}.0.weight"], state[f"{main}.0.bias"], padding=1)
    for k in range(1, 7):
        x = run_block(state, f"{main}.{k}", x, True)
    return leaky_relu(conv2d(leaky_relu(x, 0.2), state[f"{main}.8.weight"], state[f"{main}.8.bias"]), 0.2)


def run_mlp(state, x, last):
    names = [*(f"main.{k}" for k in range(0, 10, 2)), last]
    for name in names:
        x = linear(x, state[f"{name}.weight"], state[f"{name}.bias"])
        x = leaky_relu(x, 0.2) if name != last else x
    return x


def parameters(net):
    return sum(p.numel() for p in net.parameters())


@torch.no_grad()
def test_rfg_paints_what_the_published_layers_paint(rfg, tmp_path):
    states, path = rfg
    net = load_released_rfg(path)
    rng = torch.Generator().manual_seed(4)
    source, points = torch.rand(1, 3, 256, 256, generator=rng), torch.rand(1, 68, 2, generator=rng)
    style = run_trunk(states["style_encoder"], "shared", source).flatten(1)
    style = linear(style, states["style_encoder"]["fc.weight"], states["style_encoder"]["fc.bias"])
    torch.testing.assert_close(net.style_encoder(source), style, rtol=1e-4, atol=1e-4)
    want = run_generator(states["generator"], net.maps(points), style)
    assert want.std() > 0.02
    torch.testing.assert_close(net.paint(points, source), want, rtol=0, atol=1e-4)
    assert round(parameters(net.generator) / 1e6, 1) == 35.0
    assert round(parameters(net.style_encoder) / 1e6, 1) == 20.9
    out = tmp_path / "rfg.safetensors"
    assert main(["released", "--checkpoint", str(path), "--out", str(out)]) == 0
    again = load_rfg(out)
    assert all(torch.equal(a, b) for a, b in zip(again.state_dict().values(), net.state_dict().values(), strict=True))
    card = read_json(card_path(out))
    assert card["what"] == "RFG from the authors' published checkpoint"
    assert card["source"] == {"file": path.name, "sha256": file_digest(path)}
    judge = {n.removeprefix("face_discriminator."): t for n, t in load_checkpoint(out).items() if n.startswith("face_")}
    assert round(sum(t.numel() for t in judge.values()) / 1e6, 1) == 20.9
    discriminator = Trunk(256, 6, 64, 512, 1)
    discriminator.load_state_dict(judge)
    both = torch.cat([source, net.maps(points)], 1)
    want = conv2d(
        run_trunk(states["discriminator"], "main", both),
        states["discriminator"]["main.10.weight"],
        states["discriminator"]["main.10.bias"],
    )
    torch.testing.assert_close(discriminator(both), want.flatten(1), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_idsg_computes_what_the_published_layers_compute(idsg, tmp_path):
    states, path = idsg
    net = load_released_idsg(path)
    rng = torch.Generator().manual_seed(5)
    l_r, r_s = torch.rand(3, 136, generator=rng), torch.rand(3, 4096, generator=rng)
    gamma = run_mlp(states["lm_linear_encoder"], l_r, "main.10")
    want = torch.sigmoid(run_mlp(states["linear_decoder"], torch.cat([gamma, r_s], 1), "main.10"))
    torch.testing.assert_close(net(l_r, r_s), want, rtol=0, atol=1e-4)
    assert convert_released(path, tmp_path / "idsg.safetensors") == "idsg"
    torch.testing.assert_close(load_idsg(tmp_path / "idsg.safetensors")(l_r, r_s), want, rtol=0, atol=1e-4)
    tensors = load_checkpoint(tmp_path / "idsg.safetensors")
    for name, judge, theirs, last in (
        ("landmark_discriminator", landmark_discriminator(2), "linear_discriminator", "main_2.0"),
        ("subject_classifier", subject_classifier(2, 67), "linear_classfier", "main_3.0"),
    ):
        judge.load_state_dict({n.removeprefix(name + "."): t for n, t in tensors.items() if n.startswith(name + ".")})
        torch.testing.assert_close(judge(l_r), run_mlp(states[theirs], l_r, last), rtol=1e-4, atol=1e-4)


def test_names_of_data_parallel_and_the_old_file_form(idsg, tmp_path):
    states, path = idsg
    wrapped = {net: {f"module.{name}": t for name, t in state.items()} for net, state in states.items()}
    torch.save(wrapped, tmp_path / "old.ckpt", _use_new_zipfile_serialization=False)
    for ours, theirs in zip(
        load_released_idsg(tmp_path / "old.ckpt").parameters(), load_released_idsg(path).parameters()
    ):
        assert torch.equal(ours, theirs)


def changed(states, network, name, tensor):
    state = {k: t for k, t in states[network].items() if k != name}
    return {**states, network: state if tensor is None else {**state, name: tensor}}


@pytest.mark.parametrize(
    ("network", "name", "tensor", "message"),
    [
        ("linear_decoder", "main.4.bias", None, r"'linear_decoder\.main\.4\.bias' is missing"),
        ("linear_decoder", "main.4.bias", torch.zeros(7), r"main\.4\.bias' is \[7\], expected \[512\]"),
        ("linear_decoder", "main.0.weight", torch.zeros(512, 200), r"takes 200 numbers.*expected 4232"),
        ("lm_linear_encoder", "noise.weight", torch.zeros(1), r"'lm_linear_encoder\.noise\.weight' is unknown"),
        ("lm_linear_encoder", "param_groups", [1], r"'lm_linear_encoder\.param_groups' is no tensor"),
        ("mlp", "mlp.0.weight", torch.zeros(1), r"network 'mlp' belongs to another variant"),
    ],
)
def test_a_file_of_another_form_is_refused_by_name(idsg, tmp_path, network, name, tensor, message):
    states = changed({"mlp": {}, **idsg[0]} if network == "mlp" else idsg[0], network, name, tensor)
    torch.save(states, tmp_path / "changed.ckpt")
    with pytest.raises(DgError, match=message):
        load_released_idsg(tmp_path / "changed.ckpt")


def test_an_rfg_of_another_variant_is_refused(rfg, tmp_path):
    noise = changed(rfg[0], "generator", "decode.0.noise.weight", torch.zeros(512))
    del noise["discriminator"]
    torch.save(noise, tmp_path / "noise.ckpt")
    with pytest.raises(DgError, match=r"'generator\.decode\.0\.noise\.weight' is unknown.*another variant"):
        load_released_rfg(tmp_path / "noise.ckpt")
    headless = changed(rfg[0], "style_encoder", "fc.weight", None)
    torch.save({**headless, "generator": {"from_rgb.weight": torch.zeros(64, 3, 3, 3)}}, tmp_path / "headless.ckpt")
    with pytest.raises(DgError, match=r"'style_encoder\.fc\.weight' is missing"):
        load_released_rfg(tmp_path / "headless.ckpt")
    with pytest.raises(DgError, match="holds the authors' RFG, expected their IDSG"):
        load_released_idsg(rfg[1])


class Trap:
    """Unpickled, it would write a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def test_code_in_a_file_is_refused_and_not_run(tmp_path):
    for name, save in (("zip.ckpt", torch.save), ("plain.ckpt", None)):
        payload = {"generator": {"from_rgb.weight": Trap(tmp_path / "harm")}}
        if save:
            save(payload, tmp_path / name)
        else:
            (tmp_path / name).write_bytes(pickle.dumps(payload, protocol=2))
        with pytest.raises(DgError, match=r"pickled code|no PyTorch file"):
            load_released_rfg(tmp_path / name)
        assert not (tmp_path / "harm").exists()
    with pytest.raises(DgError, match="pickled code"):
        load_released_rfg(tmp_path / "zip.ckpt")


def test_what_is_no_checkpoint(tmp_path):
    with pytest.raises(DgError, match="not found"):
        load_released_rfg(tmp_path / "none.ckpt")
    (tmp_path / "text.ckpt").write_text("no weights")
    with pytest.raises(DgError, match="is no PyTorch file"):
        load_released_rfg(tmp_path / "text.ckpt")
    torch.save([torch.zeros(1)], tmp_path / "list.ckpt")
    with pytest.raises(DgError, match="is no checkpoint of the authors"):
        load_released_rfg(tmp_path / "list.ckpt")
    torch.save({"generator": {}, "critic": {}}, tmp_path / "other.ckpt")
    with pytest.raises(DgError, match=r"holds the networks \['critic', 'generator'\]; expected"):
        load_released_rfg(tmp_path / "other.ckpt")


def test_maps_are_as_thick_as_opencvs():
    face = face_model().mean[:, :2].numpy() * [1, -1]
    face = 0.2 + 0.6 * (face - face.min(0)) / np.ptp(face, axis=0).max()
    theirs = np.zeros((256, 256), np.uint8)
    ends = (face * 256).astype(int).tolist()
    for a, b in EDGES:
        cv2.line(theirs, ends[a], ends[b], 255, 2)
    overlap = {}
    for width in (2.0, LINE_WIDTH, 4.0):
        ours = draw_lines(torch.from_numpy(face)[None], 256, width)[0, 0].bool().numpy()
        overlap[width] = (ours & (theirs > 0)).sum() / (ours | (theirs > 0)).sum()
    assert max(overlap, key=overlap.get) == LINE_WIDTH
    assert overlap[LINE_WIDTH] > 0.85
