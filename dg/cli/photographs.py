"""Verbs for photographs and videos of one's own."""

from __future__ import annotations

import argparse

from dg.cli.verbs import Verbs
from dg.torchrun import use_threads


def _reenact(a: argparse.Namespace) -> None:
    from dg.reenact.command import reenact

    use_threads(a.threads)
    reenact(a)


def add_verbs(verbs: Verbs) -> None:
    """Those of this module."""
    reenact = verbs.add(
        "reenact",
        _reenact,
        "paint somebody of a photograph in the pose of another photograph or of a clip",
        threads=True,
    )
    if verbs.called == "reenact":  # its options list what pictures and videos can be read; importing that takes 0.2 s
        from dg.reenact.command import add_options

        add_options(reenact)
