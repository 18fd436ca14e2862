"""Verbs of the tests: the pictures that a method makes of the pairs, and how good they are."""

from __future__ import annotations

import argparse
from pathlib import Path

from dg.cli.verbs import Verbs
from dg.errors import DgError
from dg.gpus import claimed
from dg.networks import NETWORKS, OF_DG
from dg.torchrun import use_threads


def _generate(a: argparse.Namespace) -> None:
    networks = {name: path for name in (*NETWORKS, "model") if (path := getattr(a, name))}
    if a.settings.command is not None:  # which runs in a process of its own: without torch here
        _run_method(a, networks)
        return
    use_threads(a.threads)
    if not set(OF_DG) <= set(networks):
        raise DgError("method 'dg' needs both checkpoints: give --idsg and --rfg, the outputs of the training steps.")
    if a.settings.tuning is not None:
        _generate_tuned(a, networks)
        return
    from dg.protocols.generate import generate

    with claimed(a.gpus):
        generate(a.data, a.pairs, a.out, a.idsg, a.rfg)


def _run_method(a: argparse.Namespace, networks: dict[str, Path]) -> None:
    from dg.protocols.methods import run_method
    from dg.resume import input_digests, resuming

    inputs = input_digests(a.data, [a.pairs, *networks.values()])
    with resuming(a.settings, inputs) as work, claimed(a.gpus):
        run_method(a.settings.method, a.settings.command, a.data, a.pairs, a.out, work, networks)


def _generate_tuned(a: argparse.Namespace, networks: dict[str, Path]) -> None:
    from dg.protocols.self_reenact import generate_tuned
    from dg.resume import input_digests, resuming

    inputs = input_digests(a.data, [a.pairs, *networks.values()])
    with resuming(a.settings, inputs) as state, claimed(a.gpus):
        generate_tuned(a.settings.tuning, a.data, a.pairs, a.out, a.idsg, a.rfg, state)


def _unchanged(a: argparse.Namespace) -> None:
    from dg.protocols.baselines import unchanged

    unchanged(a.pairs, a.show, a.out)


def _paint(a: argparse.Namespace) -> None:
    from dg.protocols.baselines import paint_reference

    use_threads(a.threads)
    paint_reference(a.pairs, a.rfg, a.out)


def _originals(a: argparse.Namespace) -> None:
    from dg.metrics.originals import look_at_originals

    use_threads(a.threads)
    with claimed(a.gpus):
        look_at_originals(a.settings, a.data, a.pairs, a.out)


def _evaluate(a: argparse.Namespace) -> None:
    from dg.metrics.evaluate import evaluate

    use_threads(a.threads)
    with claimed(a.gpus):
        evaluate(a.settings, a.data, a.pairs, a.generated, a.out, a.originals)


def _ace(a: argparse.Namespace) -> None:
    from dg.metrics.evaluate_idsg import evaluate_idsg

    evaluate_idsg(a.settings, a.folder, a.pairs, a.idsg, a.out)


def add_verbs(verbs: Verbs) -> None:
    """Those of this module."""
    verbs.add(
        "generate", _generate, "make a picture per pair",
        "settings", "data+", "pairs", *(f"{name}?" for name in NETWORKS), "model?", "out", threads=True, gpus=True,
    )  # fmt: skip
    floor = verbs.add("unchanged", _unchanged, "a floor or ceiling: a known picture", "pairs", "out")
    floor.add_argument("--show", choices=("source", "reference", "target"), required=True)
    verbs.add(
        "paint", _paint, "a baseline: the RFG on the reference's own landmarks", "rfg", "pairs", "out", threads=True
    )
    verbs.add(
        "evaluate", _evaluate, "SSIM, FID, CSIM and all other metrics of the pictures",
        "settings", "data+", "pairs", "generated", "originals?", "out", threads=True, gpus=True,
    )  # fmt: skip
    verbs.add(
        "originals", _originals, "what the metrics' networks see in a test's own pictures, for evaluate",
        "settings", "data+", "pairs", "out", threads=True, gpus=True,
    )  # fmt: skip
    verbs.add("ace", _ace, "ACE of an IDSG's landmarks", "settings", "folder", "pairs", "idsg", "out")
