"""`python -m dg STEP ...`: one verb per pipeline step, which the Snakemake rules call, and some for people.

A module of this package holds the verbs that belong together. Steps are imported only when called, so that `--help`
answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys

from dg.cli import data, networks, photographs, project, reports, tests, trainings
from dg.cli.verbs import Verbs
from dg.errors import DgError
from dg.runs import end_with_snakemake


def main(argv: list[str] | None = None) -> int:
    """Run one verb; returns the exit status: 0, 1 for bad input, 130 when interrupted."""
    words = sys.argv[1:] if argv is None else argv
    arguments = _parser(words[0] if words else "").parse_args(words)
    end_with_snakemake()
    try:
        if getattr(arguments, "settings", None):
            from dg.steps.registry import STEPS

            arguments.settings = STEPS[arguments.step].settings.read(arguments.settings)
        arguments.does(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # `| head` has read enough. What Python would still write at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except DgError as error:
        print(f"dg {arguments.step}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"dg {arguments.step}: interrupted; the same command goes on where it stopped.", file=sys.stderr)
        return 130
    return 0


def _parser(step: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dg", description="One verb per pipeline step; the Snakemake rules call exactly these."
    )
    verbs = Verbs(parser, step)
    for group in (photographs, data, trainings, tests, reports, project, networks):
        group.add_verbs(verbs)
    return parser
