"""The answer where a data set is too small for its protocol (Sec. 4.1): lists never shrink in silence."""

from __future__ import annotations

from dg.errors import DgError

_NAMED = 3  # worst cases in a message


def too_little(test: str, needed: str, found: dict[str, int], worst: list[str], mend: str) -> DgError:
    """The error to raise.

    Args:
        found: what there is, kind -> number of it.
        worst: what falls short, worst first; the message takes three.
        mend: what to do, a sentence without its full stop.
    """
    counts = ", ".join(f"{number} {kind}" for kind, number in found.items())
    named = ", ".join(worst[:_NAMED]) + (f" and {len(worst) - _NAMED} more" if len(worst) > _NAMED else "")
    short = f" Short, worst first: {named}." if worst else ""
    return DgError(f"{test}: too little data for its pairs. Needed: {needed}. Found: {counts}.{short} {mend}.")
