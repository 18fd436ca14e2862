"""The weights of face_alignment's own 3DFAN-4 and depth network, which the project may not ship."""

from __future__ import annotations

import hashlib
import pickle
import urllib.error
from pathlib import Path

import numpy as np
import torch
from face_alignment.api import models_urls
from face_alignment.models import FAN, ResNetDepth
from torch.hub import download_url_to_file

from dg.errors import DgError
from dg.weights import FOREIGN

FOLDER = FOREIGN


def official_nets(folder: Path = FOLDER) -> tuple[FAN, ResNetDepth]:
    """3DFAN-4 and its depth network with the authors' weights, on the CPU.

    The files `3DFAN4-7835d9f11d.pth.tar` and `depth-2a464da4ea.pth.tar` are looked for in `folder` and downloaded to
    it if absent. The ten hex digits in a name begin the SHA-256 of the file, and are checked.

    Raises:
        DgError: a file is missing and can't be downloaded, is damaged, or doesn't fit the network.
    """
    fan, depth = FAN(4), ResNetDepth()
    _fill(fan, _read(models_urls["3DFAN-4"], folder), folder)
    state = _read(models_urls["depth"], folder)
    _fill(depth, {name.removeprefix("module."): t for name, t in state.get("state_dict", state).items()}, folder)
    return fan, depth


def _read(url: str, folder: Path) -> dict:
    path = folder / url.rsplit("/", 1)[-1]
    digest = path.name.split(".")[0].rsplit("-", 1)[-1]
    if not path.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            download_url_to_file(url, str(path), hash_prefix=digest)
        except (urllib.error.URLError, OSError, RuntimeError) as error:
            raise DgError(
                f"{path}: weights not found, and the download failed ({error}). Download {url} on a machine with "
                f"internet and put it into {folder}/; its SHA-256 begins with {digest}. Or set "
                f"landmarks.backend: fan-synthface, whose weights ship with the project."
            ) from error
    with open(path, "rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if not found.startswith(digest):
        raise DgError(
            f"{path}: SHA-256 is {found}, expected one that begins with {digest}. Delete it; get it from {url}."
        )
    try:
        # Training scripts leave plain NumPy numbers beside the weights; nothing else but tensors is let in.
        with torch.serialization.safe_globals([np._core.multiarray.scalar, np.dtype, type(np.dtype(float))]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise DgError(f"{path}: is no PyTorch weights file ({error}). Delete it; get it from {url}.") from error


def _fill(net: torch.nn.Module, state: dict, folder: Path) -> None:
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise DgError(
            f"{folder}: the weights don't fit face_alignment's {type(net).__name__} ({error}). "
            f"Delete the files and let them be downloaded again."
        ) from error
