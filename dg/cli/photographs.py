"""Verbs for photographs and videos of one's own."""

from __future__ import annotations

import argparse
from pathlib import Path

from dg.cli.verbs import Verbs
from dg.torchrun import use_threads


def _reenact(a: argparse.Namespace) -> None:
    from dg.reenact.command import reenact

    use_threads(a.threads)
    reenact(a)


def _demo(a: argparse.Namespace) -> None:
    from dg.demo.command import demo

    use_threads(a.threads)
    demo(a)


def _export_onnx(a: argparse.Namespace) -> None:
    from dg.reenact.networks import load_networks
    from dg.reenact.onnx import FILES, export_onnx

    export_onnx(load_networks(a.rfg, a.idsg, device="cpu"), a.out)
    print(f"{' and '.join(str(a.out / name) for name in FILES)}: written")


def add_verbs(verbs: Verbs) -> None:
    """Those of this module."""
    reenact = verbs.add(
        "reenact",
        _reenact,
        "paint somebody of a photograph in the pose of another photograph or of a clip",
        threads=True,
    )
    demo = verbs.add("demo", _demo, "the same on a page in the browser, on this machine alone", threads=True)
    # Their options list what pictures and videos can be read; importing that takes 0.2 s.
    if verbs.called == "reenact":
        from dg.reenact.command import add_options

        add_options(reenact)
    if verbs.called == "demo":
        from dg.demo.command import add_options

        add_options(demo)
    onnx = verbs.add("export_onnx", _export_onnx, "write IDSG and RFG as ONNX files for other programs")
    onnx.add_argument("--rfg", type=Path, help="checkpoint; default: the one that ships")
    onnx.add_argument("--idsg", type=Path, help="the same of the IDSG")
    onnx.add_argument("--out", type=Path, required=True, help="folder")
