"""Which trained networks a test uses: the training that makes them, and the data that they learnt from."""

from __future__ import annotations

from operator import attrgetter

from dg.networks import NETWORKS, OF_DG, PHASES, Training
from dg.params import Params
from dg.study.trainings import trainings
from dg.study.variants import main_variants, with_overrides
from dg.tests import TESTS


def model_of(params: Params, dataset: str, variant: str = "dg") -> str:
    """The name of the model that `dataset` is tested with: "joint", the data set's own, or the sets it learns from."""
    chosen = with_overrides(params, variant).train_on
    if chosen in ("joint", "own"):
        return "joint" if chosen == "joint" else dataset
    return "+".join(sorted({getattr(params.benchmarks, name) for name in chosen}))


def datasets_in_use(params: Params) -> list[str]:
    """The data sets behind the benchmarks, each once."""
    return sorted(set(params.benchmarks.model_dump().values()))


def models_of(params: Params, variant: str = "dg") -> list[str]:
    """The models of a variant, one or several."""
    return sorted({model_of(params, dataset, variant) for dataset in datasets_in_use(params)})


def training_sets(params: Params, model: str) -> list[str]:
    """The data sets whose training parts `model` learns from."""
    return datasets_in_use(params) if model == "joint" else model.split("+")


def training_behind(params: Params, network: str, test: str, variant: str = "dg") -> Training:
    """The training whose `network` a test uses: the last one up to the test's phase that takes place.

    In self-reenactment (VoxCeleb1) that is the self phase's.
    """
    chosen, phase = with_overrides(params, variant), TESTS[test].phase
    return [
        training
        for training in trainings(params).values()
        if training.network == network
        and PHASES.index(training.phase) <= PHASES.index(phase)
        and not (training.switch and attrgetter(training.switch)(chosen) == "skip")
    ][-1]


def networks_of(params: Params, method: str) -> dict[str, str]:
    """The trained networks that a method uses, by the option of its step: DG its own, a command those that it names.

    The option is the placeholder in the command: {"rfg": "rfg"}; {"model": "mine"} of a method `mine` that is trained.
    """
    if method == "dg":
        return {network: network for network in OF_DG}
    known = {network: network for network in NETWORKS} | {"model": method}
    return {name: network for name, network in known.items() if f"{{{name}}}" in params.methods[method].command}


def variants_of(params: Params, method: str) -> list[str]:
    """The variants behind a method's rows of Tables 3 and 4: one without trained networks, else one per seed."""
    return main_variants(params) if networks_of(params, method) else ["dg"]
