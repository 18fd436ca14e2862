"""The data sets of SynthFace, one class each: which settings they have, and the shots that these make.

`synth_rafd`, `synth_mpie` and `synth_vox` stand in for RaFD, Multi-PIE and VoxCeleb (paper Sec. 4.1); `synth_people`
trains the landmark and identity networks, `synth_grid` is every combination that one asks for. No two share a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dg.checked import checked
from dg.errors import DgError

from .grid import SynthGrid
from .mpie import SynthMpie
from .people import SynthPeople
from .plan import SynthSet
from .rafd import SynthRafd
from .vox import SynthVox

SETS: dict[str, type[SynthSet]] = {kind.name: kind for kind in (SynthRafd, SynthMpie, SynthVox, SynthPeople, SynthGrid)}


def planned(name: str, values: Mapping[str, Any]) -> SynthSet:
    """The set `name` as a file or a command line tells of it; what is left out takes the default.

    Raises:
        DgError: an unknown set or setting, or a value out of range.
    """
    if name not in SETS:
        raise DgError(f"Unknown SynthFace set {name!r}; there are {', '.join(SETS)}")
    return checked(SETS[name], values, name, "the set needs it")
