"""Trains a First Order Motion Model on the pictures that a method of params.yaml gets (docs/methods.md).

    python -m dg.fom.train --data {data} --out {out} --state {state} --pictures {pictures} --seed {seed} \\
        --threads {threads} --gpus {gpus} [--init {init}] [--weights vox-cpk.pth.tar]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dg.errors import DgError
from dg.torchrun import share, use_threads


def main(argv: list[str] | None = None) -> int:
    """Train, or take others' weights; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m dg.fom.train", description="Train a First Order Motion Model.")
    parser.add_argument("--data", type=Path, required=True, help="folder with faces.csv")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    parser.add_argument("--state", type=Path, required=True, help="folder that keeps unfinished work")
    parser.add_argument("--pictures", type=int, required=True, help="how many to make in training, all steps together")
    parser.add_argument("--batch", type=int, default=4, help="pairs a step; published: 40")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--gpus", type=int, default=0, help="processes that share each batch, a GPU each if any")
    parser.add_argument("--init", choices=("bundled", "scratch"), default="scratch", help="weights to start from")
    parser.add_argument("--weights", default="", help="a published vox-cpk.pth.tar: take it, train nothing")
    a = parser.parse_args(argv)
    try:
        if a.weights:
            from dg.fom.published import convert

            convert(Path(a.weights), a.out)
        else:
            share(a.gpus, "dg.fom.train")
            use_threads(a.threads)
            _train(a)
    except DgError as error:
        print(f"dg.fom.train: {error}", file=sys.stderr)
        return 1
    return 0


def _train(a: argparse.Namespace) -> None:
    from dg.fom.data import Data
    from dg.fom.settings import FomSettings, steps_for
    from dg.fom.training import BUNDLED, train_fom
    from dg.training.progress import say
    from dg.training.team import joined
    from dg.weights import bundled_digest

    with joined() as team:
        data = Data(a.data, a.batch, a.seed, team)
        steps, start = steps_for(a.pictures, a.batch), a.init == "bundled"
        settings = FomSettings(size=data.size, batch=a.batch, steps=steps, bundled=start, seed=a.seed)
        steps = f"{settings.steps} steps of {a.batch} pairs make {settings.pictures} pictures"
        say(f"FOM: {steps}, {a.pictures} asked for; from {'bundled' if start else 'random'} weights", team.writes)
        facts = {"pictures_asked_for": a.pictures, "start": bundled_digest(BUNDLED) if start else "random weights"}
        train_fom(settings, data, a.out, a.state, team, facts)


if __name__ == "__main__":
    raise SystemExit(main())
