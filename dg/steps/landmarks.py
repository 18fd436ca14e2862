"""What the landmarks step is told."""

from __future__ import annotations

from pydantic import Field

from dg.checked import Strict
from dg.params import Params
from dg.steps.settings import Settings
from dg.weights import bundled_digest


class LandmarkNetwork(Strict):
    """Which F_l, down to its weights."""

    backend: str = Field(description="landmarks.backend")
    weights: str | None = Field(description="SHA-256 of its bundled weights; null: it has none")
    visibility: str | None = Field(description="SHA-256 of the weights behind `visible`")


class LandmarksSettings(Settings, LandmarkNetwork):
    """The landmarks step's values."""

    MODULES = ("dg.landmarks.extract",)


def landmark_network(p: Params) -> LandmarkNetwork:
    """F_l as params.yaml chooses it."""
    return LandmarkNetwork(
        backend=p.landmarks.backend,
        weights=bundled_digest(p.landmarks.backend),
        visibility=bundled_digest("visibility-synthface"),
    )


def landmarks_settings(p: Params) -> LandmarksSettings:
    """Of the landmarks step."""
    return LandmarksSettings(**landmark_network(p).model_dump())
