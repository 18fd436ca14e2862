"""Which checkpoint serves what, for people: of the ablations, with an end to those that serve none, and of methods."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from dg.files import write_csv, write_text
from dg.networks import OF_DG, TRAININGS
from dg.params import Params
from dg.steps.registry import step_settings
from dg.study.figures import FIGURES
from dg.study.rows import figure_rows
from dg.study.tables import ABLATIONS, TABLES
from dg.study.variants import all_variants, main_variants, variants_by_row
from dg.trained import Checkpoint, Checkpoints


def index_of_ablations(params: Params, checkpoints: Checkpoints) -> dict[str, Any]:
    """What `write_index` needs.

    Returns:
        rows: [path, variants, values that differ from dg's] of each checkpoint of Tables 1 and 2, Figure 6 and claims.
        used: names of the folders that belong to a variant, those of tests that are in no table as well.
    """
    rows = []
    for path, variants in _of_ablations(params, checkpoints).items():
        training = checkpoints.at(path).training
        ours, dg = (
            step_settings(params, training.step, name, **training.which).plain() for name in (variants[0], "dg")
        )
        rows.append([path, variants, {key: value for key, value in ours.items() if value != dg[key]}])
    # Those of Tables 3 and 4 lie elsewhere, and of methods that are trained Figure 6 alone tests some: a further seed,
    # or a method that is not in that figure, leaves the index alone.
    main = set(main_variants(params))
    used = {made.digest for made in checkpoints if made.training.network in OF_DG and made.variant not in main}
    used |= {checkpoints.at(path).digest for path, _, _ in rows}
    return {"rows": rows, "used": sorted(used | set(all_variants(params)) - main)}


def write_index(index: dict[str, Any], out: Path, log: Path) -> None:
    """Write the table `out` (CSV: checkpoint, variants, unlike_dg), and remove beside it what no variant uses any more.

    A changed value gives a checkpoint another name, so the old one would stay for ever. It is DVC that brings old ones
    back, with the state that was recorded.

    Args:
        index: see `index_of_ablations`.
        out: lies in the folder of the ablations.
        log: names the folders removed.
    """
    import pandas as pd  # here: the Snakefile imports this module at every start, and pandas takes half a second

    removed = []
    for step in (*TRAININGS, "methods/*", "evaluate", "ace"):
        for folder in sorted(out.parent.glob(f"{step}/*/")):
            if folder.name not in index["used"]:
                removed.append(folder)
                shutil.rmtree(folder)
    table = [(path, " ".join(names), _in_words(changes)) for path, names, changes in index["rows"]]
    write_csv(out, pd.DataFrame(table, columns=["checkpoint", "variants", "unlike_dg"]))
    write_text(log, "".join(f"removed {folder}\n" for folder in removed))


def index_of_methods(params: Params, checkpoints: Checkpoints) -> list[dict[str, Any]]:
    """What `write_models` needs: of each model of a method that is trained its training's values and where it lies."""
    main = [
        made for made in checkpoints if made.training.step == "train_method" and made.variant in main_variants(params)
    ]
    return [
        step_settings(params, made.training.step, made.variant, **made.training.which).plain()
        | {"model": made.model, "checkpoint": made.path}
        for made in main
    ]


def write_models(index: list[dict[str, Any]], out: Path, log: Path) -> None:
    """Write the table `out` (CSV: method, model, training_seed, version, checkpoint), a row per model.

    Args:
        index: see `index_of_methods`.
        log: says how many there are.
    """
    import pandas as pd

    columns = ["method", "model", "seed", "version", "checkpoint"]
    write_csv(out, pd.DataFrame(index, columns=columns).rename(columns={"seed": "training_seed"}))
    write_text(log, f"{len(index)} models\n")


def _of_ablations(params: Params, checkpoints: Checkpoints) -> dict[str, list[str]]:
    """Path -> the variants that use it, of all checkpoints that Tables 1 and 2, Figure 6 and claims rest on."""
    tests = {key: (TABLES[key].tests[0], ("idsg",) if TABLES[key].step == "ace" else OF_DG) for key in ABLATIONS}
    beside = [method for _, _, method in figure_rows(params, "figure6") if method != "dg"]
    tests["figure6"] = FIGURES["figure6"].test, tuple(dict.fromkeys([*OF_DG, *beside]))
    tests["claims"] = tests["table1"]
    found: dict[str, list[str]] = {}
    for key, (test, networks) in tests.items():
        for variant in chain.from_iterable(variants_by_row(params, key).values()):
            tested = [checkpoints.tested(network, test, variant) for network in networks]
            for path in {made.path: None for each in tested for made in _and_before(each)}:
                found.setdefault(path, []).append(variant)
    return found


def _and_before(made: Checkpoint) -> Iterator[Checkpoint]:
    for each in made.needs.values():
        yield from _and_before(each)
    yield made


def _in_words(changes: dict[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in changes.items())
