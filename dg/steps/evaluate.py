"""What the two steps that measure are told."""

from __future__ import annotations

from pydantic import Field

from dg.checked import values_of
from dg.params import Metrics, Params
from dg.steps.landmarks import LandmarkNetwork, landmark_network
from dg.steps.settings import Settings
from dg.study.models import networks_of
from dg.tests import TESTS


class EvaluateSettings(Settings, Metrics):
    """The values of one method's evaluation on one test."""

    MODULES = ("dg.metrics.evaluate",)

    test: str
    method: str
    seed: int = Field(ge=0, description="of the bootstrap")
    training_seed: int | None = Field(description="of its networks, by which tables join its runs; null: it has none")
    landmarks: LandmarkNetwork = Field(description="F_l, which finds the points that poses and errors are taken from")
    landmark_dims: int | None = Field(
        ge=2, le=3, description="numbers per landmark that the IDSG makes, as ACE counts them; null: of DG alone"
    )


class OriginalsSettings(Settings):
    """The networks that look at the pictures of the data sets that a test uses, once for all methods."""

    MODULES = ("dg.metrics.originals",)

    test: str
    csim: str
    fid: str


class AceSettings(Settings):
    """The values of one IDSG's evaluation on one test."""

    MODULES = ("dg.metrics.evaluate_idsg",)

    test: str
    seed: int = Field(ge=0, description="of the bootstrap")
    bootstrap: int = Field(ge=100, description="resamples")


def evaluate_settings(p: Params, test: str, method: str) -> EvaluateSettings:
    """Of `method` on `test`, a key of TESTS."""
    metrics = values_of(p.metrics, Metrics)
    if TESTS[test].phase == "self":
        # The reference is the ground truth of every pair, so none is without.
        metrics["ssim_reference"] = "none"
    return EvaluateSettings(
        test=test,
        method=method,
        seed=p.seed,
        training_seed=p.training_seed if networks_of(p, method) else None,
        landmarks=landmark_network(p),
        landmark_dims=p.idsg.landmark_dims if method == "dg" else None,
        **metrics,
    )


def originals_settings(p: Params, test: str) -> OriginalsSettings:
    """Of `test`, a key of TESTS."""
    return OriginalsSettings(test=test, csim=p.metrics.csim, fid=p.metrics.fid)


def ace_settings(p: Params, test: str) -> AceSettings:
    """On `test`, a key of TESTS."""
    return AceSettings(test=test, seed=p.seed, bootstrap=p.metrics.bootstrap)
