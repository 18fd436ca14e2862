"""Verbs that train: DG's two generators, the RFG on one person's frames, other methods."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from dg.cli.verbs import Verbs
from dg.errors import DgError
from dg.gpus import claimed
from dg.networks import TRAININGS
from dg.torchrun import share, use_threads


def _require(weights: Path | None) -> None:
    if weights is not None and not weights.exists():
        raise DgError(f"{weights}: weights not found. Run the step that makes them (snakemake -- {weights}).")


def _train(a: argparse.Namespace) -> None:
    from dg.resume import input_digests, resuming

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
    inputs = input_digests(a.data, list(given.values()))
    with resuming(a.settings, inputs) as state, claimed(a.gpus):
        share(a.gpus)
        use_threads(a.threads)
        if a.step == "idsg":
            from dg.idsg.training import train_idsg

            train_idsg(a.settings, a.data, a.out, a.init, state, inputs)
        else:
            from dg.idsg import load_idsg
            from dg.rfg.training import train_rfg

            train_rfg(a.settings, a.data, a.out, a.init, load_idsg(a.idsg) if a.idsg else None, state, inputs)


def _train_method(a: argparse.Namespace) -> None:
    from dg.protocols.method_training import train_method
    from dg.resume import input_digests, resuming

    inputs = input_digests(a.data, [])
    with resuming(a.settings, inputs) as work, claimed(a.gpus):
        train_method(a.settings, a.data, a.out, work, inputs, a.threads or os.cpu_count() or 1, a.gpus)


def _finetune(a: argparse.Namespace) -> None:
    from dg.resume import input_digests, resuming
    from dg.rfg.fine_tuning import fine_tune

    use_threads(a.threads)
    try:
        keys = [line.strip() for line in a.keys.read_text(encoding="utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        raise DgError(f"{a.keys}: not found. List the frames to tune on there, one key per line.") from None
    _require(a.init)
    inputs = input_digests([a.folder], [a.init, a.keys])
    with resuming(a.settings, inputs) as state, claimed(a.gpus):
        fine_tune(a.settings, a.folder, keys, a.init, a.out, state, inputs)


def add_verbs(verbs: Verbs) -> None:
    """Those of this module."""
    idsg = verbs.add("idsg", _train, "train the IDSG, eqs. (1)-(7)", "settings", "data+", "init?", "out", threads=True)
    rfg = verbs.add(
        "rfg", _train, "train the RFG, eqs. (8)-(15)", "settings", "data+", "init?", "idsg?", "out", threads=True
    )
    for verb in (idsg, rfg):
        verb.add_argument("--gpus", type=int, default=1, help="processes that share each batch, a GPU each if any")
    verbs.add(
        "finetune", _finetune, "tune the RFG on a few frames of one person",
        "settings", "folder", "keys", "init", "out", threads=True, gpus=True,
    )  # fmt: skip
    method = verbs.add(
        "train_method", _train_method, "train a method beside DG, by its command",
        "settings", "data+", "out", threads=True,
    )  # fmt: skip
    method.add_argument("--gpus", type=int, default=0, help="how many the command may use")
