"""`python -m dg synthface` for people: any size of the set, also as a plain folder of PNG and CSV."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from dg.errors import DgError

_SETS = {"grid": "synth_grid", "random": "synth_people", "video": "synth_vox"}
_OPTIONS = {
    "grid": ("people", "yaws", "pitches", "expressions", "gazes", "lights", "size", "seed", "format"),
    "random": ("people", "pictures", "size", "seed", "format"),
    "video": ("people", "clips", "seconds", "fps", "size", "seed"),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that say what to render; those left out take the defaults of `sets`."""
    from .actions import EXPRESSIONS
    from .scene import MPIE_LIGHTS
    from .sets.plan import GAZES

    parser.add_argument("--kind", choices=tuple(_SETS), default="grid",
                        help="grid: every combination of the lists below; random: everything at random; "
                        "video: talking heads (default: grid)")  # fmt: skip
    parser.add_argument("--people", type=int, help="how many (default: 10; random: 200)")
    parser.add_argument("--yaws", type=float, nargs="+", help="grid: degrees in [-90, 90] (default: -60 -30 0 30 60)")
    parser.add_argument("--pitches", type=float, nargs="+", help="grid: degrees in [-45, 45] (default: 0)")
    parser.add_argument(
        "--expressions", nargs="+", choices=sorted(EXPRESSIONS), help="grid (default: neutral happiness)"
    )
    parser.add_argument("--gazes", nargs="+", choices=tuple(GAZES), help="grid (default: frontal)")
    parser.add_argument("--lights", nargs="+", choices=tuple(MPIE_LIGHTS), help="grid (default: frontal)")
    parser.add_argument("--pictures", type=int, help="random: per person (default: 5)")
    parser.add_argument("--clips", type=int, help="video: per person (default: 2)")
    parser.add_argument("--seconds", type=float, help="video: of a clip (default: 4)")
    parser.add_argument("--fps", type=int, help="video: frames a second (default: 25)")
    parser.add_argument("--size", type=int, help="pixels a side (default: 128)")
    parser.add_argument("--seed", type=int, help="other people for every seed (default: 0)")
    parser.add_argument("--format", choices=("png", "jpeg"), help="of pictures (default: png)")
    parser.add_argument("--plain", type=Path, metavar="FOLDER",
                        help="write the set also as PNG files and one index.csv into this folder")  # fmt: skip


def render_for_people(arguments: argparse.Namespace) -> None:
    """Make what the options of `add_options` say in `arguments.out`, and the plain folder if one is asked for.

    Raises:
        DgError: an option that the kind doesn't know, or a value out of range.
    """
    from .export import export_plain
    from .head_builder import build_head
    from .make import make_set
    from .sets import planned

    kind = arguments.kind
    every = {option for options in _OPTIONS.values() for option in options}
    given = {option: getattr(arguments, option) for option in every if getattr(arguments, option) is not None}
    wrong = sorted(set(given) - set(_OPTIONS[kind]))
    if wrong:
        raise DgError(
            f"--kind {kind} has no {', '.join('--' + option for option in wrong)}; it has "
            f"{', '.join('--' + option for option in _OPTIONS[kind])}."
        )
    if kind == "video":
        given["train_people"], given["test_people"] = given.pop("people", 10), 0
    plan = planned(_SETS[kind], given)
    head = arguments.head or Path(".cache/synthface/head.safetensors")
    if not head.exists():
        build_head(head)
    make_set(plan, arguments.out, head, arguments.threads or os.cpu_count() or 1, replace=arguments.replace)
    if arguments.plain:
        export_plain(arguments.out, arguments.plain)
