"""What is there of a data set, against what its owners publish of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_FIRST = 5


@dataclass
class Some:
    """How many, and the first few of them by name."""

    count: int = 0
    first: list[str] = field(default_factory=list)
    _names: int = 0

    def add(self, name: str, count: int = 1) -> None:
        """One more, or `count` that go by one name; 0: nobody knows how many."""
        self.count += count
        self._names += 1
        if len(self.first) < _FIRST:
            self.first.append(name)

    def plain(self) -> dict[str, Any]:
        """As a report holds it."""
        return {"files": self.count, "first": self.first}

    def told(self) -> str:
        """On one line."""
        named = ", ".join(self.first) + ", …" * (self._names > len(self.first))
        return f"{self.count:,} ({named})" if self.count else named


@dataclass(frozen=True)
class Published:
    """A comparison. A part of a data set is as good as the whole: it is told, and never refused.

    Attributes:
        counts: what is counted -> how many are there, how many are published.
        missing, extra: files that are published and not there, and the other way round; names as good as one can tell.
    """

    counts: dict[str, tuple[int, int]]
    missing: Some
    extra: Some

    def plain(self) -> dict[str, Any]:
        """As a report holds it."""
        counts = {what: {"found": found, "published": published} for what, (found, published) in self.counts.items()}
        return {"counts": counts, "missing": self.missing.plain(), "extra": self.extra.plain()}

    def told(self) -> str:
        """In one line, or a line more each for what is missing and what there is beyond it."""
        counts = ", ".join(f"{found:,} of {published:,} {what}" for what, (found, published) in self.counts.items())
        lines = [f"Of what is published there are {counts}{'' if self.missing.first else ': all of it'}."]
        lines += [f"Missing: {self.missing.told()}. A part of the set will do."] * bool(self.missing.first)
        lines += [f"Beyond what is published: {self.extra.told()}."] * bool(self.extra.first)
        return "\n".join(lines)
