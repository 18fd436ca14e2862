"""The identity step: one frame shard and its landmarks in, one shard of face codes out."""

from __future__ import annotations

from pathlib import Path

import torch
from tqdm import tqdm

from dg.batches import image_batches
from dg.errors import DgError
from dg.identity import READ_LANDMARKS
from dg.identity.encoder import load_face_encoder
from dg.shards import fixed_lists, identity_schema, read_shard, write_shard

BATCH = 32


@torch.inference_mode()
def find_codes(backend: str, frames: Path, out: Path, landmarks: Path | None = None) -> None:
    """Compute the face code r = E_f(I) of every crop of a shard.

    Args:
        backend: see `load_face_encoder`.
        frames: shard of crops, see dg/shards.py.
        landmarks: the same shard's landmarks; None will do for a back end that looks at the picture alone
            (`READ_LANDMARKS` has the others).
        out: shard to write (`identity_schema(D)`, row order of `frames`). Face-less crops get a code as well; it is
            their landmarks that make `FaceSet` skip them.

    Raises:
        DgError: a shard or the weights are missing or damaged, the landmarks are of another shard, or there are none
            for a back end that reads them.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    encoder = load_face_encoder(backend, device)
    batch = read_shard(frames)
    keys = batch.column("key").to_pylist()
    points = _points(backend, keys, frames, landmarks)
    codes = [torch.zeros(0, encoder.dimension)]
    with tqdm(total=len(keys), desc=f"identity {Path(frames).stem}", unit="face", disable=None) as bar:
        for images, marks in zip(image_batches(batch, BATCH), points.split(BATCH)):
            codes.append(encoder(images.to(device), marks.to(device)).float().cpu())
            bar.update(len(images))
    write_shard(out, identity_schema(encoder.dimension), {"key": keys, "code": torch.cat(codes).numpy()})


def _points(backend: str, keys: list[str], frames: Path, landmarks: Path | None) -> torch.Tensor:
    """(n, 68, 3) of the shard's crops; zeros for a back end that doesn't read them."""
    if backend not in READ_LANDMARKS:
        return torch.zeros(len(keys), 68, 3)
    if landmarks is None:
        raise DgError(f"identity.backend {backend} reads landmarks: give --landmarks, those of {frames}.")
    found = read_shard(landmarks)
    if found.column("key").to_pylist() != keys:
        raise DgError(f"{landmarks}: holds other pictures than {frames}. Run the step landmarks again.")
    return torch.from_numpy(fixed_lists(found, "points").copy()).view(-1, 68, 3)
