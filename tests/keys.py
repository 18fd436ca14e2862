"""tests/keys.yaml: for every key of params.yaml another value, and the places that it makes Snakemake run again."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

import yaml
from snakemake.jobs import Job

from dg.params import Params
from tests.flow import Flow, Place, places
from tests.mutants import changed, is_valid, leaves, mutants, value_at
from tests.scales import ROOT, values_at

VALUES = values_at()
for _network in ("idsg", "rfg"):  # bundled weights fit networks of their sizes alone
    VALUES["scales"]["sample"][_network]["init"] = "scratch"
KEYS = {".".join(path): path for path in leaves(VALUES)}
LISTED = yaml.safe_load((ROOT / "tests/keys.yaml").read_text(encoding="utf-8"))
_PATTERNS = [name for name in LISTED if "*" in name]


def told(key: str) -> dict[str, Any] | None:
    """What tests/keys.yaml says of a key, {"reruns": …} at least; None if it says nothing."""
    name = key if key in LISTED else next((p for p in _PATTERNS if fnmatchcase(key, p)), None)
    entry = LISTED.get(name)
    return entry if entry is None or isinstance(entry, dict) else {"reruns": entry}


def with_changed(key: str) -> dict[str, Any]:
    """params.yaml with another value of `key`."""
    entry, path = told(key), KEYS[key]
    if "to" not in entry:
        return next(mutants(VALUES, path))
    values = changed(VALUES, path, entry["to"])
    for other, value in entry.get("with", {}).items():
        values = changed(values, tuple(other.split(".")), value)
    assert entry["to"] != value_at(VALUES, path) and is_valid(values), f"tests/keys.yaml: {key}: no valid change"
    return values


def meant(key: str, chosen: Params, jobs: Iterable[Job]) -> set[Place]:
    """The places that tests/keys.yaml says to run again.

    Args:
        chosen: params.yaml with the key changed.
        jobs: all that make everything by it.
    """
    expected, known = told(key)["reruns"], places(jobs, chosen)
    if expected == "nothing":
        return set()
    begun = set().union(*(_starts(rule, known) for rule in ([expected] if isinstance(expected, str) else expected)))
    return Flow(chosen, known).after(begun)


def _starts(rule: str, known: set[Place]) -> set[Place]:
    """The places that "rule place !place" stands for."""
    rule, *words = rule.split()
    wanted, others = [word for word in words if word[0] != "!"] or ["*"], [word[1:] for word in words if word[0] == "!"]

    def among(place: str, patterns: list[str]) -> bool:
        return any(fnmatchcase(place, pattern) for pattern in patterns)

    found = {place for place in known if place[0] == rule and among(place[1], wanted) and not among(place[1], others)}
    assert found, f"tests/keys.yaml: no job is '{rule} {' '.join(words)}'"
    return found
