"""Published weights that this project may not ship: where they come from, where they belong, and their digest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dg.errors import DgError
from dg.files import file_digest


@dataclass(frozen=True)
class Published:
    """A file of published weights.

    Attributes:
        what: in words, for messages.
        url: where to fetch it, or the archive that holds it.
        path: where it belongs.
        sha256: of the file, 64 hex digits.
        offline: what to do without it.
    """

    what: str
    url: str
    path: Path
    sha256: str
    offline: str

    def require(self) -> Path:
        """The file, held to its digest before anything reads it.

        Raises:
            DgError: it is missing or differs; the message says URL, folder and digest.
        """
        if not self.path.exists():
            raise DgError(
                f"{self.path}: {self.what} not found.\n  Fetch {self.url}\n  and put {self.path.name} into "
                f"{self.path.parent}\n  SHA-256 {self.sha256}\n  {self.offline}"
            )
        found = file_digest(self.path)
        if found != self.sha256:
            raise DgError(
                f"{self.path}: SHA-256 is {found}, expected {self.sha256}. The file is damaged or another one. "
                f"Delete it and fetch {self.url}"
            )
        return self.path
