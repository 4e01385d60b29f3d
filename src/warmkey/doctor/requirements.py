"""Read what a package says that it needs, as far as a comparison of released versions takes it.

``packaging`` would do this in full, and is not in a Lambda runtime. What is not understood here counts as allowed: a
warning that is wrong is worse than none.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["allows", "read_requirement"]

_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*\(?([^;)]*)\)?\s*(;.*)?")
_CLAUSE: Final = re.compile(r"\s*(<=|>=|<|>|==|!=|~=)\s*([0-9]+(?:\.[0-9]+)*)(\.\*)?\s*")


def read_requirement(text: str) -> tuple[str, str, bool]:
    """Return the name of the package, which versions of it are wanted, and whether only under a condition."""
    name, wanted, condition = (_REQUIREMENT.match(text) or re.match(r"()()()", "")).groups()  # type: ignore[union-attr]
    return name, wanted.strip(), bool(condition)


def allows(wanted: str, version: str) -> bool:
    """Return whether *version* is one of those *wanted*, for example ``<49,>=41``."""
    numbers = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    return numbers is None or all(_allows(clause, _numbers(numbers[0])) for clause in wanted.split(",") if clause)


def _allows(clause: str, found: tuple[int, ...]) -> bool:
    parts = _CLAUSE.fullmatch(clause)
    if parts is None:
        return True
    operator, text, has_wildcard = parts.groups()
    limit = _numbers(text)
    is_within = found[: len(limit)] == limit
    length = max(len(found), len(limit))
    one, other = (numbers + (0,) * (length - len(numbers)) for numbers in (found, limit))
    return {
        "<": one < other,
        "<=": one <= other,
        ">": one > other,
        ">=": one >= other,
        "==": is_within if has_wildcard else one == other,
        "!=": not is_within if has_wildcard else one != other,
        "~=": one >= other and one[: len(limit) - 1] == limit[:-1],
    }[operator]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))
