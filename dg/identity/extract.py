"""The identity step: one frame shard in, one shard of face codes out."""

from __future__ import annotations

from pathlib import Path

import torch
from tqdm import tqdm

from dg.batches import image_batches
from dg.identity.encoder import load_face_encoder
from dg.shards import identity_schema, read_shard, write_shard

BATCH = 32


@torch.inference_mode()
def find_codes(backend: str, frames: Path, out: Path) -> None:
    """Compute the face code r = E_f(I) of every crop of a shard.

    Args:
        backend: see `load_face_encoder`.
        frames: shard of crops, see dg/shards.py.
        out: shard to write (`identity_schema(D)`, row order of `frames`). Face-less crops get a code as well; it is
            their landmarks that make `FaceSet` skip them.

    Raises:
        DgError: the shard or the weights are missing or damaged.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    encoder = load_face_encoder(backend, device)
    batch = read_shard(frames)
    keys = batch.column("key").to_pylist()
    codes = [torch.zeros(0, encoder.dimension)]
    with tqdm(total=len(keys), desc=f"identity {Path(frames).stem}", unit="face", disable=None) as bar:
        for images in image_batches(batch, BATCH):
            codes.append(encoder(images.to(device)).float().cpu())
            bar.update(len(images))
    write_shard(out, identity_schema(encoder.dimension), {"key": keys, "code": torch.cat(codes).numpy()})
