"""What a checkpoint's JSON card says of its training beside the settings: time, last losses, versions."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel


def card(settings: BaseModel, seconds: float, waited: float, losses: dict[str, float]) -> dict[str, Any]:
    """The card.

    Args:
        settings: the training's, with `steps`.
        seconds: that it took. waited: those of them that it waited for batches.
        losses: of the last step.
    """
    values = settings.model_dump(mode="json")
    return {
        "settings": values,
        "steps": values["steps"],
        "seconds": round(seconds, 1),
        "waited_share": round(waited / seconds, 4) if seconds else 0.0,
        "losses": losses,
        **made_with("torch", "numpy"),
    }


def made_with(*packages: str) -> dict[str, Any]:
    """For a card: the `versions` of these packages and the `git_commit` of this code."""
    return {"versions": {name: version(name) for name in packages}, "git_commit": git_commit()}


def git_commit() -> str | None:
    """The commit of this code, None outside of a clone and where there is no git."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent)
    except OSError:
        return None
    return done.stdout.strip() or None
