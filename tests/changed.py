"""Settings of a step with some values changed."""

from typing import TypeVar

from dg.checked import Strict

Values = TypeVar("Values", bound=Strict)


def changed(settings: Values, **values) -> Values:
    """A checked copy."""
    return type(settings).model_validate(settings.model_dump() | values)
