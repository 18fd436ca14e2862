"""Weights that others published and this project may not ship: where they come from, their digest, their one folder."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from dg.errors import DgError
from dg.files import file_digest, replacing

PUBLISHED = Path("data/weights")
"""Where weights by others lie, put there by hand or downloaded once."""


@dataclass(frozen=True)
class Published:
    """A file of weights.

    Attributes:
        what: the network, in words.
        names: file names that are looked for, in this order.
        source: address of the file, of an archive that holds it, or of its publisher's page.
        instead: what to set in params.yaml to do without it.
        is_file: whether `source` is the file itself, which is then downloaded if absent.
        sha256: of the file, 64 hex digits or the first of them; None if its publisher gives none.
        form: what else the file must be, or how to get it out of what `source` gives.
    """

    what: str
    names: tuple[str, ...]
    source: str
    instead: str
    is_file: bool = False
    sha256: str | None = None
    form: str = ""

    def find(self, folder: Path = PUBLISHED) -> Path | None:
        """The file, or None if it isn't in `folder`."""
        return next((folder / name for name in self.names if (folder / name).exists()), None)

    def require(self, folder: Path = PUBLISHED, place: str = "") -> Path:
        """The file in `folder`, downloaded if that can be, and held to its digest before anything reads it.

        Args:
            place: where params.yaml asks for it, for the message.

        Raises:
            DgError: it is missing and can't be downloaded, or is another file; the message says what to do.
        """
        path = self.find(folder)
        if path is None:
            path = folder / self.names[0]
            if not self.is_file:
                raise self._missing(path, place)
            try:
                _download(self.source, path)
            except (urllib.error.URLError, OSError) as error:
                raise self._missing(path, place, f", and the download failed ({error})") from error
        found = file_digest(path) if self.sha256 else ""
        if not found.startswith(self.sha256 or ""):
            raise DgError(
                f"{path}: SHA-256 is {found}, expected {self._digest()}: a damaged or another file. Delete it and get "
                f"{self.what} from {self.source}"
            )
        return path

    def unlike(self, path: Path, error: Exception) -> DgError:
        """The error for a file that doesn't load, or not into the network."""
        return DgError(
            f"{path}: can't be read as {self.what} ({error}). "
            + (f"Expected {self.form}. " if self.form else "")
            + f"Delete it and get another from {self.source}"
        )

    def _digest(self) -> str:
        return self.sha256 if not self.sha256 or len(self.sha256) == 64 else f"{self.sha256}..."

    def _missing(self, path: Path, place: str, why: str = "") -> DgError:
        others = f" (or as {', '.join(self.names[1:])})" if len(self.names) > 1 else ""
        return DgError(
            f"{path}: {self.what} not found{why}.\n"
            f"  Get it from {self.source}\n"
            f"  and save it as {path}{others}{f': {self.form}' if self.form else ''}\n"
            f"  {f'SHA-256 {self._digest()}' if self.sha256 else 'Its publisher gives no SHA-256.'}\n"
            f"  Or set in params.yaml {self.instead}{place}."
        )


def _download(url: str, path: Path) -> None:
    with urllib.request.urlopen(url) as response, replacing(path) as temporary, open(temporary, "wb") as stream:
        shutil.copyfileobj(response, stream)
