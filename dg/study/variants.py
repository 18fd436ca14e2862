"""Variants: params.yaml as it stands ("dg"), with a further training seed, or as a row of `ablations` changes it.

A *row* is an entry of `ablations` or, in Tables 1 and 2, "dg"; a *variant* is a row with one training seed. Variants
differ in how networks are trained and in what they are fed, never in data, pair lists and metrics.
"""

from __future__ import annotations

import difflib
import re
from typing import Any

from dg.checked import known_keys
from dg.errors import DgError
from dg.params import ABLATION_TABLES, Params, validate
from dg.study.figures import FIGURES
from dg.study.tables import ABLATIONS


def variants_by_row(params: Params, table: str) -> dict[str, list[str]]:
    """The variants behind a table's rows: {row: [variant of training_seed 0, 1, ...]}, the last row "dg".

    Args:
        table: "table1", "table2"; or "claims" and "figure6", which have no row "dg".
    """
    rows = [*getattr(params.ablations, table), *(["dg"] if table in ABLATIONS else [])]
    tables = params.sizes.tables
    seeds = tables.figure6_seeds if table in FIGURES else tables.seeds
    return {row: [f"{table}-{row}-{seed}" for seed in range(seeds)] for row in rows}


def main_variants(params: Params) -> list[str]:
    """The variants of Tables 3 and 4: "dg", and "seed-1" ... of the further training seeds."""
    return ["dg", *(f"seed-{number}" for number in range(1, params.sizes.tables.comparison_seeds))]


def all_variants(params: Params) -> list[str]:
    """Every variant: those of Tables 3 and 4, then those of the rows of Tables 1 and 2 and of Figure 6."""
    rows = [names for table in ABLATION_TABLES for names in variants_by_row(params, table).values()]
    return [*main_variants(params), *(name for names in rows for name in names)]


def _overrides(params: Params, variant: str) -> list[tuple[str, dict[str, Any]]]:
    """What `variant` changes, in order: (where in params.yaml, {key: value})."""
    layers = [(f"presets.{params.preset}", params.presets[params.preset])]
    if variant == "dg":
        return layers
    if variant in (main := main_variants(params)):
        return [*layers, ("training_seed", {"training_seed": params.training_seed + main.index(variant)})]
    for table in ABLATION_TABLES:
        for row, names in variants_by_row(params, table).items():
            if variant in names:
                # Sizes of a scale, which a preset outranks wherever they stand.
                layers.insert(0, _shared_by_rows(params, table))
                layers.append((f"ablations.{table}.{row}", getattr(params.ablations, table).get(row, {})))
                # Above all, so that the rows of a table differ in their seeds alike.
                return [*layers, ("training_seed", {"training_seed": names.index(variant)})]
    raise DgError(f"params.yaml: no variant '{variant}', only {', '.join(all_variants(params))}.")


def with_overrides(params: Params, variant: str) -> Params:
    """The values of `variant`: "dg", params.yaml with its preset; "seed-1", the same with the next training_seed;
    "table1-bl-0", row bl of Table 1, training_seed 0.

    Raises:
        DgError: no such variant, or a key that it or the preset changes is unknown or gets a wrong value.
    """
    values = params.model_dump(mode="json")
    for where, overrides in _overrides(params, variant):
        for key, value in overrides.items():
            _override(values, params.scale, key, value, where)
    return validate(values, f"params.yaml ({variant})")


def set_by(params: Params, variant: str, key: str) -> str:
    """What overrides `key` (dotted) for `variant`: "presets.released", "ablations.table2.id"; "": nothing does."""
    return next((where for where, changed in reversed(_overrides(params, variant)) if key in changed), "")


def _shared_by_rows(params: Params, table: str) -> tuple[str, dict[str, Any]]:
    """Where the values stand that all rows of a table have in common, and what they are."""
    table = "table1" if table == "claims" else table
    return f"scales.{params.scale}.tables.{table}", getattr(params.sizes.tables, table)


def _override(values: dict[str, Any], scale: str, key: str, value: Any, where: str) -> None:
    *parents, last = key.split(".")
    block = values
    for parent in ["scales", scale, *parents[1:]] if parents[:1] == ["sizes"] else parents:
        block = block.get(parent) if isinstance(block, dict) else None
    if not isinstance(block, dict) or last not in block:
        near = difflib.get_close_matches(key, known_keys(Params), n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise DgError(f"params.yaml: {where}: no key '{key}' to override.{hint}")
    block[last] = value


# What an ablation may change: only trainings, and what their networks are fed. All else is made once for all variants.
_TRAINING_KEYS = re.compile(r"lambda_\w+|train_on|sigma|(sizes\.)?(idsg|rfg)(\.\w+)?|training\.(accumulate|compile)")


def require_own_keys(params: Params) -> None:
    """See that the ablations in force change nothing that all variants share: data, pair lists, metrics.

    Such a row would be measured on unchanged data, or by other metrics than the rows beside it.

    Raises:
        DgError: one does; the message names variant, key and what to do instead.
    """
    for table in ABLATION_TABLES:
        shared = dict([_shared_by_rows(params, table)])
        rows = {f"ablations.{table}.{row}": keys for row, keys in getattr(params.ablations, table).items()}
        for where, overrides in (shared | rows).items():
            for key in overrides:
                if not _TRAINING_KEYS.fullmatch(key):
                    raise DgError(
                        f"params.yaml: {where} changes {key}, but an ablation may change only how its networks are "
                        "trained (lambda_*, train_on, sigma, idsg.*, rfg.*, training.accumulate, training.compile, "
                        f"sizes.idsg.*, sizes.rfg.*). {_instead(params, key)}"
                    )


def _instead(params: Params, key: str) -> str:
    if key == "training_seed":
        return f"Every row runs with the seeds 0, 1, ...: set scales.{params.scale}.tables.seeds for their number."
    key = re.sub(r"^sizes\b", f"scales.{params.scale}", key)
    return f"What depends on it is made once, for all rows: change {key} itself (dvc exp run -S {key}=...)."
