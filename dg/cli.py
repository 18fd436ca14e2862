"""One verb per pipeline step: `python -m dg STEP ...`; the Snakemake rules call exactly these.

Every verb takes `--settings`, the JSON that `dg.steps.registry` makes from params.yaml; see `settings` for
printing it. Steps are imported only when called, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from dg.errors import DgError
from dg.networks import NETWORKS, OF_DG, TRAININGS
from dg.torchrun import share, use_threads


def _head(a: argparse.Namespace) -> None:
    from dg.synthface.head_builder import build_head

    build_head(a.out)


def _synthface(a: argparse.Namespace) -> None:
    from dg.synthface import make_set
    from dg.synthface.command import render_for_people

    if a.settings is None:
        render_for_people(a)
        return
    if a.head is None:
        raise DgError("--settings (the pipeline's call) needs --head too; without --settings neither is needed.")
    s = a.settings
    values = {"seed": s.seed, "size": s.size, **s.sizes.model_dump()}
    make_set(s.set, a.out, a.head, values, a.threads or os.cpu_count() or 1, s.code, a.replace)


def _manifest(a: argparse.Namespace) -> None:
    from dg.datasets.manifest import make_manifest

    make_manifest(a.settings, a.raw, a.out, a.max_broken)


def _frames(a: argparse.Namespace) -> None:
    from dg.frames import extract_frames

    extract_frames(a.settings, a.raw, a.manifest, a.shard, a.out, a.max_broken)


def _landmarks(a: argparse.Namespace) -> None:
    from dg.landmarks.extract import find_landmarks

    use_threads(a.threads)
    find_landmarks(a.settings.backend, a.frames, a.out)


def _identity(a: argparse.Namespace) -> None:
    from dg.identity.extract import find_codes

    use_threads(a.threads)
    find_codes(a.settings.backend, a.frames, a.out)


def _pairs(a: argparse.Namespace) -> None:
    from dg.protocols.pairs import make_pairs

    make_pairs(a.settings, a.data, a.out)


def _require(weights: Path | None) -> None:
    if weights is not None and not weights.exists():
        raise DgError(f"{weights}: weights not found. Run the step that makes them (snakemake -- {weights}).")


def _train(a: argparse.Namespace) -> None:
    from dg.resume import end, input_digests, state_of

    trainings = [training for training in TRAININGS.values() if training.step == a.step]
    values = a.settings.plain()
    needed = next((each.needs for each in trainings if each.which.items() <= values.items()), {})
    given = {option: getattr(a, option) for training in trainings for option in training.needs}
    for option, path in given.items():
        if path is None and option in needed:
            raise DgError(
                f"--{option} is missing: the {a.settings.phase} phase needs the checkpoint that the rule "
                f"{needed[option]} makes."
            )
        _require(path)
    share(a.gpus)
    use_threads(a.threads)
    inputs = input_digests(a.data, list(given.values()))
    state = state_of(a.settings, inputs)
    if a.step == "idsg":
        from dg.idsg.training import train_idsg

        train_idsg(a.settings, a.data, a.out, a.init, state, inputs)
    else:
        from dg.idsg import load_idsg
        from dg.rfg.training import train_rfg

        train_rfg(a.settings, a.data, a.out, a.init, load_idsg(a.idsg) if a.idsg else None, state, inputs)
    end(state)


def _train_method(a: argparse.Namespace) -> None:
    from dg.protocols.method_training import train_method
    from dg.resume import end, input_digests, state_of

    inputs = input_digests(a.data, [])
    work = state_of(a.settings, inputs)
    train_method(a.settings, a.data, a.out, work, inputs, a.threads or os.cpu_count() or 1, a.gpus)
    end(work)


def _finetune(a: argparse.Namespace) -> None:
    from dg.resume import end, input_digests, state_of
    from dg.rfg.fine_tuning import fine_tune

    use_threads(a.threads)
    try:
        keys = [line.strip() for line in a.keys.read_text(encoding="utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        raise DgError(f"{a.keys}: not found. List the frames to tune on there, one key per line.") from None
    _require(a.init)
    inputs = input_digests([a.folder], [a.init, a.keys])
    state = state_of(a.settings, inputs)
    fine_tune(a.settings, a.folder, keys, a.init, a.out, state, inputs)
    end(state)


def _reenact(a: argparse.Namespace) -> None:
    from dg.resume import end, input_digests, state_of

    use_threads(a.threads)
    networks = {name: path for name in (*NETWORKS, "model") if (path := getattr(a, name))}
    if a.settings.command is not None:
        from dg.protocols.methods import run_method

        work = state_of(a.settings, input_digests(a.data, [a.pairs, *networks.values()]))
        run_method(a.settings.method, a.settings.command, a.data, a.pairs, a.out, work, networks)
        end(work)
        return
    if not set(OF_DG) <= set(networks):
        raise DgError("method 'dg' needs both checkpoints: give --idsg and --rfg, the outputs of the training steps.")
    if a.settings.tuning:
        from dg.protocols.self_reenact import reenact_tuned

        state = state_of(a.settings, input_digests(a.data, [a.pairs, *networks.values()]))
        reenact_tuned(a.settings.tuning, a.data, a.pairs, a.out, a.idsg, a.rfg, state)
        end(state)
        return
    from dg.protocols.reenact import reenact

    reenact(a.data, a.pairs, a.out, a.idsg, a.rfg)


def _unchanged(a: argparse.Namespace) -> None:
    from dg.protocols.baselines import unchanged

    unchanged(a.pairs, a.show, a.out)


def _paint(a: argparse.Namespace) -> None:
    from dg.protocols.baselines import paint_reference

    use_threads(a.threads)
    paint_reference(a.pairs, a.rfg, a.out)


def _evaluate(a: argparse.Namespace) -> None:
    from dg.metrics.evaluate import evaluate

    use_threads(a.threads)
    evaluate(a.settings, a.data, a.pairs, a.generated, a.out)


def _ace(a: argparse.Namespace) -> None:
    from dg.metrics.evaluate_idsg import evaluate_idsg

    evaluate_idsg(a.settings, a.folder, a.pairs, a.idsg, a.out)


def _ablation(a: argparse.Namespace) -> None:
    from dg.reports.ablation import make_ablation

    print(make_ablation(a.settings, a.summaries, a.out))


def _comparison(a: argparse.Namespace) -> None:
    from dg.reports.comparison import make_comparison

    make_comparison(a.settings, a.summaries, a.out)


def _figure(a: argparse.Namespace) -> None:
    from dg.reports.figures import make_grid

    make_grid(a.settings, a.folder, a.pairs, a.generated, a.scores, a.out)


def _curves(a: argparse.Namespace) -> None:
    from dg.reports.curves import make_curves

    make_curves(a.summaries, dict(a.settings.titles), a.out)


def _report(a: argparse.Namespace) -> None:
    from dg.reports.page import make_report

    make_report(a.settings, a.results, a.data, a.out)


def _plan(a: argparse.Namespace) -> None:
    from dg.plan import plan

    print(plan(a.targets))


def _record(a: argparse.Namespace) -> None:
    from dg.records import record

    record(a.patience)


def _paper_figure(a: argparse.Namespace) -> None:
    from dg.reports.paper_figures import make_figure

    make_figure(a.settings, a.data, a.pairs, a.generated, a.out)


def _released(a: argparse.Namespace) -> None:
    from dg.released import convert_released

    card = convert_released(a.checkpoint, a.out)
    print(f"{a.out}: written, sizes {json.dumps(card['sizes'])}")


def _describe(a: argparse.Namespace) -> None:
    from dg.describe import as_text, describe
    from dg.files import write_csv

    table = describe(a.params, a.preset, a.scale, a.size)
    print(as_text(table))
    if a.csv:
        write_csv(a.csv, table)


def _settings(a: argparse.Namespace) -> None:
    from dg import params
    from dg.steps.registry import step_settings

    if bare := [pair for pair in a.which if "=" not in pair]:
        raise DgError(f"'{bare[0]}': expected KEY=VALUE, such as phase=self, dataset=synth_rafd or benchmark=RaFD.")
    which = dict(pair.split("=", 1) for pair in a.which)
    values = step_settings(params.load(a.params), a.name, a.variant, **which)
    print(json.dumps(values.plain(), indent=2))


def _schema(a: argparse.Namespace) -> None:
    from dg.files import write_json
    from dg.params import schema

    write_json(a.out, schema())


def _check(a: argparse.Namespace) -> None:
    from dg import params
    from dg.ready import check_variants

    check_variants(params.load(a.params))
    print(f"{a.params}: all values are fine.")


def _parser(step: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dg", description=__doc__.split("\n")[0])
    verbs = parser.add_subparsers(dest="step", required=True, metavar="STEP")

    def verb(name: str, does: Any, help: str, *options: str, threads: bool = True) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=help, description=help)
        sub.set_defaults(does=does)
        for option in options:
            if option == "settings":
                sub.add_argument("--settings", required=True, help="JSON; see `python -m dg settings`")
            elif option in ("data", "summaries"):
                sub.add_argument(f"--{option}", type=Path, nargs="+", required=True)
            elif option.endswith("?"):
                sub.add_argument(f"--{option[:-1]}", type=Path)
            else:
                sub.add_argument(f"--{option}", type=Path, required=True)
        if threads:
            sub.add_argument("--threads", type=int, help="CPU threads or processes")
        return sub

    verb("head", _head, "build SynthFace's head model", "out", threads=False)
    synthface = verb("synthface", _synthface, "render people who don't exist, with their landmarks", "head?", "out")
    synthface.add_argument("--settings", help="JSON, as the pipeline calls it; replaces the options below")
    if step == "synthface":  # its options list names that only the renderer knows, and importing that takes 0.2 s
        from dg.synthface.command import add_options

        add_options(synthface)
    synthface.add_argument("--replace", action="store_true", help="empty a folder that holds another set first")
    manifest = verb(
        "manifest", _manifest, "list a data set's pictures and frames", "settings", "raw", "out", threads=False
    )
    frames = verb("frames", _frames, "cut one shard of face crops", "settings", "raw", "manifest", "out", threads=False)
    frames.add_argument("--shard", type=int, required=True)
    for step in (manifest, frames):
        step.add_argument("--max-broken", type=float, required=True, help="share of unusable pictures to put up with")
    verb("landmarks", _landmarks, "find the 68 landmarks of a shard (F_l)", "settings", "frames", "out")
    verb("identity", _identity, "compute the face codes of a shard (E_f)", "settings", "frames", "out")
    verb("pairs", _pairs, "draw a protocol's pair list", "settings", "data", "out", threads=False)
    idsg = verb("idsg", _train, "train the IDSG, eqs. (1)-(7)", "settings", "data", "init?", "out")
    rfg = verb("rfg", _train, "train the RFG, eqs. (8)-(15)", "settings", "data", "init?", "idsg?", "out")
    for training in (idsg, rfg):
        training.add_argument("--gpus", type=int, default=1, help="processes that share each batch, a GPU each if any")
    verb(
        "finetune", _finetune, "tune the RFG on a few frames of one person",
        "settings", "folder", "keys", "init", "out",
    )  # fmt: skip
    verb(
        "reenact",
        _reenact,
        "make a picture per pair",
        "settings",
        "data",
        "pairs",
        *(f"{name}?" for name in NETWORKS),
        "model?",
        "out",
    )
    method = verb("train_method", _train_method, "train a method beside DG, by its command", "settings", "data", "out")
    method.add_argument("--gpus", type=int, default=0, help="how many the command may use")
    floor = verb("unchanged", _unchanged, "a floor or ceiling: a known picture", "pairs", "out", threads=False)
    floor.add_argument("--show", choices=("source", "reference", "target"), required=True)
    verb("paint", _paint, "a baseline: the RFG on the reference's own landmarks", "rfg", "pairs", "out")
    verb("evaluate", _evaluate, "SSIM, FID and CSIM of the pictures", "settings", "data", "pairs", "generated", "out")
    verb("ace", _ace, "ACE of an IDSG's landmarks", "settings", "folder", "pairs", "idsg", "out", threads=False)
    verb("ablation", _ablation, "Table 1 or 2 as CSV and Markdown", "settings", "summaries", "out", threads=False)
    verb(
        "comparison", _comparison, "Table 3 or 4 as CSV, Markdown, LaTeX and JSON",
        "settings", "summaries", "out", threads=False,
    )  # fmt: skip
    verb(
        "figure", _figure, "grid of source, reference, result, truth",
        "settings", "folder", "pairs", "generated", "scores", "out", threads=False,
    )  # fmt: skip
    verb("curves", _curves, "tables and yaw curves for dvc plots", "settings", "summaries", "out", threads=False)
    page = verb("report", _report, "results/report.html, one page with everything", "settings", "out", threads=False)
    page.add_argument("--results", type=Path, default=Path("results"))
    page.add_argument("--data", type=Path, default=Path("data/sets"))
    planned = verbs.add_parser("plan", help="say what the pipeline will run and about how long that takes")
    planned.add_argument("targets", nargs="*", default=["all"], help="files or rules; default: everything")
    planned.set_defaults(does=_plan)
    recorded = verbs.add_parser("record", help="tell DVC what Snakemake made; every run of Snakemake ends with it")
    recorded.add_argument("--patience", type=float, default=30, help="seconds to wait for another process's DVC lock")
    recorded.set_defaults(does=_record)
    figure = verb(
        "paper_figure", _paper_figure, "one of the paper's Figures 2 to 6",
        "settings", "data", "pairs", "out", threads=False,
    )  # fmt: skip
    figure.add_argument("--generated", type=Path, nargs="+", required=True, help="results of the rows, in order")
    verb("released", _released, "convert the authors' published checkpoint", "checkpoint", "out", threads=False)
    shown = verb("describe", _describe, "list every layer of the networks and count parameters", "csv?", threads=False)
    shown.add_argument("--preset", help="a preset of params.yaml; default: the one it names")
    shown.add_argument("--scale", default="paper", help="a scale of params.yaml; default: paper")
    shown.add_argument("--size", type=int, help="side of the pictures in pixels; default: the scale's")
    shown.add_argument("--params", type=Path, default=Path("params.yaml"))
    settings = verbs.add_parser("settings", help="print the values that a step uses")
    settings.add_argument("name", help="step, e.g. rfg")
    settings.add_argument("which", nargs="*", help="e.g. phase=self dataset=synth_rafd benchmark=RaFD method=dg")
    settings.add_argument("--variant", default="dg", help="an ablation of params.yaml")
    settings.add_argument("--params", type=Path, default=Path("params.yaml"))
    settings.set_defaults(does=_settings)
    check = verbs.add_parser("check", help="check params.yaml")
    check.add_argument("--params", type=Path, default=Path("params.yaml"))
    check.set_defaults(does=_check)
    schema = verbs.add_parser("schema", help="write the JSON schema of params.yaml, for editors")
    schema.add_argument("--out", type=Path, default=Path("build/params.schema.json"))
    schema.set_defaults(does=_schema)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one verb; returns the exit status: 0, 1 for bad input, 130 when interrupted."""
    words = sys.argv[1:] if argv is None else argv
    arguments = _parser(words[0] if words else "").parse_args(words)
    try:
        if getattr(arguments, "settings", None):
            from dg.steps.registry import STEPS

            arguments.settings = STEPS[arguments.step].settings.read(arguments.settings)
        arguments.does(arguments)
    except DgError as error:
        print(f"dg {arguments.step}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"dg {arguments.step}: interrupted; the same command goes on where it stopped.", file=sys.stderr)
        return 130
    return 0
