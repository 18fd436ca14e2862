"""How a verb of the command line is declared."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

Does = Callable[[argparse.Namespace], None]


class Verbs:
    """The verbs of `python -m dg`, to which each module of this package adds its own.

    Attributes:
        called: the verb on the command line, for those whose options take long to list.
    """

    def __init__(self, parser: argparse.ArgumentParser, called: str) -> None:
        self.called = called
        self._parsers = parser.add_subparsers(dest="step", required=True, metavar="STEP")

    def add(
        self, name: str, does: Does, help: str, *paths: str, threads: bool = False, gpus: bool = False
    ) -> argparse.ArgumentParser:
        """A verb; `does` is called with what its options are given.

        Args:
            paths: its options, `name` of a path that must be given, `name?` of one that may, `name+` of one or more;
                and `settings`, of a step's values.
            threads: and gpus: whether it can be told how many to use.
        """
        parser = self._parsers.add_parser(name, help=help, description=help)
        parser.set_defaults(does=does)
        for path in paths:
            if path == "settings":
                parser.add_argument("--settings", required=True, help="JSON; see `python -m dg settings`")
            elif path.endswith("+"):
                parser.add_argument(f"--{path[:-1]}", type=Path, nargs="+", required=True)
            else:
                parser.add_argument(f"--{path.removesuffix('?')}", type=Path, required=not path.endswith("?"))
        if threads:
            parser.add_argument("--threads", type=int, help="CPU threads or processes")
        if gpus:
            parser.add_argument("--gpus", type=int, default=1, help="how many to compute on, if there are any")
        return parser


def add_params(parser: argparse.ArgumentParser) -> None:
    """The option that says where params.yaml is."""
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
