"""The form of every step's settings: JSON for Snakemake and the command line, attributes for the step."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Self

from pydantic import Field

from dg.checked import Strict, checked
from dg.digests import code_digest
from dg.errors import DgError


class Settings(Strict):
    """The values of one step; see the subclasses.

    Attributes:
        MODULES: the code that the step runs, with all that it imports.
    """

    MODULES: ClassVar[tuple[str, ...]]

    code: str = Field(default="", description="digest of the step's code, as Snakemake gives it")

    @classmethod
    def read(cls, text: str) -> Self:
        """What `--settings` says.

        Raises:
            DgError: `text` is no JSON, or holds a wrong key or value.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise DgError(f"--settings: is no JSON ({error}); `python -m dg settings STEP` prints the form.") from None
        return checked(cls, values, "--settings", "`python -m dg settings STEP` prints the form")

    def plain(self) -> dict[str, Any]:
        """As JSON holds them."""
        return self.model_dump(mode="json")

    def modules(self) -> tuple[str, ...]:
        """The code that a step of these values runs."""
        return self.MODULES

    def code_here(self) -> str:
        """Digest of that code as it lies here."""
        return "+".join(map(code_digest, self.modules()))

    def job(self, **found: str | int | None) -> str:
        """JSON of the values with a digest of the step's code and what Snakemake found out (digests of raw data, their
        number), the same text for the same values."""
        return json.dumps(self.plain() | {"code": self.code_here()} | found, sort_keys=True)
