"""Exactly the values each pipeline step uses, as plain dictionaries. One function per step.

`step_settings(params, step, variant, **which)` is what the Snakemake rules and the command line call. A step sees
nothing of params.yaml but this dictionary, so a value that is missing here can't change a result behind Snakemake's
back.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dg.errors import DgError
from dg.params import Params, variants, with_overrides
from dg.weights import bundled_digest

METHODS = ("dg", "source_unchanged", "reference_unchanged")


def dataset_of(params: Params, benchmark: str) -> str:
    """The data set that stands for `benchmark`; "MPIE_LP" (Large Pose) shares MPIE's."""
    return getattr(params.benchmarks, "MPIE" if benchmark == "MPIE_LP" else benchmark)


def datasets_in_use(params: Params) -> list[str]:
    """The data sets behind the benchmarks, each once."""
    return sorted(set(params.benchmarks.model_dump().values()))


def model_of(params: Params, dataset: str, variant: str = "dg") -> str:
    """The name of the model that `dataset` is tested with: "joint" or the data set's own."""
    return "joint" if with_overrides(params, variant).train_on == "joint" else dataset


def rfg_tested(params: Params, variant: str) -> str:
    """The training rule whose RFG is tested."""
    return "rfg_self" if with_overrides(params, variant).rfg.cross_phase == "skip" else "rfg_cross"


def training_sets(params: Params, model: str) -> list[str]:
    """The data sets whose training parts `model` learns from."""
    return datasets_in_use(params) if model == "joint" else [model]


def _synthface(p: Params, dataset: str) -> dict[str, Any]:
    sizes = getattr(p.sizes.synthface, dataset).model_dump()
    return {"set": dataset, "seed": p.seed, "size": p.sizes.image_size, **sizes}


def _manifest(p: Params, dataset: str) -> dict[str, Any]:
    entry = p.datasets[dataset]
    return {"dataset": dataset, "kind": entry.kind, "fps": entry.fps, "max_broken": entry.max_broken}


def _frames(p: Params, dataset: str) -> dict[str, Any]:
    entry = p.datasets[dataset]
    settings = {
        "dataset": dataset,
        "crop": entry.crop,
        "size": p.sizes.image_size,
        "format": p.sizes.image_format,
        "shards": entry.shards,
        "max_broken": entry.max_broken,
    }
    if entry.crop == "detect":
        settings |= {"detector": p.landmarks.detector, "detector_weights": p.landmarks.detector_weights}
    return settings


def _landmarks(p: Params) -> dict[str, Any]:
    backend = p.landmarks.backend
    return {
        "backend": backend,
        "weights": bundled_digest(backend),
        "visibility": bundled_digest("visibility-synthface"),
    }


def _identity(p: Params) -> dict[str, Any]:
    backend = p.identity.backend
    return {"backend": backend, "weights": bundled_digest(backend)}


def _pairs(p: Params, benchmark: str) -> dict[str, Any]:
    return {"benchmark": benchmark, "seed": p.seed, **p.sizes.protocols.model_dump()}


def _machine(p: Params) -> dict[str, Any]:
    # Not the number of GPUs: it belongs to the machine, and a result must not be made again on another one.
    return p.training.model_dump(include={"accumulate", "compile"})


def _idsg(p: Params, phase: str) -> dict[str, Any]:
    sizes = p.sizes.idsg.model_dump(mode="json")
    steps = {"self": sizes.pop("self_steps"), "cross": sizes.pop("cross_steps")}[phase]
    return {
        "phase": phase,
        "seed": p.training_seed,
        "lambda_l": p.lambda_l,
        "lambda_c": p.lambda_c,
        "lambda_vls": p.lambda_vls,
        "lambda_a": p.lambda_a,
        "sigma": list(p.sigma),
        **p.idsg.model_dump(mode="json"),
        **sizes,
        "steps": steps,
        **_machine(p),
    }


def _rfg(p: Params, phase: str) -> dict[str, Any]:
    sizes = p.sizes.rfg.model_dump(mode="json")
    steps = {"self": sizes.pop("self_steps"), "cross": sizes.pop("cross_steps")}[phase]
    choices = p.rfg.model_dump(mode="json")
    init = choices.pop("init")
    choices.pop("cross_phase")  # decides which model is tested, not how one is trained
    return {
        "phase": phase,
        "seed": p.training_seed,
        "size": p.sizes.image_size,
        "lambda_at": p.lambda_at,
        "lambda_id": p.lambda_id,
        "lambda_st": p.lambda_st,
        "lambda_lm": p.lambda_lm,
        "lambda_ds": p.lambda_ds,
        **choices,
        **sizes,
        "steps": steps,
        **_machine(p),
        "init": bundled_digest("rfg-synthface") if phase == "self" and init == "bundled" else None,
        "landmarks": _landmarks(p),
        "identity": _identity(p),
    }


def _finetune(p: Params) -> dict[str, Any]:
    tuning = p.sizes.fine_tune
    return _rfg(p, "self") | {"steps": tuning.steps, "lr": tuning.lr, "frames": tuning.frames, "init": None}


def _reenact(p: Params, benchmark: str, method: str) -> dict[str, Any]:
    if method not in METHODS:
        raise DgError(f"no method '{method}', only {', '.join(METHODS)}.")
    settings: dict[str, Any] = {"benchmark": benchmark, "method": method}
    if method == "dg":
        settings |= {"landmark_dims": p.idsg.landmark_dims, "line_width": p.rfg.line_width}
    return settings


def _evaluate(p: Params, benchmark: str, method: str) -> dict[str, Any]:
    return {"benchmark": benchmark, "method": method, "seed": p.seed, **p.metrics.model_dump()}


def _figure(p: Params, benchmark: str, method: str) -> dict[str, Any]:
    return {"benchmark": benchmark, "method": method}


def _table4(p: Params) -> dict[str, Any]:
    benchmarks = p.benchmarks.model_dump()
    return {
        "benchmarks": benchmarks,
        "kinds": {benchmark: p.datasets[dataset].kind for benchmark, dataset in benchmarks.items()},
        "scale": p.scale,
        "landmarks": p.landmarks.backend,
        "identity": p.identity.backend,
        "init": p.rfg.init,
    }


def _ace(p: Params, benchmark: str) -> dict[str, Any]:
    return {"benchmark": benchmark, "seed": p.seed, "bootstrap": p.metrics.bootstrap}


def _ablation(p: Params, table: str) -> dict[str, Any]:
    dataset = dataset_of(p, "RaFD")
    settings = {
        "table": table,
        # A list: the order of the rows must outlive JSON with sorted keys.
        "rows": [[row, getattr(p.ablations, table).get(row, {})] for row in variants(p, table)],
        "seeds": p.sizes.tables.seeds,
        "data_set": dataset,
        "kind": p.datasets[dataset].kind,
        "scale": p.scale,
        "landmarks": p.landmarks.backend,
        "identity": p.identity.backend,
        "bootstrap": p.metrics.bootstrap,
        "seed": p.seed,
    }
    return settings | ({"init": p.rfg.init} if table == "table2" else {})


_STEPS = {
    "synthface": _synthface,
    "manifest": _manifest,
    "frames": _frames,
    "landmarks": _landmarks,
    "identity": _identity,
    "pairs": _pairs,
    "idsg": _idsg,
    "rfg": _rfg,
    "finetune": _finetune,
    "reenact": _reenact,
    "evaluate": _evaluate,
    "figure": _figure,
    "table4": _table4,
    "ace": _ace,
    "ablation": _ablation,
}


def step_settings(params: Params, step: str, variant: str = "dg", **which: str) -> dict[str, Any]:
    """The values that `step` of the ablation `variant` uses.

    Args:
        which: what the step works on: dataset, benchmark, phase, method.

    Raises:
        DgError: no such ablation or method.
    """
    return _STEPS[step](with_overrides(params, variant), **which)


# What each training's and test's result also depends on, besides its own settings.
_IDSG_SELF, _IDSG_CROSS = ("idsg", {"phase": "self"}), ("idsg", {"phase": "cross"})
_RFG_SELF, _RFG_CROSS = ("rfg", {"phase": "self"}), ("rfg", {"phase": "cross"})
_UPSTREAM = {
    "idsg_self": [_IDSG_SELF],
    "idsg_cross": [_IDSG_SELF, _IDSG_CROSS],
    "rfg_self": [_RFG_SELF],
    "rfg_cross": [_IDSG_SELF, _IDSG_CROSS, _RFG_SELF, _RFG_CROSS],
}


def owner(params: Params, rule: str, variant: str) -> str:
    """The variant whose run of a training rule serves `variant`: the first one with the same values.

    A row of Table 2 that changes the RFG's losses shares the IDSG with the others instead of training it again.

    Args:
        rule: idsg_self, idsg_cross, rfg_self or rfg_cross.
    """

    def values(name: str) -> list[Any]:
        changed = with_overrides(params, name)
        return [changed.train_on, *(_STEPS[step](changed, **which) for step, which in _UPSTREAM[rule])]

    wanted = values(variant)
    return next(name for name in all_variants(params) if values(name) == wanted)


def all_variants(params: Params) -> list[str]:
    """Every variant: "dg" and the runs of Tables 1 and 2."""
    runs = [name for table in ("table1", "table2") for names in variants(params, table).values() for name in names]
    return ["dg", *runs]


def raw_folder(dataset: str) -> Path:
    """Where the raw pictures or videos of `dataset` lie."""
    return Path("data/raw") / dataset
