"""Command line: make the bundle of pictures, train on it, pack the result.

    python -m dg.pretraining.faces bundle data/pretraining/faces.safetensors --head data/synthface/head.safetensors
    python -m dg.pretraining.faces train data/pretraining/faces.safetensors data/pretraining/faces --minutes 12
    python -m dg.pretraining.faces pack data/pretraining/faces.safetensors data/pretraining/faces/state.safetensors \\
        dg/weights/rfg-synthface.safetensors

`train` wants PyTorch, NumPy, Pillow and safetensors alone, a GPU if there is one, and LPIPS's VGG-16 in .cache/lpips,
where `bundle` puts it. It goes on where it stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

import torch

from dg.errors import DgError
from dg.pretraining.faces.recipe import Recipe


def main() -> int:
    """Run one verb; 1 and a message on bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m dg.pretraining.faces", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    bundle = verbs.add_parser("bundle", help="render the pictures: 60 MB of 1,200 people")
    bundle.add_argument("out", type=Path)
    bundle.add_argument("--head", type=Path, required=True, help="SynthFace head model: python -m dg head")
    bundle.add_argument("--people", type=int, default=1200)
    bundle.add_argument("--pictures", type=int, default=10, help="of each person")
    bundle.add_argument("--size", type=int, default=128, help="pixels")
    bundle.add_argument("--workers", type=int, default=1)
    train = verbs.add_parser(
        "train", help="train the RFG and D_f", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    train.add_argument("bundle", type=Path)
    train.add_argument("out", type=Path, help="folder; the state goes to state.safetensors in it")
    train.add_argument("--minutes", type=float, default=float("inf"), help="stop after these")
    train.add_argument("--init", type=Path, help="safetensors file of networks to start from; names as in the state")
    train.add_argument("--threads", type=int, default=1)
    for field in dataclasses.fields(Recipe):
        name = "--" + field.name.replace("_", "-")
        train.add_argument(name, type=type(field.default), default=field.default, help=field.metadata["help"])
    pack = verbs.add_parser(
        "pack", help="write the averages as bundled weights, with a card that says how good they are"
    )
    pack.add_argument("bundle", type=Path)
    pack.add_argument("state", type=Path, help="state.safetensors of the training")
    pack.add_argument("out", type=Path, help="safetensors file")
    arguments = parser.parse_args()
    try:
        {"bundle": _bundle, "train": _train, "pack": _pack}[arguments.verb](arguments)
    except DgError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _bundle(arguments: argparse.Namespace) -> None:
    from dg.lpips.weights import lpips_weights
    from dg.pretraining.faces.bundle import render_bundle

    lpips_weights("vgg16")
    a = arguments
    render_bundle(a.out, a.head, a.people, a.pictures, a.size, a.workers)


def _pack(arguments: argparse.Namespace) -> None:
    from dg.pretraining.faces.pack import pack_faces

    pack_faces(arguments.bundle, arguments.state, arguments.out)


def _train(arguments: argparse.Namespace) -> None:
    from dg.pretraining.faces.pictures import Pictures
    from dg.pretraining.faces.training import FacesTraining

    torch.set_num_threads(arguments.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    recipe = Recipe(**{field.name: getattr(arguments, field.name) for field in dataclasses.fields(Recipe)})
    state = arguments.out / "state.safetensors"
    FacesTraining(recipe, Pictures(arguments.bundle, device, recipe.held_out), state, arguments.init).run(
        arguments.minutes
    )


if __name__ == "__main__":
    raise SystemExit(main())
