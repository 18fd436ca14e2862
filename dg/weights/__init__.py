"""Networks that ship with the project: <name>.safetensors with a card <name>.json. See README.md here."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from dg.errors import DgError
from dg.files import file_digest

OLDER_FORM = {"rgb_kernel": 3, "rgb_norm": "instance", "style_norm": "adain", "upsampling": "nearest"}
"""Values that came into the cards of RFGs later, and what an RFG is whose card lacks them."""

FOLDER = Path(__file__).parent
FOREIGN = Path("data/weights")
"""Where networks from elsewhere are kept: put files here by hand, or let them be downloaded once."""


def bundled(name: str) -> Path:
    """Path of the bundled network `name`.

    Raises:
        DgError: it is not there.
    """
    path = FOLDER / f"{name}.safetensors"
    if not path.exists():
        raise DgError(f"{path}: bundled weights not found. Restore them: git checkout -- {path}")
    return path


@cache
def bundled_digest(name: str) -> str | None:
    """SHA-256 of the bundled network `name`, or None if no network of that name is bundled."""
    path = FOLDER / f"{name}.safetensors"
    return file_digest(path) if path.exists() else None
