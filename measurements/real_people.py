"""What do the bundled networks, trained on SynthFace alone, make of real people?

    python -m measurements.real_people FOLDER [--sheet SHEET.png]       FOLDER/<person>/neutral.jpg and smiling.jpg

Each person's neutral picture is the source, their smiling one the truth. Driven by the next person's smiling picture
through the IDSG ("DG"), and by the truth's own landmarks ("truth's landmarks"). Printed: rank-1 by SFace among all
sources, CSIM to the source, SSIM to the truth, and how far the result's landmarks are from the driving ones. Beside it:
the truth, the driving picture, chance. The sheet shows real people: keep it off Git and name the photographs' source.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from dg.files import replacing
from dg.identity.encoder import load_face_encoder
from dg.idsg import load_idsg
from dg.landmarks.face_crop import find_face_crop
from dg.landmarks.fan import load_landmark_net
from dg.metrics.csim import cosine, rank1
from dg.metrics.ssim import ssim
from dg.pictures import crop, read_picture
from dg.provenance import REENACTED, save_png
from dg.recognition.sface import SFace
from dg.rfg import load_rfg
from dg.weights import bundled
from dg.xmp import SourceType

SIDE = 128
SHOWN = 6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sheet", type=Path, help="source, driving picture, DG, truth's landmarks, truth")
    arguments = parser.parse_args()
    people = sorted(path.parent for path in arguments.folder.glob("*/neutral.jpg"))
    faces = [[_face(person / name) for name in ("neutral.jpg", "smiling.jpg")] for person in people]
    faces = [pair for pair in faces if all(face is not None for face in pair)]
    if len(faces) < 2:
        parser.error(
            f"{arguments.folder}: holds fewer than two people with a face, <person>/neutral.jpg and smiling.jpg"
        )
    source, truth = (torch.stack(some) for some in zip(*faces))
    print(f"{len(faces)} people of {len(people)}; chance of rank-1 is {1 / len(faces):.3f}")
    measure(source, truth, arguments.sheet)


@torch.no_grad()
def measure(source: Tensor, truth: Tensor, sheet: Path | None) -> None:
    """Print the table of people's neutral and smiling crops, (n, 3, SIDE, SIDE) each."""
    net, sface, who = load_landmark_net("fan-synthface"), SFace(), np.arange(len(source))
    at_source, at_truth = net.detect(source), net.detect(truth)
    driving, at_driving = truth.roll(-1, 0), at_truth.points.roll(-1, 0)
    codes = load_face_encoder("synthface-id")(source, at_source.points)
    points = load_idsg(bundled("idsg-synthface")).generate(at_driving, codes)
    rfg, visible = load_rfg(bundled("rfg-synthface")), at_truth.visible
    shown = {
        "DG": (rfg.paint(points, source, visible.roll(-1, 0)), points),
        "truth's landmarks": (rfg.paint(at_truth.points, source, visible), at_truth.points),
        "the truth": (truth, at_truth.points),
        "the driving picture": (driving, at_driving),
    }
    of_source, rows = sface.codes(source, at_source.points).numpy(), {}
    for name, (images, at) in shown.items():
        codes = sface.codes(images, at).numpy()
        off = (net.detect(images).points[..., :2] - at[..., :2]).norm(dim=2).mean()
        rows[name] = {
            "rank-1": rank1(codes, of_source, who).mean(),
            "CSIM": cosine(codes, of_source).mean(),
            "SSIM to the truth": float(ssim(images, truth).mean()),
            "landmarks off, % of the picture": 100 * float(off),
        }
    print(pd.DataFrame(rows).T.round(3).to_string())
    if sheet is not None:
        columns = [source, driving, shown["DG"][0], shown["truth's landmarks"][0], truth]
        tiles = torch.cat([images[:: max(1, len(source) // SHOWN)][:SHOWN] for images in columns], 3).clamp(0, 1)
        pixels = (255 * torch.cat(list(tiles), 1)).byte().permute(1, 2, 0).numpy()
        with replacing(sheet) as temporary:
            large = Image.fromarray(pixels).resize((2 * pixels.shape[1], 2 * pixels.shape[0]))
            save_png(large, temporary, f"photographs and what is {REENACTED}", SourceType.SHEET)


def _face(path: Path) -> Tensor | None:
    """(3, SIDE, SIDE) in [0, 1], cut as the pipeline cuts photographs; None: no face was found."""
    picture = read_picture(path)
    box = find_face_crop(picture)
    if box is None:
        print(f"{path}: no face found")
        return None
    return torch.from_numpy(crop(picture, box, SIDE).copy()).permute(2, 0, 1) / 255


if __name__ == "__main__":
    main()
