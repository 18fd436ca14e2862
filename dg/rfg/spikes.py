"""Spikes: one place that all channels of a block share, and that carries what a norm would take away.

Karras et al. 2020, Analyzing and Improving the Image Quality of StyleGAN, Sec. 2, "droplets". Where a spike stands
nothing else can be painted: with an instance norm before RGB that is at the mouth.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from dg.rfg.networks import FaceGenerator

STRONGEST = 0.005
"""Share of a picture's pixels."""
TOLERATED = 0.1
"""Share of the energy in them above which a block counts as spiked; without a spike it is 0.01 to 0.05."""


def spike_share(x: Tensor) -> Tensor:
    """Share of the energy, squares averaged over channels, that lies in the strongest 0.5 % of pixels.

    Args:
        x: (B, C, H, W) activations.

    Returns:
        scalar float32 in [0, 1], the mean over the batch; differentiable. 0.005 where all pixels are alike.
    """
    energy = x.float().square().mean(1).flatten(1)
    strongest = energy.topk(max(1, round(STRONGEST * energy.shape[1]))).values
    return (strongest.sum(1) / energy.sum(1).clamp_min(1e-12)).mean()


@contextmanager
def watched(generator: FaceGenerator, rows: int | None = None) -> Iterator[list[Tensor]]:
    """While it is open, a forward pass of `generator` fills the list yielded: each styled block's `spike_share`.

    Args:
        rows: look at these first ones of the batch alone.
    """
    shares: list[Tensor] = []

    def note(_block: nn.Module, _inputs: object, made: Tensor) -> None:
        shares.append(spike_share(made[:rows]))

    hooks = [block.register_forward_hook(note) for block in generator.styled]
    try:
        yield shares
    finally:
        for hook in hooks:
            hook.remove()
