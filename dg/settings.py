"""Exactly the values each pipeline step uses, as plain dictionaries. One function per step.

`step_settings(params, step, variant, **which)` is what the Snakemake rules and the command line call. A step sees
nothing of params.yaml but this dictionary, so a value that is missing here can't change a result behind Snakemake's
back.
"""

from __future__ import annotations

import difflib
import inspect
from pathlib import Path
from typing import Any

from dg.digests import stored_digest
from dg.errors import DgError
from dg.identity import weights_by_hand
from dg.metrics.backends import lpips_paths, stand_ins
from dg.params import Params
from dg.study.variants import all_variants, main_variants, variants_by_row, with_overrides
from dg.weights import bundled_digest

# The tests of each table, in the paper's order. "Extreme" is Figure 6's: VoxCeleb1's people in MPIE's extreme poses.
TABLE_TESTS = {"table3": ("VoxCeleb1",), "table4": ("VoxCeleb2", "RaFD", "MPIE", "MPIE_LP")}
TESTS = (*TABLE_TESTS["table3"], *TABLE_TESTS["table4"], "Extreme")


# The test behind each of the paper's figures, and how its cases are chosen (dg/reports/paper_figures.py).
FIGURES = {
    "figure2": ("MPIE_LP", "turned"),
    "figure3": ("VoxCeleb1", "spread"),
    "figure4": ("RaFD", "spread"),
    "figure5": ("MPIE_LP", "turned"),
    "figure6": ("Extreme", "turned"),
}


def figure_rows(params: Params, figure: str) -> list[tuple[str, str, str]]:
    """The rows of results in a figure: (label, variant, method)."""
    if figure == "figure6":
        rows = variants_by_row(params, "figure6")
        return [(f"DG trained\n{row.replace('_', ' ')}", names[0], "dg") for row, names in rows.items()]
    benchmark, _ = FIGURES[figure]
    others = {name: method for name, method in params.methods.items() if benchmark in method.benchmarks}
    if figure == "figure2":
        shown = [name for name in others if name == "rfg_alone"]
    else:
        shown = [name for name, method in others.items() if method.figures]
    return [(method_titles(params)[name].replace(" without", "\nwithout"), "dg", name) for name in [*shown, "dg"]]


def methods_of(params: Params, benchmark: str) -> list[str]:
    """The methods that take part in a test: "dg" and those of params.yaml."""
    return ["dg", *(name for name, method in params.methods.items() if benchmark in method.benchmarks)]


def roles_of(params: Params, method: str) -> list[str]:
    """Which of DG's trained networks ("idsg", "rfg") a method uses: "dg" both, a command those that it names."""
    command = "{idsg}{rfg}" if method == "dg" else params.methods[method].command
    return [role for role in ("idsg", "rfg") if f"{{{role}}}" in command]


def variants_of(params: Params, method: str) -> list[str]:
    """The variants behind a method's rows of Tables 3 and 4: one without trained networks, else one per seed."""
    return main_variants(params) if roles_of(params, method) else ["dg"]


def method_titles(params: Params) -> dict[str, str]:
    """What the tables call each method."""
    return {"dg": "DG"} | {name: method.title for name, method in params.methods.items()}


def dataset_of(params: Params, benchmark: str) -> str:
    """The data set that stands for `benchmark`; "MPIE_LP" (Large Pose) shares MPIE's, "Extreme" tests VoxCeleb1's."""
    return getattr(params.benchmarks, {"MPIE_LP": "MPIE", "Extreme": "VoxCeleb1"}.get(benchmark, benchmark))


def datasets_of(params: Params, benchmark: str) -> list[str]:
    """The data sets whose pictures `benchmark` pairs, each once."""
    sets = [dataset_of(params, benchmark)]
    return list(dict.fromkeys([*sets, params.benchmarks.MPIE])) if benchmark == "Extreme" else sets


def datasets_in_use(params: Params) -> list[str]:
    """The data sets behind the benchmarks, each once."""
    return sorted(set(params.benchmarks.model_dump().values()))


def model_of(params: Params, dataset: str, variant: str = "dg") -> str:
    """The name of the model that `dataset` is tested with: "joint", the data set's own, or the sets it learns from."""
    chosen = with_overrides(params, variant).train_on
    if chosen in ("joint", "own"):
        return "joint" if chosen == "joint" else dataset
    return "+".join(sorted({getattr(params.benchmarks, name) for name in chosen}))


def networks_of(params: Params, variant: str, benchmark: str) -> tuple[str, str]:
    """The training rules whose IDSG and RFG are tested: the self phase's in self-reenactment (VoxCeleb1)."""
    if benchmark == "VoxCeleb1":
        return "idsg_self", "rfg_self"
    return "idsg_cross", _rfg_tested(params, variant)


def _rfg_tested(params: Params, variant: str) -> str:
    return "rfg_self" if with_overrides(params, variant).rfg.cross_phase == "skip" else "rfg_cross"


def training_sets(params: Params, model: str) -> list[str]:
    """The data sets whose training parts `model` learns from."""
    return datasets_in_use(params) if model == "joint" else model.split("+")


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
        chosen = p.landmarks.detector_weights
        settings |= {"detector": p.landmarks.detector, "detector_weights": chosen}
        settings["detector_digest"] = stored_digest(Path(chosen)) if chosen else None
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
    by_hand = weights_by_hand(backend)
    return {"backend": backend, "weights": stored_digest(by_hand) if by_hand else bundled_digest(backend)}


def _pairs(p: Params, benchmark: str) -> dict[str, Any]:
    settings = {"benchmark": benchmark, "seed": p.seed, **p.sizes.protocols.model_dump()}
    if benchmark == "VoxCeleb1":
        settings["tuning"] = p.sizes.fine_tune.frames
    if benchmark == "Extreme":
        settings["sets"] = [p.benchmarks.VoxCeleb1, p.benchmarks.MPIE]
    return settings


def _machine(p: Params) -> dict[str, Any]:
    # Not the number of GPUs: it belongs to the machine, and a result must not be made again on another one.
    return p.training.model_dump(include={"accumulate", "compile"})


def _idsg(p: Params, phase: str) -> dict[str, Any]:
    sizes = p.sizes.idsg.model_dump(mode="json")
    steps = {"self": sizes.pop("self_steps"), "cross": sizes.pop("cross_steps")}[phase]
    # The self phase has no pairs of different subjects: without them eq. (3) is zero, and its weight changes nothing.
    counted = phase == "cross" or p.idsg.vls_pairs == "all"
    return {
        "phase": phase,
        "seed": p.training_seed,
        "lambda_l": p.lambda_l,
        "lambda_c": p.lambda_c,
        "lambda_vls": p.lambda_vls if counted else 0.0,
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
    init = sizes.pop("init")
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
    if method not in methods_of(p, benchmark):
        raise DgError(f"{benchmark}: no method '{method}', only {', '.join(methods_of(p, benchmark))}.")
    settings: dict[str, Any] = {"benchmark": benchmark, "method": method}
    if method != "dg":
        return settings | p.methods[method].model_dump(include={"command", "version"})
    settings |= {"landmark_dims": p.idsg.landmark_dims, "line_width": p.rfg.line_width}
    return settings | ({"tuning": _finetune(p)} if benchmark == "VoxCeleb1" else {})


def _evaluate(p: Params, benchmark: str, method: str) -> dict[str, Any]:
    chosen = p.metrics.model_dump()
    if p.metrics.lpips == "auto":
        # Decided here, so that weights that come later score every method again and not the newest alone.
        chosen["lpips"] = "vgg16" if all(path.exists() for path in lpips_paths()) else "none"
    ours = {"landmarks": _landmarks(p), "landmark_dims": p.idsg.landmark_dims}
    settings = {"benchmark": benchmark, "method": method, "seed": p.seed, **chosen, **ours}
    # By it the tables join the runs of one method.
    return settings | ({"training_seed": p.training_seed} if roles_of(p, method) else {})


def _figure(p: Params, benchmark: str) -> dict[str, Any]:
    return {"benchmark": benchmark, "note": " ".join(_standing_in(p, [benchmark.removesuffix("_LP")]))}


def _paper_figure(p: Params, figure: str) -> dict[str, Any]:
    benchmark, choice = FIGURES[figure]
    return {
        "figure": figure,
        "benchmark": benchmark,
        "choice": choice,
        "labels": [label for label, _, _ in figure_rows(p, figure)],
        "landmarks": figure == "figure2",
        "note": " ".join(_figure_notes(p, figure)),
    }


def _figure_notes(p: Params, figure: str) -> list[str]:
    names = ["VoxCeleb1", "MPIE"] if figure == "figure6" else [FIGURES[figure][0].removesuffix("_LP")]
    notes = _standing_in(p, names)
    if figure == "figure6" and p.sizes.rfg.init == "bundled":
        notes.append("Both RFGs start from bundled weights that saw large poses.")
    return notes


def _standing_in(p: Params, benchmarks: list[str]) -> list[str]:
    """A sentence on those of the paper's benchmarks that SynthFace stands in for; none, none."""
    names = [name for name in benchmarks if p.datasets[dataset_of(p, name)].kind == "synthface"]
    return [f"SynthFace stands in for {' and '.join(names)}."] if names else []


def _comparison(p: Params, table: str) -> dict[str, Any]:
    benchmarks = p.benchmarks.model_dump()
    return {
        "table": table,
        "benchmarks": benchmarks,
        "kinds": {benchmark: p.datasets[dataset].kind for benchmark, dataset in benchmarks.items()},
        "titles": list(map(list, method_titles(p).items())),
        "networks": {method: roles_of(p, method) for method in ["dg", *p.methods]},
        "scale": p.scale,
        "landmarks": p.landmarks.backend,
        "identity": p.identity.backend,
        "init": p.sizes.rfg.init,
    }


def _curves(p: Params) -> dict[str, Any]:
    return {"titles": list(map(list, method_titles(p).items()))}


def _report(p: Params) -> dict[str, Any]:
    chosen = with_overrides(p, "dg")
    weights = ("lambda_l", "lambda_c", "lambda_vls", "lambda_a", "sigma")
    weights += ("lambda_at", "lambda_id", "lambda_st", "lambda_lm", "lambda_ds")
    shown = {key: getattr(chosen, key) for key in ("scale", "preset", "seed", "training_seed", "train_on", *weights)}
    for block in ("idsg", "rfg", "training"):
        shown |= {f"{block}.{key}": value for key, value in getattr(chosen, block).model_dump(mode="json").items()}
    for block in ("idsg", "rfg", "fine_tune", "protocols"):
        sizes = getattr(chosen.sizes, block).model_dump(mode="json")
        shown |= {f"scales.{p.scale}.{block}.{key}": value for key, value in sizes.items()}
    benchmarks = p.benchmarks.model_dump()
    networks = {
        "landmarks": p.landmarks.backend, "identity": p.identity.backend, "csim": p.metrics.csim, "fid": p.metrics.fid,
    }  # fmt: skip
    return {
        "params": {key: list(value) if isinstance(value, tuple) else value for key, value in shown.items()},
        "benchmarks": benchmarks,
        "kinds": {dataset: p.datasets[dataset].kind for dataset in benchmarks.values()},
        "titles": list(map(list, method_titles(p).items())),
        # Lists: the order must outlive JSON with sorted keys.
        "tests": [[test, methods_of(p, test)] for tests in TABLE_TESTS.values() for test in tests],
        "networks": networks,
        "seeds": p.sizes.tables.comparison_seeds,
        "stand_ins": _stand_ins(p, networks),
    }


def _stand_ins(p: Params, networks: dict[str, str]) -> list[str]:
    """What isn't the paper's, in sentences."""
    phrases = [
        f"data: SynthFace ({dataset}), people who don't exist, instead of {benchmark}"
        for benchmark, dataset in p.benchmarks.model_dump().items()
        if p.datasets[dataset].kind == "synthface"
    ]
    phrases += stand_ins(networks)
    if p.scale != "paper":
        phrases.append(f"sizes and iterations of scale '{p.scale}'")
    return phrases + (["the RFG started from bundled weights"] if p.sizes.rfg.init == "bundled" else [])


def _ace(p: Params, benchmark: str) -> dict[str, Any]:
    return {"benchmark": benchmark, "seed": p.seed, "bootstrap": p.metrics.bootstrap}


def _ablation(p: Params, table: str) -> dict[str, Any]:
    dataset = dataset_of(p, "RaFD")
    settings = {
        "table": table,
        # A list: the order of the rows must outlive JSON with sorted keys.
        "rows": [[row, getattr(p.ablations, table).get(row, {})] for row in variants_by_row(p, table)],
        "seeds": p.sizes.tables.seeds,
        "data_set": dataset,
        "kind": p.datasets[dataset].kind,
        "scale": p.scale,
        "landmarks": p.landmarks.backend,
        "identity": p.identity.backend,
        "bootstrap": p.metrics.bootstrap,
        "seed": p.seed,
    }
    # All rows of the table share its start, which may differ from Table 4's.
    init = with_overrides(p, f"{table}-dg-0").sizes.rfg.init
    return settings | ({"init": init} if table == "table2" else {})


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
    "paper_figure": _paper_figure,
    "comparison": _comparison,
    "curves": _curves,
    "report": _report,
    "ace": _ace,
    "ablation": _ablation,
}


def step_settings(params: Params, step: str, variant: str = "dg", **which: str) -> dict[str, Any]:
    """The values that `step` of the ablation `variant` uses.

    Args:
        which: what the step works on: dataset, benchmark, phase, method, figure, table.

    Raises:
        DgError: no such step, ablation or method, or `which` doesn't say what that step works on.
    """
    chosen = with_overrides(params, variant)
    _refuse_wrong(chosen, step, which)
    return _STEPS[step](chosen, **which)


def _refuse_wrong(params: Params, step: str, which: dict[str, str]) -> None:
    if step not in _STEPS:
        near = difflib.get_close_matches(step, _STEPS, n=1)
        raise DgError(f"no step '{step}', only {', '.join(_STEPS)}." + (f" Did you mean '{near[0]}'?" if near else ""))
    needed = list(inspect.signature(_STEPS[step]).parameters)[1:]
    if set(which) != set(needed):
        usage = " ".join(f"{name}=..." for name in needed) or "nothing more"
        raise DgError(f"step '{step}' needs {usage}; it got {', '.join(which) or 'nothing'}.")
    known = {
        "dataset": list(params.sizes.synthface.model_dump() if step == "synthface" else params.datasets),
        "benchmark": list(TESTS),
        "phase": ["self", "cross"],
        "figure": list(FIGURES),
        "table": ["table1", "table2"] if step == "ablation" else list(TABLE_TESTS),
    }
    for name, value in which.items():
        if value not in known.get(name, [value]):
            raise DgError(f"step '{step}': no {name} '{value}', only {', '.join(known[name])}.")


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
