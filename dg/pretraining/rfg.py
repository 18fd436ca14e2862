"""The bundled RFG: the averages of a longer self phase, halved in precision and measured on people left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from dg.checkpoints import card_path, load_checkpoint, save_checkpoint, under_prefix, with_prefix
from dg.files import read_json
from dg.metrics.ssim import ssim
from dg.rfg.losses import style_loss
from dg.rfg.model import Rfg
from dg.rfg.networks import AdaIN, DownBlock
from dg.shards import FaceSet
from dg.sizes.rfg import RfgSizes
from dg.training.pairs import PairSampler

PAIRS, CHUNK = 256, 32
STYLE_LOSS = 0.2
"""What eq. (13) shall start from: about its size in a run from random weights."""


def pack_rfg(work: Path, out: Path) -> dict[str, Any]:
    """Write the generator and style encoder of `work`/results/rfg_self/dg/joint.safetensors to `out`, in float16.

    The discriminators are left out: all bundled weights together may weigh 32 MB.

    Args:
        work: working directory of the longer run (workflow/rules/bundled.smk).

    Returns:
        the card; its metrics are means over 256 self-reenactment pairs of the MPIE stand-in's test people.

    Raises:
        DgError: the run is not finished.
    """
    trained = work / "results/rfg_self/dg/joint.safetensors"
    weights, made = under_prefix("ema_rfg", load_checkpoint(trained)), read_json(card_path(trained))
    net, measured = Rfg(RfgSizes(**made["sizes"])), FaceSet([work / "data/sets/synth_mpie"], "test")
    net.load_state_dict(weights)
    shrink_codes(net, _style_loss(net, measured) / STYLE_LOSS)
    tensors = {name: tensor.half() for name, tensor in net.state_dict().items()}
    net.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    folders = sorted((work / "data/sets").glob("synth_*"))
    learnt = FaceSet(folders, split="train")
    card = {
        "what": "RFG: face generator G_f and style encoder E_s, averages of a longer self phase (scale: bundled)",
        "data": f"{len(learnt)} SynthFace pictures of {learnt.table['subject'].nunique()} people that don't exist and "
        "are in no benchmark set",
        "metrics": measure_rfg(net.eval().requires_grad_(False), measured),
        **{key: made[key] for key in ("sizes", "settings", "steps", "seconds", "versions", "git_commit")},
    }
    save_checkpoint(out, with_prefix("ema_rfg", tensors), card)
    return card


@torch.no_grad()
def shrink_codes(net: Rfg, factor: float) -> None:
    """Divide E_s's codes by `factor` and multiply what reads them in G_f by it: the same pictures from smaller codes.

    A run without eq. (13) says nothing about the size of the codes, and they grow; a thousand times too large, they
    would let that equation outweigh all others. The layers of E_s share the division evenly, so that a step of the
    optimiser still means about the same to each.
    """
    encoder = net.style_encoder
    blocks = [block for block in encoder.down if isinstance(block.skip, nn.Conv2d)]
    share = factor ** (-1 / (len(blocks) + 3))
    gain = 1.0  # of the activations so far; a bias is added to them and shrinks alike
    for layer in (encoder.first, *encoder.down, encoder.last[1], encoder.linear):
        if isinstance(layer, DownBlock):
            layer.conv1.bias *= gain
            if layer in blocks:
                layer.conv2.weight *= share
                layer.skip.weight *= share
                gain *= share
            layer.conv2.bias *= gain
        else:
            gain *= share
            layer.weight *= share
            layer.bias *= gain
    for module in net.generator.modules():
        if isinstance(module, AdaIN):
            module.linear.weight *= factor


def _images(faces: FaceSet, rows: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack([faces.image(row) for row in rows])).permute(0, 3, 1, 2) / 255


@torch.no_grad()
def _style_loss(net: Rfg, faces: FaceSet) -> float:
    batch = PairSampler(faces.table, CHUNK, seed=0).self_batch(0)
    painted, style = net(torch.from_numpy(faces.points[batch.reference]), _images(faces, batch.source))
    return float(style_loss(net.style_encoder(painted), style))


def measure_rfg(rfg: Rfg, faces: FaceSet) -> dict[str, float]:
    """SSIM to the truth of self-reenactment pairs: of the painted face, and of the source picture as it is."""
    batch = PairSampler(faces.table, PAIRS, seed=0).self_batch(0)
    painted, unchanged = [], []
    for rows in np.array_split(np.arange(PAIRS), PAIRS // CHUNK):
        source, truth = (_images(faces, part[rows]) for part in (batch.source, batch.target))
        l_t = torch.from_numpy(faces.points[batch.reference[rows]])
        painted.append(ssim(rfg.paint(l_t, source), truth))
        unchanged.append(ssim(source, truth))
    return {
        "pairs": PAIRS,
        "people": int(faces.table["subject"].nunique()),
        "ssim": round(float(torch.cat(painted).mean()), 4),
        "ssim_source_unchanged": round(float(torch.cat(unchanged).mean()), 4),
    }
