"""What the tests would draw from a data set."""

from __future__ import annotations

import pandas as pd

from dg.errors import DgError
from dg.params import Params
from dg.protocols.pairs import draw_pairs
from dg.steps.data import pairs_settings
from dg.tests import TESTS

_OF_KIND = {"rafd": ("RaFD",), "mpie": ("MPIE", "MPIE_LP"), "voxceleb": ("VoxCeleb1", "VoxCeleb2")}
"""The tests that a kind of data set is for."""
OF_ALL = {"RaFD"}
"""Those that pair people who are trained on, too."""


def tests_of(params: Params, dataset: str) -> tuple[set[str], list[str]]:
    """The benchmarks that `dataset` is in params.yaml, and the tests drawn from it alone.

    Where it is none, the tests that sets of its kind are for.
    """
    used = {name for name, chosen in params.benchmarks if chosen == dataset}
    if not used:
        return used, list(_OF_KIND.get(params.datasets[dataset].kind, ()))
    return used, [key for key, test in TESTS.items() if used.issuperset(test.benchmarks)]


def pairs(params: Params, dataset: str, faces: pd.DataFrame) -> tuple[list[str], list[str]]:
    """A line per test, and which of those that params.yaml draws from `dataset` find too little.

    Args:
        faces: rows of its manifest, all those that its tests look at.
    """
    used, tests = tests_of(params, dataset)
    lines = [
        f"{key}: pairs {test.title} of this set's with another's, which isn't looked at here."
        for key, test in TESTS.items()
        if used.intersection(test.benchmarks) and not used.issuperset(test.benchmarks)
    ]
    if not used:
        lines.append(f"No benchmark of params.yaml is '{dataset}'." + " If it were:" * bool(tests))
    short = []
    for test in tests:
        try:
            drawn = draw_pairs(pairs_settings(params, test), faces)
        except DgError as error:
            lines.append(str(error))
            short += [test] * bool(used)
        else:
            lines.append(f"{test}: {len(drawn):,} pairs, {drawn['subject'].nunique():,} people as sources.")
    return lines, short
