"""Where bfloat16 is used, and where not: networks run in it where the device multiplies in it, losses never do."""

from __future__ import annotations

import torch

from dg.landmarks.fan import has_bfloat16


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 for the networks' forward passes; off where the device would only imitate it, which is slower."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device.type))


def wide(tensor: torch.Tensor) -> torch.Tensor:
    """At least float32: bfloat16's eight bits are too few for a sum over a batch."""
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor
