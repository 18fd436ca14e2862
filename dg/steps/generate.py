"""What the steps are told that train a method beside DG, and that make a method's pictures of a test (Sec. 4.1)."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field

from dg.digests import stored_digest
from dg.errors import DgError
from dg.params import Params
from dg.steps.rfg import FineTuning, fine_tuning, pictures_in_training
from dg.steps.settings import Settings
from dg.study.rows import methods_of
from dg.tests import TESTS
from dg.weights import bundled_digest


class TrainMethodSettings(Settings):
    """The values of one training of a method beside DG."""

    MODULES = ("dg.protocols.method_training",)

    method: str = Field(description="a name under `methods`")
    command: str = Field(description="its `train`")
    version: str = Field(description="of its code")
    seed: int = Field(ge=0, description="training_seed, for commands that ask for it")
    pictures: int | None = Field(default=None, description="that DG's RFG makes in training; null: isn't asked for")
    init: str | None = Field(default=None, description="bundled or scratch, as DG's RFG starts; null: isn't asked for")
    bundled: str | None = Field(default=None, description="SHA-256 of the bundled weights it starts from; null: none")
    weights: str = Field(default="", description="file of weights by others; empty: none")
    weights_digest: str | None = Field(default=None, description="its SHA-256; null: it isn't there")

    def modules(self) -> tuple[str, ...]:
        """The exchange with a command, and the command's own code if it is this project's."""
        return (*self.MODULES, *_own_code(self.command))


class GenerateSettings(Settings):
    """The values of one method's run on one test."""

    test: str
    method: str = Field(description='"dg", or a name under `methods`')
    command: str | None = Field(default=None, description="of a method beside DG: how to run it")
    version: str | None = Field(default=None, description="of its code")
    tuning: FineTuning | None = Field(default=None, description="of DG's RFG on each video, in VoxCeleb1's test")

    def modules(self) -> tuple[str, ...]:
        """DG's own, those of a tuned DG, or the exchange with a command; this project's baselines are commands too."""
        if self.command is not None:
            return ("dg.protocols.methods", "dg.protocols.baselines", *_own_code(self.command))
        return ("dg.protocols.self_reenact",) if self.tuning else ("dg.protocols.generate",)


def _own_code(command: str) -> tuple[str, ...]:
    """The module of this project that a command runs as such: `python -m dg.fom.train`. Of all other commands the
    pipeline can't see the code."""
    return tuple(re.findall(r"^\s*python -m (dg\.[\w.]+)", command))


def bundled_name(method: str) -> str:
    """What the bundled weights are called that a method asking for {init} starts from, if some are bundled."""
    return f"{method}-synthface"


def generate_settings(p: Params, test: str, method: str) -> GenerateSettings:
    """Of `method` on `test`, a key of TESTS.

    Raises:
        DgError: no such method takes part in it.
    """
    if method not in methods_of(p, test):
        raise DgError(f"{test}: no method '{method}', only {', '.join(methods_of(p, test))}.")
    if method == "dg":
        tuning = fine_tuning(p) if TESTS[test].tuned else None
        return GenerateSettings(test=test, method=method, tuning=tuning)
    chosen = p.methods[method]
    return GenerateSettings(test=test, method=method, command=chosen.command, version=chosen.version)


def train_method_settings(p: Params, method: str) -> TrainMethodSettings:
    """Of `method`.

    Raises:
        DgError: no such method is trained.
    """
    trained = {name: chosen for name, chosen in p.methods.items() if chosen.train is not None}
    if method not in trained:
        raise DgError(f"no method '{method}' has `train`, only: {', '.join(trained) or 'none'}.")
    chosen = trained[method]
    init = p.sizes.rfg.init if "{init}" in chosen.train else None
    return TrainMethodSettings(
        method=method,
        command=chosen.train,
        version=chosen.version,
        seed=p.training_seed,
        pictures=pictures_in_training(p) if "{pictures}" in chosen.train else None,
        init=init,
        bundled=bundled_digest(bundled_name(method)) if init == "bundled" else None,
        weights=chosen.weights or "",
        weights_digest=stored_digest(Path(chosen.weights)) if chosen.weights else None,
    )
