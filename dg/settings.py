"""Exactly the values each pipeline step uses, as plain dictionaries. One function per step.

`step_settings(params, step, variant, **which)` is what the Snakemake rules and the command line call. A step sees
nothing of params.yaml but this dictionary, so a value that is missing here can't change a result behind Snakemake's
back.
"""

from __future__ import annotations

import difflib
import inspect
import json
from pathlib import Path
from typing import Any

from dg.digests import stored_digest
from dg.errors import DgError
from dg.metrics.backends import lpips_paths, stand_ins
from dg.params import Params
from dg.steps.landmarks import landmark_network
from dg.steps.registry import STEPS
from dg.steps.settings import Settings
from dg.study.data import dataset_of, standing_in
from dg.study.figures import FIGURES
from dg.study.models import networks_of
from dg.study.rows import figure_rows, method_titles, methods_of
from dg.study.tables import ABLATIONS, COMPARISONS, TABLES
from dg.study.variants import variants_by_row, with_overrides
from dg.tests import COMPARED, TESTS


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


def _pairs(p: Params, benchmark: str) -> dict[str, Any]:
    settings = {"benchmark": benchmark, "seed": p.seed, **p.sizes.protocols.model_dump()}
    if TESTS[benchmark].tuned:
        settings["tuning"] = p.sizes.fine_tune.frames
    if len(TESTS[benchmark].benchmarks) > 1:
        settings["sets"] = [getattr(p.benchmarks, name) for name in TESTS[benchmark].benchmarks]
    return settings


def _evaluate(p: Params, benchmark: str, method: str) -> dict[str, Any]:
    chosen = p.metrics.model_dump()
    if p.metrics.lpips == "auto":
        # Decided here, so that weights that come later score every method again and not the newest alone.
        chosen["lpips"] = "vgg16" if all(path.exists() for path in lpips_paths()) else "none"
    ours = {"landmarks": landmark_network(p).model_dump(), "landmark_dims": p.idsg.landmark_dims}
    settings = {"benchmark": benchmark, "method": method, "seed": p.seed, **chosen, **ours}
    # By it the tables join the runs of one method.
    return settings | ({"training_seed": p.training_seed} if networks_of(p, method) else {})


def _figure(p: Params, benchmark: str) -> dict[str, Any]:
    return {"benchmark": benchmark, "note": _stands_in(p, benchmark)}


def _paper_figure(p: Params, figure: str) -> dict[str, Any]:
    record = FIGURES[figure]
    return {
        "figure": figure,
        "benchmark": record.test,
        "choice": record.choice,
        "labels": [label for label, _, _ in figure_rows(p, figure)],
        "landmarks": record.landmarks,
        "note": f"{_stands_in(p, record.test)}{_shared_start(p, figure)}".strip(),
    }


def _shared_start(p: Params, figure: str) -> str:
    trained = FIGURES[figure].rows == "variants" and p.sizes.rfg.init == "bundled"
    return " Both RFGs start from bundled weights that saw large poses." if trained else ""


def _stands_in(p: Params, test: str) -> str:
    """A sentence on those of a test's benchmarks that SynthFace stands in for; "" if it does for none."""
    names = standing_in(p, test)
    return f"SynthFace stands in for {' and '.join(names)}." if names else ""


def _comparison(p: Params, table: str) -> dict[str, Any]:
    benchmarks = p.benchmarks.model_dump()
    return {
        "table": table,
        "benchmarks": benchmarks,
        "kinds": {benchmark: p.datasets[dataset].kind for benchmark, dataset in benchmarks.items()},
        "titles": list(map(list, method_titles(p).items())),
        "networks": {method: networks_of(p, method) for method in ["dg", *p.methods]},
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
        "tests": [[test, methods_of(p, test)] for test in COMPARED],
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
    (test,) = TABLES[table].tests
    dataset = dataset_of(p, test)
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
    return settings | ({"init": init} if TABLES[table].network == "rfg" else {})


_STEPS = {
    "synthface": _synthface,
    "manifest": _manifest,
    "frames": _frames,
    "pairs": _pairs,
    "evaluate": _evaluate,
    "figure": _figure,
    "paper_figure": _paper_figure,
    "comparison": _comparison,
    "curves": _curves,
    "report": _report,
    "ace": _ace,
    "ablation": _ablation,
}


def step_settings(params: Params, step: str, variant: str = "dg", **which: str) -> Settings | dict[str, Any]:
    """The values that `step` of the ablation `variant` uses.

    Args:
        which: what the step works on: dataset, benchmark, phase, method, figure, table.

    Raises:
        DgError: no such step, ablation or method, or `which` doesn't say what that step works on.
    """
    chosen = with_overrides(params, variant)
    _refuse_wrong(chosen, step, which)
    return STEPS[step].build(chosen, **which) if step in STEPS else _STEPS[step](chosen, **which)


def read_settings(step: str, text: str) -> Settings | dict[str, Any]:
    """What `--settings` says to `step`.

    Raises:
        DgError: no JSON, or a wrong key or value.
    """
    return STEPS[step].settings.read(text) if step in STEPS else json.loads(text)


def _refuse_wrong(params: Params, step: str, which: dict[str, str]) -> None:
    steps = [*_STEPS, *STEPS]
    if step not in steps:
        near = difflib.get_close_matches(step, steps, n=1)
        raise DgError(f"no step '{step}', only {', '.join(steps)}." + (f" Did you mean '{near[0]}'?" if near else ""))
    needed = STEPS[step].which if step in STEPS else list(inspect.signature(_STEPS[step]).parameters)[1:]
    if set(which) != set(needed):
        usage = " ".join(f"{name}=..." for name in needed) or "nothing more"
        raise DgError(f"step '{step}' needs {usage}; it got {', '.join(which) or 'nothing'}.")
    known = {
        "dataset": list(params.sizes.synthface.model_dump() if step == "synthface" else params.datasets),
        "benchmark": list(TESTS),
        "phase": ["self", "cross"],
        "figure": list(FIGURES),
        "table": ABLATIONS if step == "ablation" else COMPARISONS,
    }
    for name, value in which.items():
        if value not in known.get(name, [value]):
            raise DgError(f"step '{step}': no {name} '{value}', only {', '.join(known[name])}.")
