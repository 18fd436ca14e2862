"""Networks that this project's pipeline doesn't train: bundled with the code, or published by others.

A bundled network is <name>.safetensors with a card <name>.json (README.md here); others' are in `published` and, by
what they are for, in `landmarks`, `identity` and `metrics`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from dg.errors import DgError
from dg.files import file_digest, read_json

BUNDLED = Path(__file__).parent


def bundled(name: str) -> Path:
    """Path of the bundled network `name`.

    Raises:
        DgError: it is not there.
    """
    path = BUNDLED / f"{name}.safetensors"
    if not path.exists():
        raise DgError(f"{path}: bundled weights not found. Restore them: git checkout -- {path}")
    return path


def bundled_card(name: str) -> dict[str, Any]:
    """What the card of the bundled network `name` says.

    Raises:
        DgError: it is not there.
    """
    return read_json(bundled(name).with_suffix(".json"))


@cache
def bundled_digest(name: str) -> str | None:
    """SHA-256 of the bundled network `name`, or None if no network of that name is bundled."""
    path = BUNDLED / f"{name}.safetensors"
    return file_digest(path) if path.exists() else None
