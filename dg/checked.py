"""Values from a file or a command line as typed, checked objects: errors name the key and what was expected."""

from __future__ import annotations

import difflib
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from dg.errors import DgError

Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """A block of values: unknown keys are refused, and nothing changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def checked(model: type[Model], values: Any, where: str, missing: str) -> Model:
    """`values` as a `model`.

    Args:
        where: the file or option that they are from, for the message.
        missing: what to do about a key that isn't there.

    Raises:
        DgError: every wrong key with what was expected and, for a typo, the nearest right key.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            key = ".".join(map(str, problem["loc"])) or "(whole file)"
            if problem["type"] == "extra_forbidden":
                near = difflib.get_close_matches(key, known_keys(model), n=1)
                lines.append(f"  {key}: unknown key" + (f", did you mean '{near[0]}'?" if near else "; remove it"))
            elif problem["type"] == "missing":
                lines.append(f"  {key}: missing; {missing}")
            else:
                got = problem["input"] if not isinstance(problem["input"], dict) else "a block"
                lines.append(f"  {key}: {problem['msg']}" + (f" (got {got!r})" if key != "(whole file)" else ""))
        raise DgError(f"{where}: {len(lines)} value(s) to mend:\n" + "\n".join(lines)) from None


def known_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    """The keys of a model, dotted for those of its blocks."""
    keys = []
    for name, field in model.model_fields.items():
        keys.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += known_keys(field.annotation, f"{prefix}{name}.")
    return keys


def values_of(source: BaseModel, block: type[BaseModel]) -> dict[str, Any]:
    """The values of `source` under the names of `block`'s fields."""
    return {name: getattr(source, name) for name in block.model_fields}
