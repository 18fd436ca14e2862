"""torch.compile for the trained networks, where the machine has a compiler and the training is long."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


def compile_networks(networks: Iterable[nn.Module], **options: Any) -> None:
    """Compile each network's forward pass in place, so that the names in its state stay the same.

    Args:
        options: torch.compile's.
    """
    for net in networks:
        net.compile(**options)


def twice_differentiable(net: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """`net(inputs)` for the R1 penalty: past torch.compile, whose graphs have no second derivative."""
    return net.forward(inputs)
