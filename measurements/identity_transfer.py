"""Does the gradient of eq. (12) bring a face nearer to the source for a recogniser that no loss has seen?

    python -m measurements.identity_transfer START.safetensors [--steps 120] [--onnx FILE]     after make table4

From one start (a checkpoint of an RFG, best one that E_f had no part in) each row trains G_f and E_s for so many steps
on the training people, pairs of one person, with L_at alone or with L_id added, E_f the one named; the same pairs, the
same order. Judged by SFace on pairs of the MPIE stand-in's strangers, painted from the truth's own landmarks. `--onnx`
adds a recogniser of real faces as yardstick, an ArcFace network for 112 px crops (onnx2torch reads it).
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from dg.identity.encoder import load_face_encoder
from dg.metrics.csim import cosine, rank1
from dg.recognition.alignment import SIDE, TEMPLATE, five_points, similarity
from dg.recognition.sface import SFace
from dg.rfg import load_rfg
from dg.rfg.losses import attribute_loss, identity_loss
from dg.rfg.model import Rfg
from dg.shards import FaceSet
from dg.training.pairs import PairSampler

Embed = Callable[[Tensor, Tensor], Tensor]
"""(B, 3, H, W) faces in [0, 1] and the (B, 68, 3) landmarks that they were painted from -> (B, D) codes."""

SETS = Path("data/sets")
LAMBDA_AT, LAMBDA_ID, RATE, BATCH = 10.0, 10.0, 1e-4, 8


def main() -> None:
    """Train each row, judge it, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("start", type=Path)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--every", type=int, default=2, help="judge every so manieth pair")
    parser.add_argument("--onnx", type=Path)
    told = parser.parse_args()
    encoders: dict[str, Embed | None] = {"L_at alone": None, "synthface-id": load_face_encoder("synthface-id")}
    if told.onnx:
        encoders[told.onnx.stem] = _of_onnx(told.onnx)
    judge, rows = _Judge(told.every), {}
    rows["start"] = judge(load_rfg(told.start))
    for name, encoder in encoders.items():
        rows[name] = judge(_train(load_rfg(told.start), encoder, told.steps))
        print(pd.DataFrame(rows).T.to_string(float_format="{:.3f}".format), flush=True)
    print(pd.DataFrame(rows | judge.bounds()).T.to_string(float_format="{:.3f}".format))


def _train(rfg: Rfg, encoder: Embed | None, steps: int) -> Rfg:
    """`rfg` after so many steps of Adam."""
    faces = FaceSet([SETS / "synth_rafd", SETS / "synth_mpie"], split="train")
    sampler = PairSampler(faces.labels, BATCH, seed=0)
    rfg = copy.deepcopy(rfg).train().requires_grad_(True)
    optimiser = torch.optim.Adam(rfg.parameters(), RATE, (0.5, 0.99))
    for step in tqdm(range(steps), disable=None):
        rows = sampler.self_batch(step)
        source, truth = _pictures(faces, rows.source), _pictures(faces, rows.target)
        points, visible = (torch.from_numpy(some[rows.target]) for some in (faces.points, faces.visible))
        painted, _ = rfg(points, source, visible)
        loss = LAMBDA_AT * attribute_loss(painted, truth, torch.ones(len(truth), dtype=torch.bool))
        if encoder:
            with torch.no_grad():
                wanted = encoder(source, torch.from_numpy(faces.points[rows.source]))
            loss = loss + LAMBDA_ID * identity_loss(encoder(painted, points), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return rfg.eval().requires_grad_(False)


class _Judge:
    """SFace on every so manieth pair of the test MPIE."""

    def __init__(self, every: int) -> None:
        pairs = pd.read_parquet(SETS / "synth_mpie/pairs/MPIE.parquet").iloc[::every]
        faces = FaceSet([SETS / "synth_mpie"], split="test")
        place = {key: row for row, key in enumerate(faces.table["key"])}
        self._source, self._target, self._reference = (
            np.array([place[key] for key in pairs[part]]) for part in ("source", "target", "reference")
        )
        self._people, self._faces, self._net = pairs["subject"].to_numpy(), faces, SFace()
        self._of_source = self._codes(_pictures(faces, self._source), self._source)

    def __call__(self, rfg: Rfg) -> dict[str, float]:
        points, visible = (torch.from_numpy(some[self._target]) for some in (self._faces.points, self._faces.visible))
        painted = rfg.paint(points, _pictures(self._faces, self._source), visible)
        found = self._scores(self._codes(painted, self._target))
        return found | {"L1 to the truth": float((painted - _pictures(self._faces, self._target)).abs().mean())}

    def bounds(self) -> dict[str, dict[str, float]]:
        """What the reference, another person, and the truth score."""
        rows = {"the reference": self._reference, "the truth": self._target}
        return {name: self._scores(self._codes(_pictures(self._faces, at), at)) for name, at in rows.items()}

    def _codes(self, images: Tensor, at: np.ndarray) -> np.ndarray:
        return self._net.codes(images, torch.from_numpy(self._faces.points[at])).numpy()

    def _scores(self, codes: np.ndarray) -> dict[str, float]:
        return {
            "SFace": cosine(codes, self._of_source).mean(),
            "rank-1": rank1(codes, self._of_source, self._people).mean(),
        }


def _pictures(faces: FaceSet, rows: np.ndarray) -> Tensor:
    """(n, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.stack([faces.image(row) for row in rows])).permute(0, 3, 1, 2) / 255


def _of_onnx(path: Path) -> Embed:
    """An ArcFace network, its faces aligned by the landmarks that drive the picture, as it was trained to see them."""
    from onnx2torch import convert

    net = convert(str(path)).eval().requires_grad_(False)

    def embed(images: Tensor, points: Tensor) -> Tensor:
        side = images.shape[-1]
        moves = np.stack([similarity(TEMPLATE, five_points(some) * side) for some in points.numpy()])
        # Pixel to pixel, from the aligned picture to the face; affine_grid counts from -1 to 1.
        scale = np.diag([SIDE / side, SIDE / side])
        linear = moves[:, :, :2] @ scale
        shift = (moves[:, :, :2].sum(2) * (SIDE - 1) / 2 + moves[:, :, 2]) * 2 / side + 1 / side - 1
        grid = torch.from_numpy(np.concatenate([linear, shift[..., None]], axis=2)).float()
        aligned = F.grid_sample(
            images, F.affine_grid(grid, [len(images), 3, SIDE, SIDE], align_corners=False), align_corners=False
        )
        return net((aligned * 255 - 127.5) / 127.5)

    return embed


if __name__ == "__main__":
    main()
