"""From the training's state to bundled weights: averages in float16, D_f beside them, measured on people left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch.nn.functional import normalize

from dg.checkpoints import save_checkpoint, under_prefix, with_prefix
from dg.lpips.network import Lpips
from dg.metrics.sface import SFace
from dg.metrics.ssim import ssim
from dg.pretraining.faces.pictures import Pairs, Pictures
from dg.pretraining.faces.recipe import Recipe
from dg.rfg.model import Rfg
from dg.sizes.rfg import RfgSizes

PAIRS, CHUNK = 256, 32


def pack_faces(bundle: Path, state: Path, out: Path) -> dict[str, Any]:
    """Write G_f and E_s (averages) and D_f of `state` to `out`, in float16, with a card.

    Returns:
        the card. Its metrics are means over 256 pairs of people whom the training left out; the judges are SFace,
        AlexNet's LPIPS and SSIM, which no loss has seen.

    Raises:
        DgError: the state or the bundle is missing.
    """
    with safe_open(state, "pt") as file:
        facts = file.metadata()
    recipe, stored = Recipe(**json.loads(facts["recipe"])), load_file(state)
    net = Rfg(RfgSizes(**recipe.sizes))
    averages = {"generator": net.generator, "style_encoder": net.style_encoder}
    for name, part in averages.items():
        part.load_state_dict({key: value.half().float() for key, value in under_prefix(f"ema_{name}", stored).items()})
    measured = Pictures(bundle, torch.device("cpu"), recipe.held_out, measured=True)
    tensors = with_prefix("ema_rfg", {name: tensor.half() for name, tensor in net.state_dict().items()})
    judge = {name: tensor.half() for name, tensor in under_prefix("face_discriminator", stored).items()}
    learnt = len(Pictures(bundle, torch.device("cpu"), recipe.held_out).people)
    card = {
        "what": "RFG: face generator G_f and style encoder E_s, averages of a long training (dg/pretraining/faces), "
        "and its face discriminator D_f",
        "data": f"{learnt} SynthFace people that don't exist and are in no benchmark set; measured on "
        f"{len(measured.people)} others",
        "metrics": measure(net.eval().requires_grad_(False), measured),
        "sizes": recipe.sizes,
        "settings": json.loads(facts["recipe"]),
        "pictures": int(facts["step"]) * recipe.batch,
        "versions": {"torch": torch.__version__},
    }
    save_checkpoint(out, tensors | with_prefix("face_discriminator", judge), card)
    return card


def measure(rfg: Rfg, people: Pictures) -> dict[str, float]:
    """How well `rfg` paints one picture of a person from another one and the landmarks.

    Returns:
        ssim, lpips to the truth; csim of SFace to the source. "_source" is the same of the source picture unchanged,
        "_truth" of the truth, "_stranger" of another person's picture.
    """
    lpips, sface = Lpips("alexnet"), SFace()
    rows: list[dict[str, np.ndarray]] = []
    for chunk in range(PAIRS // CHUNK):
        pairs = people.pairs(seed=1, step=chunk, count=CHUNK)
        rows.append(_scores(rfg, pairs, lpips, sface))
    means = {name: float(np.concatenate([row[name] for row in rows]).mean()) for name in rows[0]}
    return {"pairs": PAIRS} | {name: round(mean, 4) for name, mean in means.items()}


@torch.no_grad()
def _scores(rfg: Rfg, pairs: Pairs, lpips: Lpips, sface: SFace) -> dict[str, np.ndarray]:
    painted = rfg.paint(pairs.points, pairs.source)
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
