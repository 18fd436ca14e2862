"""`python -m dg describe` against parameters counted by hand and against shapes written down elsewhere."""

from itertools import pairwise
from math import prod
from pathlib import Path

import pandas as pd
import pytest

from dg.cli import main
from dg.describe import chosen, describe, layers, networks
from dg.params import read_values, with_overrides
from tests.test_released import generator_shapes, trunk_shapes

PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"


def params(preset, size=None):
    return chosen(read_values(PARAMS), "params.yaml", "paper", preset, size)


@pytest.fixture(scope="module", params=["paper", "released"])
def preset(request):
    return request.param, {network.symbol: network for network in networks(params(request.param))}


def mlp(sizes):
    return sum(i * o + o for i, o in pairwise(sizes))


def test_the_landmark_networks_counted_by_hand(preset):
    name, found = preset
    d = {"paper": 204, "released": 136}[name]
    backend = with_overrides(params(name), "dg").identity.backend
    code = {"synthface-id": 128, "vggface2": 2048, "vggface": 4096}[backend]
    assert found["E_l"].parameters == 6 * (d * d + d)
    assert found["R_l"].parameters == mlp([d + code, *[512] * 5, d])
    assert found["D_l"].parameters == mlp([*[d] * 6, 1])
    assert found["C_l"].parameters == mlp([*[d] * 6, 67])


def test_the_painter_against_the_published_shapes(preset):
    name, found = preset
    style = with_overrides(params(name), "dg").rfg.style_dim
    trunk = sum(map(prod, trunk_shapes("main", 3).values()))
    more_inputs = {"paper": 0, "released": 3 * 64 * 9}[name]
    assert found["E_s"].parameters == trunk + 512 * style + style
    assert found["D_f"].parameters == trunk + more_inputs + 512 + 1
    generator = {k: prod(shape) for k, shape in generator_shapes(style).items() if not k.startswith("to_rgb_lm")}
    published = sum(generator.values())
    wider_head = 3 * 64 * 8  # to_rgb is 3x3 here, 1x1 there
    if name == "released":
        assert found["G_f"].parameters == published + wider_head
        assert "D_s" not in found
    else:
        # Two of the four intermediate blocks have plain norms in place of the style's linear layers.
        plain = 2 * (2 * 2 * 512 - 2 * (style * 1024 + 1024))
        assert found["G_f"].parameters == published + wider_head + plain
        assert found["D_s"].parameters == trunk - 2 * 64 * 9 + 512 + 1


def test_every_parameter_stands_in_one_row_and_shapes_are_right(preset):
    for network in preset[1].values():
        assert layers(network)["parameters"].sum() == network.parameters
    generator = layers(preset[1]["G_f"]).set_index("layer")
    assert generator.loc["first", "output"] == "64x256x256"
    assert generator.loc["down.3.conv2", ["output", "kernel"]].tolist() == ["512x16x16", "3x3"]
    assert generator.loc["styled.0.norm1.linear", "output"] == "1024"
    first_up = {"paper": 2, "released": 4}[preset[0]]
    last = [f"styled.{first_up + k}.conv2" for k in range(4)]
    assert generator.loc[last, "output"].tolist() == ["512x32x32", "256x64x64", "128x128x128", "64x256x256"]
    assert generator["output"].iloc[-1] == "3x256x256"
    encoder = layers(preset[1]["E_s"]).set_index("layer")
    assert encoder.loc["last.1", ["output", "kernel"]].tolist() == ["512x1x1", "4x4"]
    assert encoder.loc["last.1", "parameters"] == 512 * 512 * 16 + 512


def test_the_verb_prints_and_writes_the_same_table(tmp_path, capsys):
    out = tmp_path / "layers.csv"
    arguments = ["describe", "--preset", "released", "--size", "64", "--csv", str(out), "--params", str(PARAMS)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    table = pd.read_csv(out)
    assert printed.startswith("preset: released, scale: paper, 64 px")
    assert list(table["network"].unique()) == ["E_l", "R_l", "D_l", "C_l", "G_f", "E_s", "D_f"]
    total = table["parameters"].sum()
    assert printed.rstrip().endswith(f"{total:,}")
    assert describe(params("released", 64))[0] == printed.rstrip("\n")
    assert main([*arguments[:-1], str(tmp_path / "none.yaml")]) == 1
