"""What the identity step is told."""

from __future__ import annotations

from pydantic import Field

from dg.checked import Strict
from dg.digests import stored_digest
from dg.params import Params
from dg.steps.settings import Settings
from dg.weights import bundled_digest
from dg.weights.identity import ENCODERS


class FaceEncoder(Strict):
    """Which E_f, down to its weights."""

    backend: str = Field(description="identity.backend")
    weights: str | None = Field(description="SHA-256 of its weights; null: they aren't there")


class IdentitySettings(Settings, FaceEncoder):
    """The identity step's values."""

    MODULES = ("dg.identity.extract",)


def face_encoder(p: Params) -> FaceEncoder:
    """E_f as params.yaml chooses it."""
    backend = p.identity.backend
    laid = ENCODERS[backend].find() if backend in ENCODERS else None
    return FaceEncoder(backend=backend, weights=stored_digest(laid) if laid else bundled_digest(backend))


def identity_settings(p: Params) -> IdentitySettings:
    """Of the identity step."""
    return IdentitySettings(**face_encoder(p).model_dump())
