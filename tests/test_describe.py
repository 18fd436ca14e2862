"""The table of the networks: counts by hand, and against the networks that trainings build."""

from __future__ import annotations

import re
from itertools import pairwise

import pandas as pd
import pytest
import torch

from dg.cli import main
from dg.describe import describe, layers, networks
from dg.errors import DgError
from dg.fom.networks import Fom
from dg.identity import DIMENSIONS
from dg.identity.encoder import load_face_encoder
from dg.rfg.model import Rfg
from dg.rfg.objectives import judge_channels
from dg.sizes.fom import FomSizes
from dg.steps.registry import step_settings
from dg.study.variants import with_overrides
from tests.scales import params_at


def values(preset):
    return with_overrides(params_at("paper").model_copy(update={"preset": preset}), "dg")


@pytest.fixture(scope="module")
def tables(shipped_file):
    return {preset: describe(shipped_file, preset, "paper") for preset in ("paper", "released")}


def linear(*widths):
    return sum((a + 1) * b for a, b in pairwise(widths))


@pytest.mark.parametrize(("preset", "d", "code"), [("paper", 204, 160), ("released", 136, 4096)])
def test_the_idsg_counted_by_hand(tables, preset, d, code):
    totals = tables[preset].groupby("network")["parameters"].sum()
    assert totals["E_l"] == linear(*[d] * 7)
    assert totals["R_l"] == linear(d + code, *[512] * 5, d)
    assert totals["D_l"] == linear(*[d] * 6, 1)
    assert totals["C_l"] == linear(*[d] * 6, 67)


@pytest.mark.parametrize("preset", ["paper", "released"])
def test_no_parameter_is_missed_or_counted_twice(tables, preset):
    totals = tables[preset].groupby("network")["parameters"].sum()
    found = networks(values(preset))
    assert list(found) == list(tables[preset]["network"].unique())
    assert ("D_s" in found) == (preset == "paper")  # the release has none
    for name, (net, _) in found.items():
        assert totals[name] == sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("preset", ["paper", "released"])
def test_the_painters_are_those_of_a_training(preset):
    found, settings = networks(values(preset)), step_settings(values(preset), "rfg", phase="self")
    with torch.device("meta"):
        rfg = Rfg(settings.sizes)
    for name, part in (("G_f", rfg.generator), ("E_s", rfg.style_encoder)):
        shapes = {key: t.shape for key, t in part.state_dict().items()}
        assert {key: t.shape for key, t in found[name][0].state_dict().items()} == shapes
    assert found["D_f"][0].first.in_channels == judge_channels(settings) == (3 if preset == "paper" else 6)


def test_shapes_and_kernels_at_256_pixels(tables):
    table = tables["paper"].set_index(["network", "layer"])
    row = table.loc[("G_f", "first")]
    assert (row.type, row.output, row.kernel, row.parameters) == ("Conv2d", "64 x 256 x 256", "3 x 3", 64 * 28)
    assert table.loc[("G_f", "down.3.conv2")].output == "512 x 16 x 16"
    assert table.loc[("G_f", "to_rgb.2")].output == "3 x 256 x 256"
    assert table.loc[("E_s", "last.1")].output == "512 x 1 x 1"
    assert table.loc[("E_s", "linear")].output == "128"
    assert table.loc[("R_l", "11")].type == "Sigmoid"


def test_layers_come_in_the_order_of_their_calls_and_shared_ones_at_each_call():
    act = torch.nn.ReLU()
    with torch.device("meta"):
        net = torch.nn.Sequential(torch.nn.Linear(2, 3), act, torch.nn.Linear(3, 5), act)
    table = layers("N", net, ((1, 2),))
    assert list(table["layer"]) == ["0", "1", "2", "1"]
    assert list(table["output"]) == ["3", "3", "5", "5"]
    assert list(table["parameters"]) == [9, 0, 20, 0]


def test_the_code_length_is_the_face_encoders():
    assert load_face_encoder("synthface-id")(torch.zeros(1, 3, 64, 64), torch.rand(1, 68, 3)).shape == (
        1,
        DIMENSIONS["synthface-id"],
    )


def test_another_picture_size_has_fewer_blocks(shipped_file, tables):
    small = describe(shipped_file, "paper", "paper", 64).set_index(["network", "layer"])
    assert small.loc[("G_f", "first"), "output"] == "64 x 64 x 64"
    assert len(small.loc["E_s"]) < (tables["paper"]["network"] == "E_s").sum()
    with pytest.raises(DgError, match=r"image_size.*100"):
        describe(shipped_file, "paper", "paper", 100)


def test_the_command_prints_totals_and_writes_the_table(tmp_path, capsys, shipped_file, tables):
    out = tmp_path / "networks.csv"
    assert main(["describe", "--params", str(shipped_file), "--preset", "released", "--csv", str(out)]) == 0
    pd.testing.assert_frame_equal(pd.read_csv(out, dtype={"layer": str, "output": str}).fillna(""), tables["released"])
    printed = capsys.readouterr().out
    assert f"{tables['released']['parameters'].sum():,}" in printed.splitlines()[-1]


def test_the_rivals_published_networks(capsys, shipped_file):
    assert main(["describe", "--params", str(shipped_file), "--method", "fom"]) == 0
    totals = dict(re.findall(r"(?m)^(key points|motion|generator|all) +([\d,]+)$", capsys.readouterr().out))
    millions = {name: round(int(number.replace(",", "")) / 1e6, 1) for name, number in totals.items()}
    assert (millions["key points"], millions["motion"]) == (14.2, 37.7)
    # Its authors count the dense motion with the generator.
    assert millions["all"] - millions["key points"] == pytest.approx(45.6)
    with torch.device("meta"):
        assert int(totals["all"].replace(",", "")) == sum(p.numel() for p in Fom(FomSizes()).parameters())


@pytest.mark.parametrize(("preset", "scale"), [("papre", "paper"), ("paper", "papre")])
def test_an_unknown_preset_or_scale_is_named(shipped_file, preset, scale):
    with pytest.raises(DgError, match="'papre'"):
        describe(shipped_file, preset, scale)
