"""Say what is wrong with the input of the planner, and where."""

from __future__ import annotations

from warmkey.exceptions import ConfigurationError

__all__ = ["BadInput", "at"]


class BadInput(ConfigurationError):
    """The planner can't use a file or an option; the text says where, and what would do."""


def at(source: str, line: int, problem: str, *, column: str = "") -> BadInput:
    """Return the error for one place of a file.

    :param column: the name of the column, if it is about one
    """
    where = f"{source}, line {line}" + (f", column {column}" if column else "")
    return BadInput(f"{where}: {problem}")
