"""Makes a First Order Motion Model's pictures of pairs, for the pipeline (docs/methods.md), or of your own frames.

    python -m dg.fom.reenact --model {model} --pairs {pairs} --out {out}
    python -m dg.fom.reenact --model {model} --source me.png --frames driving/ --out moved/ [--relative]

A pair of single pictures has no first driving frame, so its points are taken as they are (absolute motion), which also
gives the source the driving face's shape. `--relative` moves the source's points as the frames' moved since the first
one, where source and first frame show the same pose: what the published demos do.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate
from tqdm import tqdm

from dg.errors import DgError
from dg.files import replacing
from dg.fom.model import FILE, load_fom
from dg.fom.motion import KeyPoints, relative
from dg.fom.networks import Fom
from dg.fom.samples import NOTE
from dg.pictures import read_picture
from dg.protocols.exchange import SUFFIXES, read_exchange
from dg.provenance import save_png
from dg.torchrun import use_threads

_BATCH = 16


def reenact_pairs(fom: Fom, pairs: Path, out: Path) -> None:
    """Write `<pair>.png` for each row of pairs.csv, absolute motion; pictures that are there already stay.

    Raises:
        DgError: see `read_exchange`; BrokenPicture: a picture can't be read.
    """
    table = read_exchange(pairs)
    table = table[[not (out / f"{pair}.png").exists() for pair in table["pair"]]]
    for start in tqdm(range(0, len(table), _BATCH), desc="FOM", unit="batch", disable=None):
        batch = table.iloc[start : start + _BATCH]
        source, driving = ([_read(path) for path in batch[name]] for name in ("source", "reference"))
        made = fom.reenact(_together(source, fom), _together(driving, fom))
        for pair, still, picture in zip(batch["pair"], source, made):
            _save(picture, still.shape[-1], out / f"{pair}.png")


def reenact_frames(fom: Fom, source: Path, frames: Path, out: Path, moves: bool) -> None:
    """Write a picture for each one of the folder `frames`, in the order of their names, called alike.

    Args:
        moves: relative motion, from the first frame on.

    Raises:
        DgError: there are no frames; BrokenPicture: a picture can't be read.
    """
    paths = sorted(path for path in frames.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise DgError(f"{frames}: no picture ({', '.join(SUFFIXES)}). Give the folder of the driving frames.")
    still, driving = _read(source), (_together([_read(path)], fom) for path in paths)
    for path, picture in zip(paths, animate(fom, _together([still], fom), driving, moves)):
        _save(picture, still.shape[-1], out / f"{path.stem}.png")


@torch.no_grad()
def animate(fom: Fom, source: Tensor, driving: Iterable[Tensor], moves: bool) -> Iterator[Tensor]:
    """The source (1, 3, H, W) as each driving picture (1, 3, H, W) shows, (3, H, W) each; `moves`: relative motion."""
    points, first = fom.detector(source), None
    for frame in driving:
        found: KeyPoints = fom.detector(frame)
        first = first or found
        yield fom(source, points, relative(points, found, first) if moves else found)[0][0]


def _read(path: Path) -> Tensor:
    """(1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(read_picture(path).copy()).permute(2, 0, 1)[None].float() / 255


def _together(pictures: Iterable[Tensor], fom: Fom) -> Tensor:
    """(B, 3, size, size) on the model's device, scaled to the size it was trained at."""
    device = next(fom.parameters()).device
    return torch.cat([_scaled(picture, fom.sizes.size) for picture in pictures]).to(device)


def _scaled(images: Tensor, size: int) -> Tensor:
    if images.shape[-2:] == (size, size):
        return images
    return interpolate(images, (size, size), mode="bilinear", align_corners=False, antialias=True).clamp(0, 1)


def _save(picture: Tensor, side: int, path: Path) -> None:
    pixels = (_scaled(picture[None], side)[0] * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    with replacing(path) as temporary:
        save_png(Image.fromarray(pixels), temporary, NOTE)


def main(argv: list[str] | None = None) -> int:
    """Reenact; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m dg.fom.reenact", description="Reenact with a trained FOM.")
    parser.add_argument("--model", type=Path, required=True, help="folder that dg.fom.train wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder of the pictures")
    parser.add_argument("--pairs", type=Path, help="pairs.csv of the pipeline")
    parser.add_argument("--source", type=Path, help="a picture of the face to move")
    parser.add_argument("--frames", type=Path, help="folder of driving pictures, in the order of their names")
    parser.add_argument("--relative", action="store_true", help="move as the frames did since the first one")
    parser.add_argument("--threads", type=int)
    a = parser.parse_args(argv)
    if bool(a.pairs) == bool(a.source and a.frames):
        parser.error("give --pairs, or --source and --frames")
    use_threads(a.threads)
    try:
        fom = load_fom(a.model / FILE).to("cuda" if torch.cuda.is_available() else "cpu")
        a.out.mkdir(parents=True, exist_ok=True)
        if a.pairs:
            reenact_pairs(fom, a.pairs, a.out)
        else:
            reenact_frames(fom, a.source, a.frames, a.out, a.relative)
    except DgError as error:
        print(f"dg.fom.reenact: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
