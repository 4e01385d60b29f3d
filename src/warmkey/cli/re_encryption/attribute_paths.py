"""Name an attribute that holds a message, also one inside maps and lists: ``payload.secret``, ``lines[0].note``.

The syntax is that of DynamoDB's document paths. A name that has a dot, a bracket or a backslash itself is written with
a backslash before each of them.

Source: "Specifying item attributes when using expressions" in the DynamoDB Developer Guide
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from warmkey.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["AttributePath", "check_apart", "read_path"]

_ESCAPED = re.compile(r"\\(.)")
_NAME = re.compile(r"(?:[^.\[\]\\]|\\[.\[\]\\])+")
_INDEXES = re.compile(r"(?:\[[0-9]{1,5}\])*")
# DynamoDB's own limit on nested maps and lists.
_DEEPEST = 32


class AttributePath(NamedTuple):
    """One attribute.

    :ivar text: as it was given
    :ivar steps: the name at the top of the item, then names in maps and places in lists
    """

    text: str
    steps: tuple[str | int, ...]

    @property
    def top(self) -> str:
        """The attribute of the item that has it, or is it."""
        return str(self.steps[0])

    def find(self, attributes: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the value there, as the low-level client has it; ``None`` if there is none."""
        value: Any = attributes.get(self.top)
        for step in self.steps[1:]:
            if value is None:
                return None
            value = _inside(value, step)
        found: dict[str, Any] | None = value
        return found

    def expression(self, placeholder: Callable[[str], str]) -> str:
        """Return the document path with a *placeholder* for each name."""
        names = [placeholder(self.top)]
        names += [f"[{step}]" if isinstance(step, int) else f".{placeholder(step)}" for step in self.steps[1:]]
        return "".join(names)


def _inside(value: Mapping[str, Any], step: str | int) -> Any:  # noqa: ANN401 - as boto3 has it
    if isinstance(step, str):
        return value.get("M", {}).get(step)
    elements = value.get("L", ())
    return elements[step] if step < len(elements) else None


def read_path(text: str) -> AttributePath:
    """Return the path that *text* names.

    :raises ValueError: it is none; the error says where it stops to be one
    """
    steps: list[str | int] = []
    position = 0
    while True:
        name = _NAME.match(text, position)
        if name is None:
            raise ValueError(f"must have a name at character {position + 1}")
        steps.append(_ESCAPED.sub(r"\1", name[0]))
        indexes = _INDEXES.match(text, name.end())
        steps += [int(digits) for digits in re.findall("[0-9]+", indexes[0])]  # type: ignore[index]
        position = indexes.end()  # type: ignore[union-attr]
        if position == len(text):
            break
        if text[position] != ".":
            raise ValueError(f"must go on with a dot or with a place such as [0] at character {position + 1}")
        position += 1
    if len(steps) > _DEEPEST:
        raise ValueError(f"must have {_DEEPEST} names and places or fewer, as DynamoDB wants it")
    return AttributePath(text, tuple(steps))


def check_apart(paths: Sequence[AttributePath]) -> None:
    """Check that none of *paths* is inside another.

    :raises ConfigurationError: one is
    """
    for outer in paths:
        for inner in paths:
            if inner is not outer and inner.steps[: len(outer.steps)] == outer.steps:
                raise ConfigurationError(
                    f"--attribute {inner.text} is inside --attribute {outer.text}; give one of them"
                )
