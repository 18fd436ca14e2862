"""What an IDSG is built from; its checkpoint's card says so."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dg.checked import Strict


class IdsgSizes(Strict):
    """Sizes of G_l."""

    landmark_dims: int = Field(ge=2, le=3, description="numbers per landmark: x, y or x, y, z")
    face_code: int = Field(ge=0, description="length of the face code r")
    coordinates: Literal["centred", "raw"] = Field(description="what E_l sees of landmarks, see `networks_see`")
