"""Dual-Generator face reenactment: pictures in, landmarks, IDSG, RFG, protocols, metrics, tables.

For one's own photographs: `dg.Reenactor`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dg.reenact.reenactor import Reenactor

__all__ = ["Reenactor"]

# From 1.32 on onnxruntime writes a device number into HOME as it is imported, and tells its makers what it runs.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> type[Reenactor]:
    # At the first use: every command imports this package, and few need the networks.
    if name == "Reenactor":
        from dg.reenact.reenactor import Reenactor

        return Reenactor
    raise AttributeError(f"module 'dg' has no attribute '{name}'")
