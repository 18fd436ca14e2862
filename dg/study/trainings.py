"""The trainings of a study: DG's networks, and those methods of params.yaml that are trained."""

from __future__ import annotations

from dg.networks import TRAININGS, Training
from dg.params import Params


def trainings(params: Params) -> dict[str, Training]:
    """By rule, each after those it needs; of methods those that take part in a test."""
    own = [_of_method(name) for name, method in params.methods.items() if method.train is not None and method.tests]
    return TRAININGS | {training.rule: training for training in own}


def _of_method(method: str) -> Training:
    """One training, of the phase "self", so that every test uses what it leaves."""
    return Training(
        rule=f"train_{method}",
        network=method,
        phase="self",
        step="train_method",
        which={"method": method},
        folder=f"methods/{method}",
        suffix="",
    )
