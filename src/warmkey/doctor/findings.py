"""Hold what was found: each finding has a code, says what it means, what to change, and where to read on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from warmkey.choices import Choice
from warmkey.doctor.catalogue import ADVICE
from warmkey.safe_repr import safe_repr

__all__ = ["Finding", "Level", "finding"]

_PAGE = "docs/errors.md"


class Level(Choice, IntEnum):
    """Says how bad a finding is; the worst one is the exit status of ``warmkey doctor``."""

    NOTE = 0
    WARNING = 1
    FAILURE = 2


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Holds one finding.

    :ivar code: the kind of finding, as a program tells it
    :ivar found: what was found; it may name ARNs, and never a value of an encryption context
    :ivar means: what follows from it
    :ivar change: what to do about it
    """

    code: str
    level: Level
    found: str
    means: str
    change: str

    @property
    def link(self) -> str:
        """Return where the documentation explains it."""
        return f"{_PAGE}#{self.code}"

    def as_dict(self) -> dict[str, str]:
        """Return it as JSON describes it."""
        return {
            "code": self.code,
            "level": self.level.name.lower(),
            "found": self.found,
            "means": self.means,
            "change": self.change,
            "link": self.link,
        }


def finding(code: str, found: str, *, level: Level | None = None) -> Finding:
    """Return the finding of this *code*, with what the catalogue says of it.

    :param level: instead of the catalogue's
    """
    usual, means, change = ADVICE[code]
    return Finding(code=code, level=Level[usual] if level is None else level, found=found, means=means, change=change)
