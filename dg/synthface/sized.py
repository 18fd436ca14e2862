"""The stand-ins of the paper's data sets in the sizes that params.yaml asks for."""

from __future__ import annotations

from dg.params import MpieSizes, RafdSizes, VoxSizes
from dg.steps.data import SynthfaceSettings

from .actions import MPIE
from .scene import MPIE_LIGHTS
from .sets import SynthMpie, SynthRafd, SynthSet, SynthVox


def sized(settings: SynthfaceSettings) -> SynthSet:
    """The set that the step `synthface` renders; expressions and lights: the first ones, as many as asked."""
    shared = {"size": settings.size, "seed": settings.seed}
    match settings.sizes:
        case RafdSizes() as sizes:
            return SynthRafd(people=sizes.people, **shared)
        case MpieSizes() as sizes:
            return SynthMpie(
                train_people=sizes.train_people,
                test_people=sizes.test_people,
                expressions=tuple(MPIE)[: sizes.expressions],
                lights=tuple(MPIE_LIGHTS)[: sizes.lights],
                **shared,
            )
        case VoxSizes() as sizes:
            return SynthVox(**dict(sizes), **shared)
