"""From the trainings' states to bundled weights in float16, measured on people left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import normalize

from dg.checkpoints import save_checkpoint, with_prefix
from dg.fom.networks import Fom
from dg.identity.network import FaceCodeNet, ShapeBranch, SynthFaceId
from dg.idsg.networks import Idsg
from dg.lpips.network import Lpips
from dg.metrics.ssim import ssim
from dg.pretraining.faces.identity_accuracy import measure_identity
from dg.pretraining.faces.idsg import People, measure_idsg
from dg.pretraining.faces.pictures import Pairs, Pictures
from dg.pretraining.faces.recipe import FomRecipe, IdentityRecipe, IdsgRecipe, Recipe, ShapeRecipe
from dg.pretraining.faces.shape_head import fit_shape_head, measure_shape
from dg.pretraining.faces.state import facts_of, part_of
from dg.recognition.sface import SFace
from dg.rfg.model import Rfg
from dg.sizes.fom import fom_sizes
from dg.sizes.idsg import IdsgSizes
from dg.sizes.rfg import RfgSizes

PAIRS, CHUNK = 256, 32
PEOPLE = "SynthFace people who don't exist and are in no benchmark set"


def pack_faces(bundle: Path, state: Path, out: Path) -> dict[str, Any]:
    """Write G_f and E_s (averages) and D_f of `state` to `out`, in float16, with a card.

    Returns:
        the card. Its metrics are means over 256 pairs of people whom the training left out; the judges are SFace,
        AlexNet's LPIPS and SSIM, which no loss has seen.

    Raises:
        DgError: the state or the bundle is missing.
    """
    (step, values), stored = facts_of(state), load_file(state)
    recipe = Recipe(**values)
    net = Rfg(RfgSizes(**recipe.sizes))
    net.eval().requires_grad_(False)
    averages = {"generator": net.generator, "style_encoder": net.style_encoder}
    for name, part in averages.items():
        part.load_state_dict({key: value.half().float() for key, value in part_of(f"ema_{name}", stored).items()})
    measured = Pictures(bundle, torch.device("cpu"), recipe.held_out, measured=True)
    tensors = with_prefix("ema_rfg", {name: tensor.half() for name, tensor in net.state_dict().items()})
    judge = {name: tensor.half() for name, tensor in part_of("face_discriminator", stored).items()}
    card = {
        "what": "RFG: face generator G_f and style encoder E_s, averages of a long training (dg/pretraining/faces), "
        "and its face discriminator D_f",
        "data": f"{PEOPLE}; measured on {len(measured.people)} others",
        "metrics": measure(lambda pairs: net.paint(pairs.points, pairs.source), measured),
        "sizes": recipe.sizes,
        "settings": values,
        "pictures": step * recipe.batch,
        "versions": {"torch": torch.__version__},
    }
    save_checkpoint(out, tensors | with_prefix("face_discriminator", judge), card)
    return card


def pack_identity(bundle: Path, state: Path, shape: Path, head: Path, out: Path) -> dict[str, Any]:
    """Write E_f to `out`, in float16, with a card that says what it knows of people left out.

    The last layer of its second part, which F_l's landmarks take part in, is fitted here and stays in float32.

    Args:
        state: of the part that tells people apart. shape: of the part that tells the shape of the head.
        head: SynthFace head model.

    Raises:
        DgError: a state or the bundle is missing.
    """
    (step, values), (shape_step, shape_values) = facts_of(state), facts_of(shape)
    recipe, shape_recipe = IdentityRecipe(**values), ShapeRecipe(**shape_values)
    parts = FaceCodeNet(recipe.dimension, recipe.width), ShapeBranch(shape_recipe.dimension, recipe.width)
    tensors = {}
    for name, part, file in zip(("identity", "shape"), parts, (state, shape)):
        stored = part_of("net", load_file(file))
        halved = {key: t.half() if t.is_floating_point() else t for key, t in stored.items()}
        part.load_state_dict(halved)
        tensors |= with_prefix(name, halved)
    net = SynthFaceId(*parts).eval()
    learnt, others = (Pictures(bundle, torch.device("cpu"), recipe.held_out, measured) for measured in (False, True))
    shapes = fit_shape_head(net, learnt, head)
    tensors |= with_prefix("head", net.head.state_dict())
    card = {
        "what": f"E_f: codes of {recipe.dimension} numbers that tell people apart (dg/pretraining/faces/identity.py), "
        f"{shape_recipe.dimension} of the shape of the head (shape_code.py, shape_head.py)",
        "data": f"{PEOPLE}; the shape's part from {len(learnt.people)}; measured on {len(others.people)} others",
        "metrics": measure_identity(net.identity, others)
        | {"shape_explained": measure_shape(net, shapes, others, head)},
        "settings": {"identity": values, "shape": shape_values},
        "steps_done": {"identity": step, "shape": shape_step},
        "versions": {"torch": torch.__version__},
    }
    save_checkpoint(out, tensors, card)
    return card


def pack_idsg(shapes: Path, state: Path, out: Path) -> dict[str, Any]:
    """Write the IDSG of `state` to `out`, in float16, with a card that says how near it comes on people left out.

    Args:
        shapes: folder of `make_shapes`: learnt.safetensors, and measured.safetensors of others.

    Raises:
        DgError: the state or the shapes are missing.
    """
    step, values = facts_of(state)
    recipe, stored = IdsgRecipe(**values), part_of("net", load_file(state))
    others = People.load(shapes / "measured.safetensors")
    learnt = len(People.load(shapes / "learnt.safetensors", recipe.people).points)
    sizes = IdsgSizes(landmark_dims=3, face_code=others.codes.shape[-1], coordinates="centred")
    net = Idsg(sizes.landmark_dims, sizes.face_code, sizes.coordinates)
    tensors = {name: tensor.half() for name, tensor in stored.items()}
    net.load_state_dict(tensors)
    card = {
        "what": "IDSG: landmark encoder E_l and decoder R_l, trained by eq. (6) and the shapes of eyes and mouth "
        "(dg/pretraining/faces/idsg.py)",
        "data": f"landmarks of {learnt} {PEOPLE}; measured on {len(others.points)} others",
        "metrics": measure_idsg(net.eval(), others),
        "sizes": sizes.model_dump(),
        "settings": values,
        "steps_done": step,
        "versions": {"torch": torch.__version__},
    }
    save_checkpoint(out, with_prefix("ema_idsg", tensors), card)
    return card


def pack_fom(bundle: Path, state: Path, out: Path) -> dict[str, Any]:
    """Write the First Order Motion Model of `state` (averages) to `out`, in float16, with a card.

    Its metrics are `measure`'s, the driving picture being the truth itself: what key points alone would carry over.

    Raises:
        DgError: the state or the bundle is missing.
    """
    (step, values), stored = facts_of(state), part_of("ema_net", load_file(state))
    recipe = FomRecipe(**values)
    net = Fom(fom_sizes(recipe.size))
    tensors = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in stored.items()}
    net.load_state_dict(tensors)
    net.eval().requires_grad_(False)
    measured = Pictures(bundle, torch.device("cpu"), recipe.held_out, measured=True)
    card = {
        "what": "First Order Motion Model: key points, dense motion and generator (dg/pretraining/faces/fom.py)",
        "data": f"{PEOPLE}; measured on {len(measured.people)} others",
        "metrics": measure(lambda pairs: net.reenact(pairs.source, pairs.truth), measured),
        "sizes": net.sizes.model_dump(),
        "settings": values,
        "pictures": step * recipe.batch,
        "versions": {"torch": torch.__version__},
    }
    save_checkpoint(out, with_prefix("ema_fom", tensors), card)
    return card


def measure(paint: Callable[[Pairs], Tensor], people: Pictures) -> dict[str, float]:
    """How well `paint` makes one picture of a person from another one and what drives it: (b, 3, S, S) in [0, 1].

    Returns:
        ssim, lpips to the truth; csim of SFace to the source. "_source" is the same of the source picture unchanged,
        "_truth" of the truth, "_stranger" of another person's picture.
    """
    lpips, sface = Lpips("alexnet"), SFace()
    rows: list[dict[str, np.ndarray]] = []
    for chunk in range(PAIRS // CHUNK):
        pairs = people.pairs(1, [chunk], CHUNK)
        rows.append(_scores(paint(pairs), pairs, lpips, sface))
    means = {name: float(np.concatenate([row[name] for row in rows]).mean()) for name in rows[0]}
    return {"pairs": PAIRS} | {name: round(mean, 4) for name, mean in means.items()}


@torch.no_grad()
def _scores(painted: Tensor, pairs: Pairs, lpips: Lpips, sface: SFace) -> dict[str, np.ndarray]:
    of_source, of_truth, of_painted = (
        normalize(sface.codes(images, points), dim=1)
        for images, points in (
            (pairs.source, pairs.source_points),
            (pairs.truth, pairs.points),
            (painted, pairs.points),
        )
    )
    return {
        "ssim": ssim(painted, pairs.truth).numpy(),
        "ssim_source": ssim(pairs.source, pairs.truth).numpy(),
        "lpips": lpips(painted, pairs.truth).numpy(),
        "lpips_source": lpips(pairs.source, pairs.truth).numpy(),
        "csim": (of_painted * of_source).sum(1).numpy(),
        "csim_truth": (of_truth * of_source).sum(1).numpy(),
        "csim_stranger": (of_truth.roll(1, 0) * of_source).sum(1).numpy(),
    }
