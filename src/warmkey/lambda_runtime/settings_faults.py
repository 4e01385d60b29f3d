"""Find everything that is wrong with the settings, for who wants to mend it all at once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from warmkey.exceptions import ConfigurationError
from warmkey.lambda_runtime.settings import Settings, check_keywords, read_variable, variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["faults"]


def faults(keywords: Mapping[str, object]) -> list[ConfigurationError]:
    """Return every fault, where :func:`~warmkey.lambda_runtime.settings.read_settings` raises the first."""
    found: list[ConfigurationError] = []
    values: dict[str, Any] = {}
    for name, value in keywords.items():
        with _collected(found):
            values |= check_keywords({name: value})
    for name, text in variables():
        with _collected(found):
            read_variable(name, text, values)
    if not found:  # what they say together is worth a look only where each says something
        with _collected(found):
            Settings(**values, given=frozenset(values))
    return found


@contextmanager
def _collected(found: list[ConfigurationError]) -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        found.append(error)
