"""Face embeddings of many pictures, on all the cores that torch may use."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator

import numpy as np

from dg.metrics.csim import Embedder, open_embedder
from dg.shards import decode_image

Face = tuple[bytes, np.ndarray]  # PNG or JPEG bytes; (68, 2 or more) landmarks, crop coordinates

_AHEAD = 8  # pictures handed to a process at once
_embedder: Embedder


def embeddings(backend: str, faces: Iterable[Face]) -> Iterator[np.ndarray]:
    """The embedding (d,) float32 of each face, in order.

    dlib works on one core and holds Python's lock, so it gets a process per core; ArcFace's runtime shares its work by
    itself.
    """
    import torch  # here, so that the processes start without it

    processes = torch.get_num_threads() if backend == "dlib" else 1
    if processes == 1:
        _open(backend)
        yield from map(_embed, faces)
        return
    # A fork would copy torch's threads in the middle of their work.
    with multiprocessing.get_context("spawn").Pool(processes, _open, (backend,)) as pool:
        yield from pool.imap(_embed, faces, chunksize=_AHEAD)


def _open(backend: str) -> None:
    global _embedder
    _embedder = open_embedder(backend)


def _embed(face: Face) -> np.ndarray:
    image, points = face
    return _embedder(decode_image(image), points)
