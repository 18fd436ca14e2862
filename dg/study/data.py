"""The data sets behind the tests."""

from __future__ import annotations

from dg.params import Params
from dg.tests import TESTS


def dataset_of(params: Params, test: str) -> str:
    """The data set that holds a test's sources."""
    return getattr(params.benchmarks, TESTS[test].sources)


def datasets_of(params: Params, test: str) -> list[str]:
    """The data sets whose pictures a test pairs, the sources' first, each once."""
    return list(dict.fromkeys(getattr(params.benchmarks, name) for name in TESTS[test].benchmarks))


def standing_in(params: Params, test: str) -> dict[str, str]:
    """Those of a test's benchmarks that SynthFace stands in for: benchmark -> data set."""
    sets = {name: getattr(params.benchmarks, name) for name in TESTS[test].benchmarks}
    return {name: dataset for name, dataset in sets.items() if params.datasets[dataset].kind == "synthface"}
