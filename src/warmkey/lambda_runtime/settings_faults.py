"""Find everything that is wrong with the settings, for who wants to mend it all at once."""

from __future__ import annotations

from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from warmkey.choices import Choice
from warmkey.exceptions import ConfigurationError
from warmkey.lambda_runtime.settings import ROWS, VARIABLES, Settings, check_keywords, read_variable, variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Fault", "FaultKind", "faults"]


class FaultKind(Choice, Enum):
    """Says what is wrong with a setting: its name, its value, or how it goes with the others."""

    UNKNOWN = "unknown"
    INVALID = "invalid"
    CONTRADICTORY = "contradictory"


class Fault(NamedTuple):
    """Holds one thing that is wrong."""

    kind: FaultKind
    error: ConfigurationError


def faults(keywords: Mapping[str, object]) -> list[Fault]:
    """Return every fault, where :func:`~warmkey.lambda_runtime.settings.read_settings` raises the first."""
    found: list[Fault] = []
    values: dict[str, Any] = {}
    for name, value in keywords.items():
        with _collected(found, FaultKind.INVALID if name in ROWS else FaultKind.UNKNOWN):
            values |= check_keywords({name: value})
    for name, text in variables():
        with _collected(found, FaultKind.INVALID if name in VARIABLES else FaultKind.UNKNOWN):
            read_variable(name, text, values)
    if not found:  # what they say together is worth a look only where each says something
        with _collected(found, FaultKind.CONTRADICTORY):
            Settings(**values, given=frozenset(values))
    return found


@contextmanager
def _collected(found: list[Fault], kind: FaultKind) -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        found.append(Fault(kind, error))
