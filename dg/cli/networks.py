"""Verbs about networks as such: their layers, the authors' checkpoint."""

from __future__ import annotations

import argparse
import json

from dg.cli.verbs import Verbs, add_params


def _released(a: argparse.Namespace) -> None:
    from dg.released import convert_released

    card = convert_released(a.checkpoint, a.out)
    print(f"{a.out}: written, sizes {json.dumps(card['sizes'])}")


def _describe(a: argparse.Namespace) -> None:
    from dg.describe import as_text, describe
    from dg.files import write_csv

    table = describe(a.params, a.preset, a.scale, a.size, a.method)
    print(as_text(table))
    if a.csv:
        write_csv(a.csv, table)


def add_verbs(verbs: Verbs) -> None:
    """Those of this module."""
    verbs.add("released", _released, "convert the authors' published checkpoint", "checkpoint", "out")
    shown = verbs.add("describe", _describe, "list every layer of the networks and count parameters", "csv?")
    shown.add_argument("--preset", help="a preset of params.yaml; default: the one it names")
    shown.add_argument("--scale", default="paper", help="a scale of params.yaml; default: paper")
    shown.add_argument("--size", type=int, help="side of the pictures in pixels; default: the scale's")
    shown.add_argument("--method", choices=("dg", "fom"), default="dg", help="whose networks; default: dg")
    add_params(shown)
