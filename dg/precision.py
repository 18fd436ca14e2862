"""Where bfloat16 is used, and where not: networks run in it where the device multiplies in it, losses never do."""

from __future__ import annotations

from functools import cache

import torch


@cache
def has_bfloat16(device: str) -> bool:
    """Whether a device type, "cpu" or "cuda", multiplies in bfloat16 itself; only then it is faster."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return any(torch.cpu.get_capabilities().get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 for the networks' forward passes; off where the device would only imitate it, which is slower."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device.type))


def wide(tensor: torch.Tensor) -> torch.Tensor:
    """At least float32: bfloat16's eight bits are too few for a sum over a batch."""
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor
