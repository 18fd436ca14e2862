"""Tables in Markdown."""

from __future__ import annotations


def grid(head: list[str], body: list[list[str]]) -> str:
    """A table with a header line."""
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *body])
