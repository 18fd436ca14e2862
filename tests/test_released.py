"""The authors' published checkpoints: names and shapes as their code makes them, and what their layers compute."""

from __future__ import annotations

import math
import os

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dg.checkpoints import load_checkpoint, under_prefix
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

PAPER = (64, 128, 256, 512, 512)
"""Published widths at 256 px, from the first convolution to the innermost block."""
TRUNK = (64, 128, 256, 512, 512, 512, 512)


def conv(name, inputs, outputs, kernel, bias=True):
    shapes = {f"{name}.weight": (outputs, inputs, kernel, kernel)}
    return shapes | ({f"{name}.bias": (outputs,)} if bias else {})


def linear(name, inputs, outputs):
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def norm(name, channels):
    return {f"{name}.weight": (channels,), f"{name}.bias": (channels,)}


def down_block(name, inputs, outputs, normalised):
    shapes = conv(f"{name}.conv1", inputs, inputs, 3) | conv(f"{name}.conv2", inputs, outputs, 3)
    if normalised:
        shapes |= norm(f"{name}.norm1", inputs) | norm(f"{name}.norm2", inputs)
    return shapes | (conv(f"{name}.conv1x1", inputs, outputs, 1, bias=False) if inputs != outputs else {})


def style_block(name, inputs, outputs, style):
    shapes = conv(f"{name}.conv1", inputs, outputs, 3) | conv(f"{name}.conv2", outputs, outputs, 3)
    shapes |= linear(f"{name}.norm1.fc", style, 2 * inputs) | linear(f"{name}.norm2.fc", style, 2 * outputs)
    return shapes | (conv(f"{name}.conv1x1", inputs, outputs, 1, bias=False) if inputs != outputs else {})


def generator_shapes(widths, style):
    first, top, blocks = widths[0], widths[-1], len(widths) - 1
    shapes = conv("from_rgb", 3, first, 3)
    for k in range(blocks):
        shapes |= down_block(f"encode.{k}", widths[k], widths[k + 1], normalised=True)
    for k in range(4):
        shapes |= style_block(f"decode.{k}", top, top, style)
    for k in range(blocks):
        shapes |= style_block(f"decode.{4 + k}", widths[blocks - k], widths[blocks - k - 1], style)
    for head, outputs in (("to_rgb", 3), ("to_rgb_lm", 4)):
        shapes |= norm(f"{head}.0", first) | conv(f"{head}.2", first, outputs, 1)
    return shapes


def trunk_shapes(name, widths, inputs):
    blocks, top = len(widths) - 1, widths[-1]
    shapes = conv(f"{name}.0", inputs, widths[0], 3)
    for k in range(blocks):
        shapes |= down_block(f"{name}.{1 + k}", widths[k], widths[k + 1], normalised=False)
    return shapes | conv(f"{name}.{blocks + 2}", top, top, 4)


def style_encoder_shapes(widths, style):
    return trunk_shapes("shared", widths, 3) | linear("fc", widths[-1], style)


def discriminator_shapes(widths):
    return trunk_shapes("main", widths, 6) | conv(f"main.{len(widths) + 3}", widths[-1], 1, 1)


def mlp_shapes(widths):
    return {k: s for i in range(len(widths) - 1) for k, s in linear(f"main.{2 * i}", *widths[i : i + 2]).items()}


IDSG = {
    "linear_decoder": mlp_shapes([136 + 4096, *[512] * 5, 136]),
    "lm_linear_encoder": mlp_shapes([136] * 7),
    "linear_discriminator": mlp_shapes([136] * 6) | linear("main_2.0", 136, 1),
    "linear_classfier": mlp_shapes([136] * 6) | linear("main_3.0", 136, 1454),
}


def rfg_shapes(widths, trunk, style):
    return {
        "generator": generator_shapes(widths, style),
        "style_encoder": style_encoder_shapes(trunk, style),
        "discriminator": discriminator_shapes(trunk),
    }


def drawn(networks, seed=0):
    """Random weights that keep a signal's size from layer to layer."""
    rng = torch.Generator().manual_seed(seed)
    state = {}
    for network, shapes in networks.items():
        state[network] = {
            name: torch.randn(shape, generator=rng) * math.sqrt(2 / max(1, math.prod(shape[1:])))
            if len(shape) > 1
            else torch.randn(shape, generator=rng) * 0.3 + name.endswith(".weight")
            for name, shape in shapes.items()
        }
    return state


SMALL = rfg_shapes((4, 8, 8), (4, 8, 8, 8, 8), 5)
"""The same networks at 64 px with few channels."""


def written(folder, state, **options):
    path = folder / "000123_nets_ema.ckpt"
    torch.save(state, path, **options)
    return path


def numbers(shapes):
    return sum(math.prod(shape) for shape in shapes.values())


# What the published layers compute, in the published order.


def layer(p, name, x, padding=0):
    return F.conv2d(x, p[f"{name}.weight"], p.get(f"{name}.bias"), padding=padding)


def published_down(p, name, x):
    short = layer(p, f"{name}.conv1x1", x) if f"{name}.conv1x1.weight" in p else x
    short = F.avg_pool2d(short, 2)

    def normalised(which, y):
        if f"{name}.{which}.weight" not in p:
            return y
        return F.instance_norm(y, weight=p[f"{name}.{which}.weight"], bias=p[f"{name}.{which}.bias"])

    y = layer(p, f"{name}.conv1", F.leaky_relu(normalised("norm1", x), 0.2), 1)
    y = F.avg_pool2d(y, 2)
    y = layer(p, f"{name}.conv2", F.leaky_relu(normalised("norm2", y), 0.2), 1)
    return (short + y) / math.sqrt(2)


def published_adain(p, name, x, style):
    gamma, beta = F.linear(style, p[f"{name}.fc.weight"], p[f"{name}.fc.bias"])[..., None, None].chunk(2, 1)
    return (1 + gamma) * F.instance_norm(x) + beta


def published_generator(p, blocks, x, style):
    x = layer(p, "from_rgb", x, 1)
    for k in range(blocks):
        x = published_down(p, f"encode.{k}", x)
    for k in range(4 + blocks):
        name, up = f"decode.{k}", k >= 4
        y = F.leaky_relu(published_adain(p, f"{name}.norm1", x, style), 0.2)
        short = F.interpolate(x, scale_factor=2, mode="nearest") if up else x
        y = F.interpolate(y, scale_factor=2, mode="nearest") if up else y
        if f"{name}.conv1x1.weight" in p:
            short = layer(p, f"{name}.conv1x1", short)
        y = F.leaky_relu(published_adain(p, f"{name}.norm2", layer(p, f"{name}.conv1", y, 1), style), 0.2)
        x = (layer(p, f"{name}.conv2", y, 1) + short) / math.sqrt(2)
    x = F.leaky_relu(F.instance_norm(x, weight=p["to_rgb.0.weight"], bias=p["to_rgb.0.bias"]), 0.2)
    return torch.sigmoid(layer(p, "to_rgb.2", x))


def published_trunk(p, name, blocks, x):
    x = layer(p, f"{name}.0", x, 1)
    for k in range(blocks):
        x = published_down(p, f"{name}.{1 + k}", x)
    return F.leaky_relu(layer(p, f"{name}.{blocks + 2}", F.leaky_relu(x, 0.2)), 0.2)


def published_mlp(p, x, layers):
    for name in layers[:-1]:
        x = F.leaky_relu(F.linear(x, p[f"{name}.weight"], p[f"{name}.bias"]), 0.2)
    return F.linear(x, p[f"{layers[-1]}.weight"], p[f"{layers[-1]}.bias"])


MLP = [f"main.{k}" for k in (0, 2, 4, 6, 8, 10)]


def check_rfg(net, state, blocks, size):
    rng = torch.Generator().manual_seed(1)
    batch = 1 if size == 256 else 2
    source = torch.rand(batch, 3, size, size, generator=rng)
    maps = (torch.rand(batch, 1, size, size, generator=rng) < 0.1).float().expand(-1, 3, -1, -1)
    p = state["style_encoder"]
    h = published_trunk(p, "shared", blocks + 2, source).flatten(1)
    style = F.linear(h, p["fc.weight"], p["fc.bias"])
    with torch.no_grad():
        torch.testing.assert_close(net.style_encoder(source), style, rtol=1e-4, atol=1e-4)
        painted = published_generator(state["generator"], blocks, maps, style)
        assert painted.std() > 0.05  # random weights that painted one grey would agree with anything
        torch.testing.assert_close(net.generator(maps, style), painted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("style", "generator"), [(128, 35.0), (64, 34.2)])
def test_the_published_networks_hold_35_and_21_million_numbers(style, generator):
    """128 is what the authors' demo sets, and what 35.0 M were counted with; 64 is their networks' own default."""
    shapes = rfg_shapes(PAPER, TRUNK, style)
    assert [round(numbers(s) / 1e6, 1) for s in shapes.values()] == [generator, 20.9, 20.9]


def test_the_published_rfg_at_256_pixels_computes_the_same_here(tmp_path):
    state = drawn({k: s for k, s in rfg_shapes(PAPER, TRUNK, 128).items() if k != "discriminator"})
    net = load_released_rfg(written(tmp_path, state))
    generator, encoder = (sum(p.numel() for p in part.parameters()) for part in (net.generator, net.style_encoder))
    head = {k: s for k, s in generator_shapes(PAPER, 128).items() if k.startswith("to_rgb_lm")}
    assert generator == numbers(generator_shapes(PAPER, 128)) - numbers(head)
    assert encoder == numbers(style_encoder_shapes(TRUNK, 128))
    check_rfg(net, state, 4, 256)


def test_a_converted_rfg_is_loaded_like_our_own_with_its_discriminator(tmp_path):
    state = drawn(SMALL)
    path, out = written(tmp_path, state), tmp_path / "rfg.safetensors"
    assert main(["released", "--checkpoint", str(path), "--out", str(out)]) == 0
    net = load_rfg(out)
    assert net.size == 64 and not any(p.requires_grad for p in net.parameters())
    check_rfg(net, state, 2, 64)
    card = read_json(out.with_suffix(".json"))
    assert card["source"] == {"file": path.name, "sha256": file_digest(path), "left_out": []}
    assert "authors' published checkpoint" in card["note"]
    judge = Trunk(64, 6, 4, 8, 1)
    judge.load_state_dict(under_prefix("face_discriminator", load_checkpoint(out)))
    seen, p = torch.rand(2, 6, 64, 64), state["discriminator"]
    h = published_trunk(p, "main", 4, seen)
    with torch.no_grad():
        torch.testing.assert_close(judge(seen), layer(p, "main.8", h).flatten(1), rtol=1e-4, atol=1e-4)
    assert net.paint(torch.rand(1, 68, 2), torch.rand(1, 3, 64, 64)).shape == (1, 3, 64, 64)


def test_the_published_idsg_computes_the_same_here(tmp_path):
    state = drawn(IDSG)
    path, out = written(tmp_path, state), tmp_path / "idsg.safetensors"
    convert_released(path, out)
    l_r, r_s = torch.rand(3, 68, 3), torch.rand(3, 4096)
    gamma = published_mlp(state["lm_linear_encoder"], l_r[..., :2].flatten(1), MLP)
    wanted = torch.sigmoid(published_mlp(state["linear_decoder"], torch.cat([gamma, r_s], 1), MLP))
    for net in (load_released_idsg(path), load_idsg(out)):
        assert (net.dims, net.code) == (2, 4096)
        made = net.generate(l_r, r_s)
        torch.testing.assert_close(made[..., :2].flatten(1), wanted, rtol=1e-4, atol=1e-4)
        assert torch.equal(made[..., 2], l_r[..., 2])
    tensors = load_checkpoint(out)
    for name, published, last, net in (
        ("landmark_discriminator", "linear_discriminator", "main_2.0", landmark_discriminator(2)),
        ("subject_classifier", "linear_classfier", "main_3.0", subject_classifier(2, 1454)),
    ):
        net.load_state_dict(under_prefix(name, tensors))
        logits = published_mlp(state[published], wanted, [*MLP[:-1], last])
        with torch.no_grad():
            torch.testing.assert_close(net(wanted), logits, rtol=1e-4, atol=1e-4)


def test_names_that_dataparallel_left_behind_are_read(tmp_path):
    state = drawn(SMALL)
    wrapped = {net: {f"module.{name}": t for name, t in tensors.items()} for net, tensors in state.items()}
    check_rfg(load_released_rfg(written(tmp_path, wrapped)), state, 2, 64)


def test_networks_of_no_use_are_left_out_and_named(tmp_path):
    state = drawn({k: SMALL[k] for k in ("generator", "style_encoder")} | {"mlp": linear("mlp.0", 3, 4)})
    state["discriminator"] = drawn({"d": conv("input", 6, 4, 3)})["d"]  # the authors' pix2pix option
    out = tmp_path / "rfg.safetensors"
    card = convert_released(written(tmp_path, state), out)
    assert card["source"]["left_out"] == ["discriminator", "mlp"]
    assert {name.split(".")[0] for name in load_checkpoint(out)} == {"ema_rfg"}


class Code:
    """What unpickling would run."""

    def __reduce__(self):
        return os.mkdir, ("ran",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_with_code_is_refused_and_not_run(tmp_path, monkeypatch, zipped):
    monkeypatch.chdir(tmp_path)
    state = drawn(SMALL) | {"extra": Code()}
    path = written(tmp_path, state, _use_new_zipfile_serialization=zipped)
    for read in (load_released_rfg, load_released_idsg):
        with pytest.raises(DgError, match="pickled code"):
            read(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "name",
    [
        "generator.from_rgb.bias",
        "generator.encode.1.conv2.weight",
        "generator.encode.0.conv1x1.weight",
        "generator.decode.3.norm2.fc.weight",
        "generator.decode.5.conv1x1.weight",
        "generator.to_rgb.2.weight",
        "style_encoder.shared.6.bias",
        "style_encoder.fc.weight",
        "discriminator.main.8.weight",
    ],
)
def test_a_missing_tensor_is_named(tmp_path, name):
    state = drawn(SMALL)
    network, _, key = name.partition(".")
    del state[network][key]
    with pytest.raises(DgError, match=f"no tensor '{name}'"):
        convert_released(written(tmp_path, state), tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("generator.encode.1.norm2.weight", (9,)),
        ("generator.from_rgb.weight", (4,)),
        ("style_encoder.shared.2.conv1.weight", (8, 8, 1, 1)),
        ("discriminator.main.8.weight", (1, 8, 3, 3)),
    ],
)
def test_a_tensor_of_another_shape_is_named(tmp_path, name, shape):
    state = drawn(SMALL)
    network, _, key = name.partition(".")
    state[network][key] = torch.zeros(shape)
    with pytest.raises(DgError, match=f"'{name}' has shape"):
        convert_released(written(tmp_path, state), tmp_path / "out.safetensors")


@pytest.mark.parametrize("name", ["linear_decoder.main.4.weight", "lm_linear_encoder.main.10.bias"])
def test_a_missing_tensor_of_the_idsg_is_named(tmp_path, name):
    state = drawn(IDSG)
    network, _, key = name.partition(".")
    del state[network][key]
    with pytest.raises(DgError, match=f"no tensor '{name}'"):
        load_released_idsg(written(tmp_path, state))


def test_networks_that_compute_something_else_are_refused(tmp_path):
    state = drawn(SMALL)
    state["generator"]["decode.0.noise.weight"] = torch.zeros(8)  # the authors' option use_noise
    with pytest.raises(DgError, match=r"generator\.decode\.0\.noise\.weight"):
        load_released_rfg(written(tmp_path, state))


def test_other_files_are_answered(tmp_path):
    with pytest.raises(DgError, match="not found"):
        load_released_rfg(tmp_path / "none.ckpt")
    (tmp_path / "page.ckpt").write_text("<html>Google Drive: quota exceeded")
    with pytest.raises(DgError, match=r"no torch\.save file"):
        load_released_rfg(tmp_path / "page.ckpt")
    path = written(tmp_path, drawn({k: IDSG[k] for k in ("linear_decoder", "lm_linear_encoder")}))
    with pytest.raises(DgError, match="checkpoint of the IDSG, expected the RFG's"):
        load_released_rfg(path)
    with pytest.raises(DgError, match=r"other\.safetensors"):
        convert_released(path, tmp_path / "other.ckpt")
    with pytest.raises(DgError, match="holds the networks wing"):
        load_released_idsg(written(tmp_path, drawn({"wing": linear("fc", 2, 2)})))
    with pytest.raises(DgError, match=r"expected torch\.save of"):
        load_released_idsg(written(tmp_path, torch.zeros(3)))


def test_maps_are_as_thick_as_opencvs():
    face = face_model().mean[:, :2].numpy() * [1, -1]
    face = 0.2 + 0.6 * (face - face.min(0)) / np.ptp(face, axis=0).max()
    theirs = np.zeros((256, 256), np.uint8)
    ends = (face * 256).astype(int).tolist()
    for a, b in EDGES:
        cv2.line(theirs, ends[a], ends[b], 255, 2)
    overlap = {}
    for width in (2, LINE_WIDTH, 4):
        ours = draw_lines(torch.from_numpy(face)[None], 256, width)[0, 0].bool().numpy()
        overlap[width] = (ours & (theirs > 0)).sum() / (ours | (theirs > 0)).sum()
    assert max(overlap, key=overlap.get) == LINE_WIDTH
    assert overlap[LINE_WIDTH] > 0.85
