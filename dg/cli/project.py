"""Verbs about params.yaml and the project as a whole: what its values are, what will run, what DVC must know."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from dg.cli.verbs import Verbs, add_params
from dg.errors import DgError


def _plan(a: argparse.Namespace) -> None:
    from dg.plan import plan
    from dg.ready import require_a_place_for_caches, require_a_way_back

    require_a_place_for_caches()
    require_a_way_back()
    print(plan(a.targets))


def _why(a: argparse.Namespace) -> None:
    from dg.why import why

    print(why(a.file, a.words))


def _record(a: argparse.Namespace) -> None:
    from dg.records import record

    record(a.patience)


def _clean(a: argparse.Namespace) -> None:
    from dg.clean import clean
    from dg.params import load

    def agreed(told: str) -> bool:
        print(told, flush=True)
        if not (a.yes or sys.stdin.isatty()):
            raise DgError("nothing was removed, as nobody is here to be asked. Add --yes (make clean FLAGS=--yes).")
        return a.yes or input("Remove it? [y/N] ").strip().lower() in ("y", "yes")

    print(clean(load(), agreed))


def _gpus(a: argparse.Namespace) -> None:
    from dg.gpus import gpus, require, why_unused

    names = gpus()
    if names:
        require(a.wanted, names)
    reason = why_unused() if names else "none is shown"
    if reason:
        print(
            f"WARNING: nvidia-smi is here, but no GPU can be used: {reason}. Everything will be computed on the CPU.",
            file=sys.stderr,
        )


def _settings(a: argparse.Namespace) -> None:
    from dg import params
    from dg.steps.registry import step_settings

    if bare := [pair for pair in a.which if "=" not in pair]:
        raise DgError(f"'{bare[0]}': expected KEY=VALUE, such as phase=self, dataset=synth_rafd or test=RaFD.")
    which = dict(pair.split("=", 1) for pair in a.which)
    values = step_settings(params.load(a.params), a.name, a.variant, **which)
    print(json.dumps(values.plain(), indent=2))


def _check(a: argparse.Namespace) -> None:
    from dg import params
    from dg.ready import check_grid, check_variants

    if a.datasets:
        if a.set_param:
            raise DgError("give either data sets or -S, not both: a data set is looked at by params.yaml as it is.")
        from dg.survey import survey

        values = params.load(a.params)
        for dataset in a.datasets:
            print(survey(values, dataset))
    elif a.set_param:
        print(f"{check_grid(a.params, a.set_param)} experiment(s): all values are fine.")
    else:
        check_variants(params.load(a.params))
        print(f"{a.params}: all values are fine.")


def _schema(a: argparse.Namespace) -> None:
    from dg.files import write_json
    from dg.params import schema

    write_json(a.out, schema())


def add_verbs(verbs: Verbs) -> None:
    """Those of this module."""
    plan = verbs.add("plan", _plan, "say what the pipeline will run and about how long that takes")
    plan.add_argument("targets", nargs="*", default=["all"], help="files or rules; default: everything")
    why = verbs.add("why", _why, "say where a number, a figure, a network or a picture comes from, back to raw data")
    why.add_argument("file", type=Path, help="that was made, such as results/table4.csv")
    why.add_argument(
        "words",
        nargs="*",
        help="of a table: TEST METHOD METRIC (Tables 1 and 2: ROW METRIC); of a test's pictures: which",
    )
    record = verbs.add("record", _record, "tell DVC what Snakemake made; every run of Snakemake ends with it")
    record.add_argument("--patience", type=float, default=30, help="seconds to wait for another process's DVC lock")
    clean = verbs.add("clean", _clean, "remove what Snakemake can make again, once that is agreed to")
    clean.add_argument("--yes", action="store_true", help="don't ask")
    gpus = verbs.add("gpus", _gpus, "look at this machine's GPUs; Snakemake starts with it where there are some")
    gpus.add_argument("--wanted", type=int, default=1, help="how many Snakemake may use")
    settings = verbs.add("settings", _settings, "print the values that a step uses")
    settings.add_argument("name", help="step, e.g. rfg")
    settings.add_argument("which", nargs="*", help="e.g. phase=self dataset=synth_rafd test=RaFD method=dg")
    settings.add_argument("--variant", default="dg", help="an ablation of params.yaml")
    add_params(settings)
    check = verbs.add("check", _check, "check params.yaml, what experiments would set in it, or data sets of one's own")
    check.add_argument(
        "datasets", nargs="*", metavar="DATASET", help="under data/raw: what is found, drawn and taken; default: none"
    )
    check.add_argument(
        "-S", "--set-param", action="append", default=[], metavar="KEY=VALUES", help="as `dvc exp run` takes it"
    )
    add_params(check)
    schema = verbs.add("schema", _schema, "write the JSON schema of params.yaml, for editors")
    schema.add_argument("--out", type=Path, default=Path("build/params.schema.json"))
