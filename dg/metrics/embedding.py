"""Face embeddings of many pictures, on all the cores that torch may use."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice

import numpy as np

from dg.errors import DgError
from dg.metrics.csim import Embedder, open_embedder
from dg.shards import decode_image

Face = tuple[bytes, np.ndarray]  # PNG or JPEG bytes; (68, 2 or more) landmarks, crop coordinates

_TOGETHER = 8  # pictures handed to a process at once
_AHEAD = 2  # such parcels per process that wait or are under way; more would only fill the memory
_embedder: Embedder


def embeddings(backend: str, faces: Iterable[Face]) -> Iterator[np.ndarray]:
    """The embedding (d,) float32 of each face, in order.

    dlib works on one core and holds Python's lock, so it gets a process per core; the runtime of the others shares its
    work by itself.

    Raises:
        DgError: a process was killed, most often for want of memory.
    """
    import torch  # here, so that the processes start without it

    processes = torch.get_num_threads() if backend == "dlib" else 1
    if processes == 1:
        _open(backend)
        yield from map(_embed, faces)
        return
    # A fork would copy torch's threads in the middle of their work.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _open, (backend,)) as pool:
        try:
            yield from _in_order(pool, faces, processes * _AHEAD)
        except BrokenProcessPool as error:
            raise DgError(
                "CSIM: a process that embeds faces was killed, most often because memory ran out. Run the same command "
                "again with fewer --cores."
            ) from error


def _in_order(pool: ProcessPoolExecutor, faces: Iterable[Face], most: int) -> Iterator[np.ndarray]:
    waiting: deque[Future] = deque()
    for parcel in _parcels(faces):
        waiting.append(pool.submit(_embed_all, parcel))
        if len(waiting) > most:
            yield from waiting.popleft().result()
    for future in waiting:
        yield from future.result()


def _parcels(faces: Iterable[Face]) -> Iterator[list[Face]]:
    faces = iter(faces)
    while parcel := list(islice(faces, _TOGETHER)):
        yield parcel


def _open(backend: str) -> None:
    global _embedder
    _embedder = open_embedder(backend)


def _embed(face: Face) -> np.ndarray:
    image, points = face
    return _embedder(decode_image(image), points)


def _embed_all(parcel: list[Face]) -> list[np.ndarray]:
    return [_embed(face) for face in parcel]
