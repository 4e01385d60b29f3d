"""Collect what an examination finds, and write it for people and for programs."""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from warmkey.doctor.findings import Finding, Level, finding
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ALLOWED", "DENIED", "NOT_CHECKED", "UNKNOWN", "Permission", "Report", "presentable"]

ALLOWED, DENIED, UNKNOWN, NOT_CHECKED = "allowed", "denied", "unknown", "not checked"
_WIDTH = 100
# Name and password in a URL.
_USER = re.compile(r"(?<=://)[^/@\s]+@")


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Holds what is known of one permission.

    :ivar on: the key or table
    :ivar context: which context it was asked with: ``none``, ``given``, ``a message's`` or ``a branch key's``
    """

    action: str
    on: str
    context: str
    answer: str

    def as_dict(self) -> dict[str, str]:
        """Return it as JSON describes it."""
        return {"action": self.action, "on": self.on, "context": self.context, "answer": self.answer}


@safe_repr
@dataclass(slots=True, kw_only=True)
class Report:
    """Holds everything that an examination found.

    :ivar versions: of Python and of the packages that count
    :ivar planned: the most requests that the examination would make, by service
    :ivar made: the requests that it made
    :ivar endpoints: whether each one answered
    """

    findings: list[Finding] = field(default_factory=list)
    permissions: list[Permission] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    endpoints: dict[str, str] = field(default_factory=dict)
    planned: dict[str, int] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)

    def add(self, code: str, found: str, *, level: Level | None = None) -> None:
        """Add a finding, once."""
        new = finding(code, presentable(found), level=level)
        if new not in self.findings:
            self.findings.append(new)

    @property
    def status(self) -> int:
        """Return the worst level: 0 for nothing bad, 1 for warnings, 2 for what will fail."""
        return int(max((each.level for each in self.findings), default=Level.NOTE))

    def count(self, level: Level) -> int:
        """Return how many findings there are of *level*."""
        return sum(each.level is level for each in self.findings)

    def summary(self) -> dict[str, Any]:
        """Return codes and counts, which name nothing of the account."""
        return {
            "status": self.status,
            "codes": dict(Counter(each.code for each in self.findings)),
            "failures": self.count(Level.FAILURE),
            "warnings": self.count(Level.WARNING),
            "notes": self.count(Level.NOTE),
            "requests": {service: self.made[service] for service in ("kms", "dynamodb")},
        }

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON describes it."""
        return {
            **self.summary(),
            "planned_requests": self.planned,
            "versions": self.versions,
            "endpoints": self.endpoints,
            "permissions": [each.as_dict() for each in self.permissions],
            "findings": [each.as_dict() for each in self._by_level()],
        }

    def as_json(self) -> str:
        """Return everything as JSON."""
        return json.dumps(self.as_dict(), indent=2)

    def as_text(self) -> str:
        """Return everything to read, the worst first."""
        lines = [_line(name, version) for name, version in self.versions.items()]
        lines += [_line("endpoint", f"{name}: {answer}") for name, answer in self.endpoints.items()]
        lines += [
            _line(each.answer, f"{each.action} on {each.on} (context: {each.context})") for each in self.permissions
        ]
        for each in self._by_level():
            lines += ["", *_paragraph(each)]
        return "\n".join([*lines, "", self._verdict()])

    def _by_level(self) -> list[Finding]:
        return sorted(self.findings, key=lambda each: -each.level)

    def _verdict(self) -> str:
        counts = [(self.count(Level.FAILURE), "will fail"), (self.count(Level.WARNING), "should be looked at")]
        said = [f"{count} {what}" for count, what in counts if count]
        return _line("verdict", ", ".join(said) if said else "nothing bad was found")


def presentable(text: str) -> str:
    """Return *text*, which messages and other sides may have a part in, for a terminal: without passwords in URLs."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in _USER.sub("", text))


def _line(label: str, text: str) -> str:
    return f"{label:<21} {text}"


def _paragraph(found: Finding) -> Iterator[str]:
    yield f"{found.level.name} {found.code}"
    for label, text in (("found", found.found), ("means", found.means), ("change", found.change), ("see", found.link)):
        first, *others = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
        yield f"  {label:<7} {first}"
        yield from (f"          {line}" for line in others)
