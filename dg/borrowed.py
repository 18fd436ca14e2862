"""Networks that a module runs and doesn't own."""

from __future__ import annotations

from types import SimpleNamespace


class Borrowed(SimpleNamespace):
    """Networks by name, for a module to keep without making them part of itself.

    `nn.Module` registers a network that is assigned to it: its weights would then be saved with the module's own, moved
    with them, and their gradients averaged with them over several processes.
    """
