"""The recipe of the bundled networks, through the workflow's own rules, at the smallest sizes."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from dg.checkpoints import load_checkpoint
from dg.files import read_json
from dg.fom.model import load_fom
from dg.identity.network import FaceCodeNet, ShapeBranch, SynthFaceId
from dg.idsg import load_idsg
from dg.landmarks.fan import load_landmark_net
from dg.landmarks.visibility import PointVisibility
from dg.rfg.model import Rfg
from dg.sizes.rfg import RfgSizes

ROOT = Path(__file__).resolve().parent.parent
SIZES = {
    "pictures": {"people": 4, "pictures": 4},
    "fan-synthface": {"held_out": 0.5, "steps": 2, "batch": 2, "depth_steps": 5, "depth_batch": 4},
    "visibility-synthface": {"held_out": 0.5, "steps": 5, "batch": 4},
}
NETWORKS = ("fan-synthface", "visibility-synthface")
PEOPLE = {"people": 4, "pictures": 2, "size": 32}  # of the bundle; every second is kept for measuring
RECIPES = {
    "Recipe": {"pictures": 4, "batch": 2, "adversarial_from": 0.5, "held_out": 0.5, "patch": 16, "size": 32}
    | {"channels": 4, "max_channels": 8, "style_dim": 6},
    "IdentityRecipe": {"steps": 2, "people": 2, "held_out": 0.5},
    "ShapeRecipe": {"steps": 2, "people": 2, "held_out": 0.5, "dimension": 3},
    "IdsgRecipe": {"steps": 2, "batch": 4},
    "FomRecipe": {"pictures": 4, "batch": 2, "half_until": 0, "held_out": 0.5, "size": 32},
}
"""In the place of the defaults of dg/pretraining/faces/recipe.py."""
FACES = ("synthface-id", "rfg-synthface", "idsg-synthface", "fom-synthface")


def put(file, before, value):
    """Write `value` over the number, the two or the constant behind the pattern `before`."""
    number = r"(?:\d[\d_.e-]*(?:, \d+)?|[A-Z_]+)"
    text, count = re.subn(rf"({before}){number}", rf"\g<1>{value}", file.read_text(), count=1, flags=re.S)
    assert count == 1, before
    file.write_text(text)


@pytest.fixture(scope="module")
def made(tmp_path_factory, shipped_file):
    """data/pretraining of a copy of the project, made by Snakemake."""
    folder = tmp_path_factory.mktemp("recipe") / "project"
    for name in ("dg", "workflow", "profiles"):
        shutil.copytree(ROOT / name, folder / name)
    for path in (ROOT / "Snakefile", shipped_file):
        shutil.copy2(path, folder)
    settings = folder / "dg/pretraining/settings.yaml"
    values = yaml.safe_load(settings.read_text(encoding="utf-8"))
    settings.write_text(yaml.safe_dump({name: values[name] | sizes for name, sizes in SIZES.items()}), encoding="utf-8")
    faces = folder / "dg/pretraining/faces"
    for name, sizes in RECIPES.items():
        for key, value in sizes.items():
            put(faces / "recipe.py", rf"\nclass {name}:.*?\n    {key}: \w+ = _value\(", value)
    for key, value in PEOPLE.items():
        put(faces / "__main__.py", rf'bundle\.add_argument\("--{key}", type=int, default=', value)
    put(faces / "pack.py", r"\nPAIRS, CHUNK = ", "2, 2")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        ["snakemake", "--cores", "1", "--", "bundled_weights"],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:]
    return folder / "data/pretraining"


def test_it_trains_on_the_people_that_its_settings_ask_for(made):
    index = pd.read_parquet(made / "people/index.parquet")
    assert index["subject"].value_counts().tolist() == [4, 4, 4, 4]
    assert all((made / "people" / path).exists() for column in ("path", "mask") for path in index[column])


def test_its_networks_load_as_the_bundled_ones_do(made):
    fan, visibility = (load_checkpoint(made / f"weights/{name}.safetensors") for name in NETWORKS)
    assert load_landmark_net("fan-synthface", weights=fan).detect(torch.rand(1, 3, 128, 128)).points.shape == (1, 68, 3)
    PointVisibility().load_state_dict(visibility)
    assert fan["fan.l0.weight"].dtype == torch.float16


def test_its_generators_and_e_f_load_as_the_bundled_ones_do(made):
    weights = made / "weights"
    identity = load_checkpoint(weights / "synthface-id.safetensors")
    sizes = RECIPES["ShapeRecipe"]["dimension"]
    SynthFaceId(FaceCodeNet(), ShapeBranch(sizes)).load_state_dict(identity)
    assert load_idsg(weights / "idsg-synthface.safetensors").coordinates == "centred"
    assert load_fom(weights / "fom-synthface.safetensors").sizes.size == 32
    card = read_json(weights / "rfg-synthface.json")
    assert card["sizes"] | {"size": 32, "channels": 4, "style_dim": 6} == card["sizes"] and card["pictures"] == 4
    stored = load_checkpoint(weights / "rfg-synthface.safetensors")
    rfg = {name.removeprefix("ema_rfg."): t.float() for name, t in stored.items() if name.startswith("ema_rfg.")}
    Rfg(RfgSizes(**card["sizes"])).load_state_dict(rfg)


@pytest.mark.parametrize("name", FACES)
def test_each_of_these_has_the_card_of_the_bundled_one_too(made, name):
    card, bundled = (read_json(folder / f"{name}.json") for folder in (made / "weights", ROOT / "dg/weights"))
    assert set(card) == set(bundled) - {"remarks", "start"}  # these two are written by hand
    assert set(card["metrics"]) == set(bundled["metrics"])


@pytest.mark.parametrize("name", NETWORKS)
def test_each_comes_with_a_card_of_the_bundled_one_s_form(made, name):
    card, bundled = (read_json(folder / f"{name}.json") for folder in (made / "weights", ROOT / "dg/weights"))
    assert set(card) == set(bundled)
    assert set(card["metrics"]) == set(bundled["metrics"])
    assert {key: card["settings"][key] for key in SIZES[name]} == SIZES[name]
    assert "8 SynthFace pictures of 2 people that don't exist" in card["data"]


def test_the_face_model_has_the_form_of_the_bundled_one(made):
    table, bundled = (pd.read_csv(path) for path in (made / "face_model.csv", ROOT / "dg/landmarks/face_model.csv"))
    assert list(table) == list(bundled) and table["point"].tolist() == bundled["point"].tolist()
    assert table["weight"].sum() == pytest.approx(1, abs=1e-4)
    # Two people's mean has its centre and size elsewhere than that of hundreds, and is a face like it.
    for axis in ("x", "y", "z"):
        assert np.corrcoef(table[axis], bundled[axis])[0, 1] > 0.99
