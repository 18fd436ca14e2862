"""params.yaml with one value changed: its keys, and other values that each may take."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

from dg import params
from dg.errors import DgError
from dg.ready import check_variants

Path = tuple[str, ...]


def leaves(block: dict[str, Any], whole: tuple[str, ...] = (), path: Path = ()) -> Iterator[Path]:
    """Paths of all values in `block`; of its blocks `whole` those of what they hold, not of values in there."""
    for key, value in block.items():
        if isinstance(value, dict) and value and not (path and path[0] in whole):
            yield from leaves(value, whole, (*path, key))
        else:
            yield (*path, key)


def value_at(values: dict[str, Any], path: Path) -> Any:
    """What stands at `path`."""
    for key in path:
        values = values[key]
    return values


def changed(values: dict[str, Any], path: Path, new: Any) -> dict[str, Any]:
    """A copy of `values` with `new` at `path`."""
    values = copy.deepcopy(values)
    value_at(values, path[:-1])[path[-1]] = new
    return values


def is_valid(values: dict[str, Any]) -> bool:
    """Whether the pipeline takes these values."""
    with contextlib.suppress(DgError):
        check_variants(params.validate(values, "params.yaml"))
        return True
    return False


def mutants(values: dict[str, Any], path: Path) -> Iterator[dict[str, Any]]:
    """Valid values of params.yaml with another one at `path`."""
    old = value_at(values, path)
    for new in _candidates(values, old):
        if new != old and is_valid(mutant := changed(values, path, new)):
            yield mutant


def _candidates(values: dict[str, Any], value: Any) -> Iterator[Any]:
    """Other values of about the same kind; which of them are valid is for dg.params to say."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value + 1, value * 2, value / 2, 1, 2, 64)
    elif isinstance(value, list):
        numbers = [number for number in value if isinstance(number, int | float)]
        yield from (value[:1], [2 * number for number in numbers], [number / 2 for number in numbers])
    elif isinstance(value, dict):
        yield from ({**value, "lambda_c": 7}, {**value, "mine": {"lambda_c": 7}})
    else:
        yield from [*values["scales"], *values["presets"], *values["datasets"], *values["benchmarks"]]
        yield from dict.fromkeys(_choices(params.schema()))
        yield "text --pairs {pairs} --out {out}"


def _choices(schema: Any) -> Iterator[Any]:
    """All words that the JSON schema of params.yaml lets some value take."""
    if isinstance(schema, dict):
        yield from [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]
        schema = list(schema.values())
    for part in schema if isinstance(schema, list) else ():
        yield from _choices(part)
