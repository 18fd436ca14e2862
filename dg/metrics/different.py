"""Different pictures, numbered: networks look at each one once, however many pairs share it."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np


class Numbering:
    """Numbers fingerprints 0, 1, ... in order of their first appearance."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}

    def of(self, fingerprint: bytes) -> int:
        """Number of `fingerprint`; a new one gets the next number."""
        return self._numbers.setdefault(fingerprint, len(self._numbers))


def fingerprint(image: bytes, points: np.ndarray | None = None) -> bytes:
    """A digest that equal pictures (with equal landmarks) share.

    Args:
        image: PNG or JPEG bytes.
        points: landmarks, where they decide what is computed.
    """
    digest = blake2b(image, digest_size=16)
    if points is not None:
        digest.update(np.ascontiguousarray(points).tobytes())
    return digest.digest()
