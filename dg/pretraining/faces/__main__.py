"""Command line: the bundled E_f, IDSG and RFG, from a bundle of pictures to packed weights.

    cd a clone; data/pretraining/faces.safetensors is the bundle, data/synthface/head.safetensors the head model
    python -m dg.pretraining.faces bundle BUNDLE --head HEAD          60 MB of pictures of 1,200 people
    python -m dg.pretraining.faces identity BUNDLE FOLDER             E_f's part that tells people apart
    python -m dg.pretraining.faces shape-code BUNDLE FOLDER --head HEAD --identity E_F/state.safetensors
                                                                      its part for the shape; then pack-identity
    python -m dg.pretraining.faces train BUNDLE FOLDER --identity E_F/state.safetensors        RFG; then pack
    python -m dg.pretraining.faces shapes BUNDLE FOLDER --head HEAD   landmarks and E_f's codes of the same people
    python -m dg.pretraining.faces idsg FOLDER FOLDER                 IDSG; then pack-idsg
    python -m dg.pretraining.faces fom BUNDLE FOLDER                  First Order Motion Model; then pack-fom

`identity` and `train` want PyTorch, NumPy, Pillow and safetensors alone, a GPU if there is one, and LPIPS's VGG-16 in
.cache/lpips, where `bundle` puts it. All trainings save every two minutes and go on where they stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from dg.errors import DgError
from dg.pretraining.faces.pictures import Pictures
from dg.pretraining.faces.recipe import FomRecipe, IdentityRecipe, IdsgRecipe, Recipe, ShapeRecipe


def main() -> int:
    """Run one verb; 1 and a message on bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m dg.pretraining.faces", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    bundle = _verb(verbs, "bundle", "render the pictures: 60 MB of 1,200 people", _bundle, "out")
    bundle.add_argument("--people", type=int, default=1200)
    bundle.add_argument("--pictures", type=int, default=10, help="of each person")
    bundle.add_argument("--size", type=int, default=128, help="pixels")
    bundle.add_argument("--workers", type=int, default=1)
    shapes = _verb(verbs, "shapes", "landmarks and face codes of the bundle's people", _shapes, "bundle", "out")
    shape_code = _training(verbs, "shape-code", "train E_f's part for the shape of the head", _shape_code, ShapeRecipe)
    shape_code.add_argument("--identity", type=Path, required=True, help="state.safetensors of identity")
    for parser_of in (bundle, shapes, shape_code):
        parser_of.add_argument("--head", type=Path, required=True, help="SynthFace head model: python -m dg head")
    _training(verbs, "identity", "train E_f", _identity, IdentityRecipe)
    train = _training(verbs, "train", "train the RFG and D_f", _train, Recipe)
    train.add_argument("--init", type=Path, help="bundled weights to start from, or others named as in the state")
    train.add_argument("--identity", type=Path, help="state.safetensors of E_f, for --lambda-id")
    _training(verbs, "idsg", "train the IDSG on the folder of `shapes`", _idsg, IdsgRecipe)
    fom = _training(verbs, "fom", "train the First Order Motion Model", _fom, FomRecipe)
    fom.add_argument("--init", type=Path, help="bundled weights to start from")
    packing = "write a training's state as bundled weights, with a card"
    for name, does in (("pack", _pack), ("pack-idsg", _pack_idsg), ("pack-fom", _pack_fom)):
        _verb(verbs, name, packing, does, "bundle", "state", "out")
    whole = _verb(verbs, "pack-identity", packing, _pack_identity, "bundle", "state", "shape", "out")
    whole.add_argument("--head", type=Path, required=True, help="SynthFace head model")
    arguments = parser.parse_args()
    torch.set_num_threads(getattr(arguments, "threads", 1))
    torch.backends.cudnn.benchmark = True  # all steps are of one size
    try:
        arguments.does(arguments)
    except DgError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _verb(
    verbs: argparse._SubParsersAction, name: str, help: str, does: Callable[..., None], *paths: str
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=help, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    verb.set_defaults(does=does)
    meanings = {
        "bundle": "of pictures, or the folder .parts beside it while it is rendered; for the IDSG the folder of shapes",
        "out": "file to write, of a training or of shapes a folder",
        "state": "state.safetensors of the training",
        "shape": "state.safetensors of shape-code",
    }
    for path in paths:
        verb.add_argument(path, type=Path, help=meanings[path])
    return verb


def _training(
    verbs: argparse._SubParsersAction, name: str, help: str, does: Callable[..., None], recipe: type
) -> argparse.ArgumentParser:
    verb = _verb(verbs, name, help, does, "bundle", "out")
    verb.add_argument("--minutes", type=float, default=float("inf"), help="shorten the schedule to end after these")
    verb.add_argument("--threads", type=int, default=1)
    for field in dataclasses.fields(recipe):
        option = "--" + field.name.replace("_", "-")
        verb.add_argument(option, type=type(field.default), default=field.default, help=field.metadata["help"])
    return verb


def _recipe(arguments: argparse.Namespace, kind: type) -> Any:
    return kind(**{field.name: getattr(arguments, field.name) for field in dataclasses.fields(kind)})


def _pictures(arguments: argparse.Namespace, held_out: float) -> Pictures:
    return Pictures(arguments.bundle, torch.device("cuda" if torch.cuda.is_available() else "cpu"), held_out)


def _bundle(a: argparse.Namespace) -> None:
    from dg.lpips.weights import lpips_weights
    from dg.pretraining.faces.bundle import render_bundle

    lpips_weights("vgg16")
    render_bundle(a.out, a.head, a.people, a.pictures, a.size, a.workers)


def _shapes(a: argparse.Namespace) -> None:
    from dg.pretraining.faces.shapes import make_shapes

    for name, measured in (("learnt", False), ("measured", True)):
        make_shapes(a.bundle, a.head, a.out / f"{name}.safetensors", IdentityRecipe.held_out, measured)


def _identity(a: argparse.Namespace) -> None:
    from dg.pretraining.faces.identity import IdentityTraining

    recipe = _recipe(a, IdentityRecipe)
    IdentityTraining(recipe, _pictures(a, recipe.held_out), a.out / "state.safetensors").run(a.minutes)


def _shape_code(a: argparse.Namespace) -> None:
    from dg.pretraining.faces.shape_code import ShapeTraining

    recipe = _recipe(a, ShapeRecipe)
    pictures = Pictures(a.bundle, torch.device("cpu"), recipe.held_out)
    ShapeTraining(recipe, pictures, a.head, a.identity, a.out / "state.safetensors").run(a.minutes)


def _train(a: argparse.Namespace) -> None:
    from dg.pretraining.faces.training import FacesTraining

    recipe = _recipe(a, Recipe)
    pictures, state = _pictures(a, recipe.held_out), a.out / "state.safetensors"
    FacesTraining(recipe, pictures, state, a.init, a.identity).run(a.minutes)


def _idsg(a: argparse.Namespace) -> None:
    from dg.pretraining.faces.idsg import IdsgPretraining, People

    recipe = _recipe(a, IdsgRecipe)
    people = People.load(a.bundle / "learnt.safetensors", recipe.people)
    IdsgPretraining(recipe, people, a.out / "state.safetensors").run(a.minutes)


def _fom(a: argparse.Namespace) -> None:
    from dg.pretraining.faces.fom import FomPretraining

    recipe = _recipe(a, FomRecipe)
    FomPretraining(recipe, _pictures(a, recipe.held_out), a.out / "state.safetensors", a.init).run(a.minutes)


def _pack(a: argparse.Namespace) -> None:
    from dg.pretraining.faces.pack import pack_faces

    pack_faces(a.bundle, a.state, a.out)


def _pack_identity(a: argparse.Namespace) -> None:
    from dg.pretraining.faces.pack import pack_identity

    pack_identity(a.bundle, a.state, a.shape, a.head, a.out)


def _pack_idsg(a: argparse.Namespace) -> None:
    from dg.pretraining.faces.pack import pack_idsg

    pack_idsg(a.bundle, a.state, a.out)


def _pack_fom(a: argparse.Namespace) -> None:
    from dg.pretraining.faces.pack import pack_fom

    pack_fom(a.bundle, a.state, a.out)


if __name__ == "__main__":
    raise SystemExit(main())
