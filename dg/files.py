"""Files that are either whole or absent: written beside the target, then renamed."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dg.errors import DgError

if TYPE_CHECKING:
    import pandas as pd

_OF_THE_FILE = {getattr(errno, name) for name in ("ENOENT", "EACCES", "EPERM", "EISDIR", "ENOTDIR", "ELOOP", "EINVAL")}
"""What is wrong with one file, not with the disk that it lies on."""

_UMASK = os.umask(0)
os.umask(_UMASK)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; on success it is renamed to `path`.

    On any failure the temporary file is removed and `path` stays as it was. The suffix is kept, for libraries
    that choose a format by it.

    Raises:
        DgError: the disk is full or the folder can't be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        # Some writers make files for their owner alone; results are for the group as the umask says.
        os.chmod(temporary, 0o666 & ~_UMASK)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DgError(
                f"{path}: the disk is full, so the file was not written and nothing half-written was left. "
                f"Free some space on the disk that holds {path.parent} and run the same command again."
            ) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise DgError(
                f"{path}: can't be written ({error.strerror}). Make {path.parent} writable and run again."
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path, source: Path) -> Iterator[None]:
    """Copy the folder `source` to `path`, in the place of what lies there; the block runs before it has this name.

    On any failure `path` stays as it was, but for a kill between the removal of what lay there and the new name.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        shutil.copytree(source, temporary)
        yield
        shutil.rmtree(path, ignore_errors=True)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_unfinished(*folders: Path) -> None:
    """Remove the temporary files and folders that writers of this module left anywhere in `folders` when killed."""
    for folder in folders:
        for path in list(folder.rglob(".*.[0-9]*.tmp*")):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with a final newline. JSON has no NaN: what could not be measured is null.

    Raises:
        ValueError: it holds infinity.
    """
    write_text(path, json.dumps(_without_nan(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DgError: the file is missing or is no JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DgError(f"{path}: not found. Run the step that makes it (snakemake -- {path}).") from error
    except json.JSONDecodeError as error:
        raise DgError(
            f"{path}: is not valid JSON ({error}). Delete it and run the step that makes it again."
        ) from error


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a table without its index."""
    with replacing(path) as temporary:
        frame.to_parquet(temporary, index=False)


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a table.

    Raises:
        DgError: the file is missing or unreadable.
    """
    import pandas as pd  # here: the bundled RFG's training runs where there is no pandas

    try:
        return pd.read_parquet(path)
    except FileNotFoundError as error:
        raise DgError(f"{path}: not found. Run the step that makes it (snakemake -- {path}).") from error
    except (OSError, ValueError) as error:
        raise DgError(f"{path}: can't be read as Parquet ({error}). Delete it and make it again.") from error


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a table without its index."""
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")


def require_disk(path: Path) -> None:
    """Read the file `path`, which somebody could make nothing of, to its end: is it the file, or what it lies on?

    Raises:
        DgError: its disk, or the network that it is behind, fails.
    """
    try:
        with open(path, "rb") as stream:
            while stream.read(2**20):
                pass
    except OSError as error:
        if error.errno not in _OF_THE_FILE:
            raise DgError(
                f"{path}: its disk can't be read ({error.strerror}). Mend or mount it and run the same command again."
            ) from error


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
