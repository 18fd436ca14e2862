"""Published checkpoints of the First Order Motion Model: files of their form, made here, and what is refused."""

from __future__ import annotations

import os
from collections import OrderedDict

import pytest
import torch

from dg.errors import DgError
from dg.files import read_json
from dg.fom import train as command
from dg.fom.model import FILE, load_fom
from dg.fom.networks import Fom
from dg.fom.published import load_published
from dg.sizes.fom import FomSizes, fom_sizes


def block(name, inputs, outputs, kernel=3):
    """A convolution with BatchNorm, as the authors' code names them."""
    norm = {f"{name}.norm.{part}": (outputs,) for part in ("weight", "bias", "running_mean", "running_var")}
    shapes = {f"{name}.conv.weight": (outputs, inputs, kernel, kernel), f"{name}.conv.bias": (outputs,)}
    return shapes | norm | {f"{name}.norm.num_batches_tracked": ()}


def hourglass(name, inputs, width, most, levels):
    widths = [min(width * 2**k, most) for k in range(levels + 1)]
    shapes = {}
    for k in range(levels):
        shapes |= block(f"{name}.encoder.down_blocks.{k}", inputs if k == 0 else widths[k], widths[k + 1])
    for place, k in enumerate(reversed(range(levels))):
        shapes |= block(f"{name}.decoder.up_blocks.{place}", widths[k + 1] * (1 if k == levels - 1 else 2), widths[k])
    return shapes


def convolution(name, inputs, outputs):
    return {f"{name}.weight": (outputs, inputs, 7, 7), f"{name}.bias": (outputs,)}


def shapes_of(points=10, levels=5, detector=32, motion=64, most=1024, width=64):
    """{network: {tensor: shape}} of vox-cpk.pth.tar, or of a smaller one."""
    blur = {"down.weight": (3, 1, 13, 13)}
    kp = hourglass("predictor", 3, detector, most, levels) | blur
    kp |= convolution("kp", detector + 3, points) | convolution("jacobian", detector + 3, 4 * points)
    seen = 4 * (points + 1)
    dense = hourglass("hourglass", seen, motion, most, levels) | blur
    dense |= convolution("mask", motion + seen, points + 1) | convolution("occlusion", motion + seen, 1)
    generator = {f"dense_motion_network.{name}": shape for name, shape in dense.items()}
    generator |= block("first", 3, width, 7) | block("down_blocks.0", width, 2 * width)
    generator |= block("down_blocks.1", 2 * width, 4 * width)
    generator |= block("up_blocks.0", 4 * width, 2 * width) | block("up_blocks.1", 2 * width, width)
    for k in range(6):
        for part in (1, 2):
            each = block(f"bottleneck.r{k}", 4 * width, 4 * width)
            generator |= {
                name.replace("conv", f"conv{part}").replace("norm", f"norm{part}"): each[name] for name in each
            }
    generator |= convolution("final", width, 3)
    return {"generator": generator, "kp_detector": kp}


SMALL = {"points": 4, "levels": 2, "detector": 4, "motion": 8, "most": 16, "width": 4}


def drawn(shapes):
    generator = torch.Generator().manual_seed(0)
    return {
        network: OrderedDict(
            (name, torch.tensor(7) if not shape else torch.rand(shape, generator=generator) / 10)
            for name, shape in tensors.items()
        )
        for network, tensors in shapes.items()
    }


def save(path, networks, **torch_saves):
    """With what a training's file holds beside them."""
    extra = {"discriminator": {"a": torch.zeros(1)}, "epoch": 99}
    extra["optimizer_generator"] = {"state": {0: {"step": 1}}, "param_groups": [{"lr": 2e-4, "params": [0]}]}
    torch.save(networks | extra, path, **torch_saves)
    return path


def test_the_published_form_has_these_networks_tensors_and_no_others():
    shapes = shapes_of()
    with torch.device("meta"):
        fom = Fom(FomSizes())
    count = sum(torch.Size(shape).numel() for tensors in shapes.values() for shape in tensors.values())
    blurs = 2 * 3 * 13 * 13
    assert count - blurs == sum(tensor.numel() for tensor in fom.state_dict().values())


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_is_read_into_its_places(tmp_path, zipped):
    networks = drawn(shapes_of(**SMALL))
    path = save(tmp_path / "cpk.pth.tar", networks, _use_new_zipfile_serialization=zipped)
    fom = load_published(path)
    assert fom.sizes == FomSizes(
        size=32, points=4, levels=2, detector_channels=4, motion_channels=8, hourglass_max=16, channels=4,
        max_channels=16,
    )  # fmt: skip
    assert not fom.training
    kp, generator = networks["kp_detector"], networks["generator"]
    for ours, published in (
        (fom.detector.heat.weight, kp["kp.weight"]),
        (fom.detector.jacobian.bias, kp["jacobian.bias"]),
        (fom.detector.hourglass.down[1].norm.running_var, kp["predictor.encoder.down_blocks.1.norm.running_var"]),
        (fom.detector.hourglass.up[0].conv.weight, kp["predictor.decoder.up_blocks.0.conv.weight"]),
        (fom.motion.mask.weight, generator["dense_motion_network.mask.weight"]),
        (fom.motion.occlusion.bias, generator["dense_motion_network.occlusion.bias"]),
        (fom.generator.first.conv.weight, generator["first.conv.weight"]),
        (fom.generator.down[1].conv.weight, generator["down_blocks.1.conv.weight"]),
        (fom.generator.middle[5].conv2.weight, generator["bottleneck.r5.conv2.weight"]),
        (fom.generator.up[1].norm.bias, generator["up_blocks.1.norm.bias"]),
        (fom.generator.final.weight, generator["final.weight"]),
    ):
        assert torch.equal(ours, published)


def test_the_command_takes_it_in_place_of_a_training(tmp_path):
    path = save(tmp_path / "cpk.pth.tar", drawn(shapes_of(**SMALL)))
    words = ["--data", tmp_path, "--out", tmp_path / "out", "--state", tmp_path, "--pictures", "8", "--weights", path]
    assert command.main(list(map(str, words))) == 0
    card, found = read_json(tmp_path / "out/fom.json"), load_fom(tmp_path / "out" / FILE)
    assert card["source"]["file"] == "cpk.pth.tar" and "not trained by this project" in card["start"]
    images = torch.rand(1, 3, 32, 32)
    assert torch.equal(found.reenact(images, images.flip(-1)), load_published(path).reenact(images, images.flip(-1)))


def test_the_published_size_is_found(tmp_path):
    path = save(tmp_path / "cpk.pth.tar", drawn(shapes_of()))
    assert load_published(path).sizes == fom_sizes(256).model_copy(update={"max_channels": 256})  # 64 * 4: never 512


def dropped(networks, network, name):
    del networks[network][name]


def reshaped(networks, network, name):
    networks[network][name] = torch.zeros(2)


def added(networks, network, name):
    networks[network][name] = torch.zeros(2)


@pytest.mark.parametrize(
    ("change", "network", "name", "message"),
    [
        (dropped, "generator", "final.bias", r"no tensor for 'generator\.final\.bias'"),
        (dropped, "kp_detector", "kp.weight", r"no tensor for 'detector\.heat\.weight'"),
        (reshaped, "generator", "final.bias", r"'generator\.final\.bias' has shape \(2,\), expected \(3,\)"),
        (added, "generator", "pix.weight", r"'generator\.pix\.weight' has no place"),
    ],
)
def test_another_networks_file_is_refused(tmp_path, change, network, name, message):
    networks = drawn(shapes_of(**SMALL))
    change(networks, network, name)
    with pytest.raises(DgError, match=message):
        load_published(save(tmp_path / "cpk.pth.tar", networks))


class Code:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_code_in_a_file_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DgError, match="pickled code"):
        load_published(save(tmp_path / "cpk.pth.tar", {"generator": {"a": Code()}}))
    assert not (tmp_path / "ran").exists()


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(DgError, match=r"not found\. Give the file of the authors' checkpoint, vox-cpk"):
        load_published(tmp_path / "none.pth.tar")
    (tmp_path / "cpk.pth.tar").write_bytes(b"nothing")
    with pytest.raises(DgError, match=r"no torch\.save file"):
        load_published(tmp_path / "cpk.pth.tar")
    torch.save({"generator": {}}, tmp_path / "empty.pth.tar")
    with pytest.raises(DgError, match="no tensor for"):
        load_published(tmp_path / "empty.pth.tar")
