"""Different pictures, numbered: networks look at each one once, however many pairs share it."""

from __future__ import annotations

from hashlib import blake2b


class Numbering:
    """Numbers fingerprints 0, 1, ... in order of their first appearance."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}

    def of(self, fingerprint: bytes) -> int:
        """Number of `fingerprint`; a new one gets the next number."""
        return self._numbers.setdefault(fingerprint, len(self._numbers))


def fingerprint(pixels: bytes) -> bytes:
    """A digest that equal pictures share, whatever files they come from."""
    return blake2b(pixels, digest_size=16).digest()
