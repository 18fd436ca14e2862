"""dvc.yaml: a value that changes what a stage's Snakemake jobs do must make DVC run that stage."""

from __future__ import annotations

import copy
import itertools
from functools import cache
from pathlib import Path

import pytest
import yaml

from dg import params, settings
from dg.errors import DgError
from dg.networks import TRAININGS
from dg.study.data import dataset_of, datasets_of
from dg.study.figures import FIGURES
from dg.study.models import datasets_in_use, model_of, networks_of, training_behind, training_sets
from dg.study.rows import figure_rows, methods_of
from dg.study.tables import ABLATIONS, COMPARISONS
from dg.study.variants import all_variants, with_overrides
from dg.tests import COMPARED, TESTS
from dg.trained import Checkpoints

ROOT = Path(__file__).parent.parent
VALUES = params.read_values(ROOT / "params.yaml")
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
# So that the detector has something to do.
VALUES["datasets"]["synth_rafd"]["crop"] = "detect"
UNUSED = {("datasets", name) for name in VALUES["datasets"] if name not in VALUES["benchmarks"].values()}
UNUSED |= {("presets", name) for name in VALUES["presets"] if name != VALUES["preset"]}
OF_THE_SCALE = [
    ("image_size",), ("image_format",), ("idsg", "batch"), ("idsg", "cross_steps"), ("rfg", "self_steps"),
    ("rfg", "channels"), ("protocols", "references"), ("fine_tune", "steps"), ("fine_tune", "frames"),
    ("tables", "seeds"), ("tables", "figure6"), ("synthface", "synth_rafd", "people"),
]  # fmt: skip


def leaves(block, path=()):
    """Paths of all values, blocks of rows and of overrides each as one."""
    for key, value in block.items():
        if isinstance(value, dict) and value and path[:1] != ("ablations",) and path[:1] != ("presets",):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


KEYS = [path for path in leaves(VALUES) if path[0] != "scales" and path[:2] not in UNUSED]
KEYS += [("scales", VALUES["scale"], *path) for path in OF_THE_SCALE]
WORDS = [
    *VALUES["scales"], *VALUES["presets"], *VALUES["datasets"], *VALUES["benchmarks"], "own", "abs", "raw", "released",
    "all", "self", "reconstructed", "hinge", "perceptual", "skip", "scratch", "fan", "sfd", "vggface", "arcface",
    "inception", "vgg16", "adain", "demodulated", "instance", "bilinear", "none", "reference", "detect", "whole",
    "faces", "jpeg", "text --pairs {pairs} --out {out}",
]  # fmt: skip


def candidates(value):
    """Other values of about the same kind; which of them are valid is for dg.params to say."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value + 1, value * 2, value / 2, 1, 2, 64)
    elif isinstance(value, list):
        yield from (value[:1], [2 * number for number in value if isinstance(number, float)])
    elif isinstance(value, dict):
        yield from ({**value, "lambda_c": 7}, {**value, "mine": {"lambda_c": 7}})
    else:
        yield from WORDS


def mutated(path):
    """params.yaml with another valid value at `path`."""
    old = VALUES
    for key in path:
        old = old[key]
    for new in candidates(old):
        values = copy.deepcopy(VALUES)
        block = values
        for key in path[:-1]:
            block = block[key]
        block[path[-1]] = new
        try:
            p = params.validate(values, "params.yaml")
            for variant in all_variants(p):
                with_overrides(p, variant)
        except DgError:
            continue
        if new != old:
            return p
    raise AssertionError(f"no other valid value for {path}")


def jobs(p):
    """Stage -> what decides about its files: per job the settings of its step and what else picks its inputs."""
    step = cache(lambda *args, **which: settings.step_settings(p, *args, **which))
    checkpoints = Checkpoints(p)
    variants = all_variants(p)[1:]
    sets = datasets_in_use(p)

    def data(name):
        rendered = {"raw": step("synthface", dataset=name)} if p.datasets[name].kind == "synthface" else {}
        return [rendered, step("manifest", dataset=name), step("frames", dataset=name)]

    def training(rule, variant):
        record = TRAININGS[rule]
        models = {name: model_of(p, name, variant) for name in sets}
        learnt = {model: training_sets(p, model) for model in models.values()}
        paths = [checkpoints.of(record, model, variant).path for model in models.values()]
        return [paths, models, learnt, step(record.step, variant, **record.which)]

    def test(variant, benchmark, method):
        which = {"benchmark": benchmark, "method": method}
        trained = [training_behind(p, network, benchmark, variant).rule for network in networks_of(p, method)]
        values = [step(name, variant, **which) for name in ("reenact", "evaluate")]
        return [which, datasets_of(p, benchmark), trained, *values]

    tested = [(benchmark, method) for benchmark in COMPARED for method in methods_of(p, benchmark)]
    found = {
        "landmarks": [step("landmarks"), step("identity"), {name: data(name) for name in sets}]
        + [[dataset_of(p, name), step("pairs", benchmark=name)] for name in TESTS],
        **{rule: training(rule, "dg") for rule in TRAININGS},
        "evaluate": [test("dg", *which) for which in tested],
        "tables": [step("curves"), *(step("comparison", table=table) for table in COMPARISONS), tested],
        "report": [step("report"), tested, sets]
        + [[step("figure", benchmark=name), dataset_of(p, name)] for name in COMPARED]
        + [[step("paper_figure", figure=name), figure_rows(p, name)] for name in FIGURES],
        "ablations": [training(rule, variant) for rule in TRAININGS for variant in variants],
    }
    for variant in variants:
        table = variant.split("-")[0]
        found["ablations"].append(test(variant, "Extreme" if table == "figure6" else "RaFD", "dg"))
        if table == "table1":
            found["ablations"].append(step("ace", variant, benchmark="RaFD"))
    found["ablations"] += [step("ablation", table=table) for table in ABLATIONS]
    return found


@pytest.fixture(scope="module")
def shipped():
    return jobs(params.validate(VALUES, "params.yaml"))


@pytest.fixture(autouse=True)
def _remembered_variants(monkeypatch):
    """The values of a variant are asked for a hundred times per key, and each time checked anew."""
    known = {}

    def remembered(p, variant):
        if (id(p), variant) not in known:
            known[id(p), variant] = p, with_overrides(p, variant)
        return known[id(p), variant][1]

    monkeypatch.setattr(settings, "with_overrides", remembered)


def upstream(stage):
    """The stages on whose outputs `stage` depends, itself among them."""
    makers = {
        name: {key for out in [*each.get("outs", []), *each.get("metrics", [])] for key in out}
        for name, each in STAGES.items()
    }
    found = {stage}
    for name in itertools.chain.from_iterable(itertools.repeat(list(makers), len(makers))):
        if any(makers[name] & set(STAGES[one].get("deps", [])) for one in found):
            found.add(name)
    return found


@pytest.mark.parametrize("path", KEYS, ids=".".join)
def test_a_changed_key_runs_every_stage_whose_jobs_it_changes(path, shipped):
    changed = {stage for stage, found in jobs(mutated(path)).items() if found != shipped[stage]}
    assert changed, "no job sees this key"
    declaring = {stage for stage in changed if path[0] in STAGES[stage]["params"]}
    for stage in changed:
        assert upstream(stage) & declaring, f"dvc.yaml: stage {stage} must list {path[0]} among its params"


def test_every_stage_that_runs_snakemake_watches_the_rules():
    for name, stage in STAGES.items():
        if stage["cmd"].startswith("snakemake"):
            assert {"Snakefile", "workflow/rules"} <= set(stage["deps"]), name
