"""How one item of a store ended, and the sum of all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from warmkey.choices import Choice
from warmkey.events import KmsRequest
from warmkey.safe_repr import safe_repr

__all__ = ["PROBLEMS", "Outcome", "Result", "Summary"]


class Outcome(Choice, StrEnum):
    """Say how an item ended.

    Unreadable: a message can't be decrypted, or is none. Skipped: the object has something that can't be carried over.
    Changed: others kept writing it. Failed: anything else, such as a permission that is missing.
    """

    REWRITTEN = "rewritten"
    CURRENT = "current"
    NO_MESSAGE = "no message"
    GONE = "gone"
    UNREADABLE = "unreadable"
    SKIPPED = "skipped"
    CHANGED = "changed"
    FAILED = "failed"


# What somebody has to look at: listed by key, and the reason for exit status 1.
PROBLEMS = frozenset({Outcome.UNREADABLE, Outcome.SKIPPED, Outcome.CHANGED, Outcome.FAILED})


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Hold how one item ended.

    :ivar key: of the item, as JSON has it: text, or an object
    :ivar problem: what to look at, without any value of the item
    :ivar length: bytes of the new messages
    """

    key: Any
    outcome: Outcome
    problem: str | None = None
    length: int = 0


@safe_repr
@dataclass(slots=True, kw_only=True)
class Summary:
    """Count outcomes, bytes and KMS requests, also those of earlier runs of the same job.

    :ivar failures_in_a_row: failed items without a rewritten one in between
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    kms_requests: Counter[str] = field(default_factory=Counter)
    written_bytes: int = 0
    failures_in_a_row: int = 0

    def count(self, result: Result) -> None:
        """Add one item."""
        self.outcomes[result.outcome] += 1
        self.written_bytes += result.length
        if result.outcome is Outcome.FAILED:
            self.failures_in_a_row += 1
        elif result.outcome is Outcome.REWRITTEN:
            self.failures_in_a_row = 0

    def on_event(self, event: object) -> None:
        """Count *event* if it is a KMS request."""
        if isinstance(event, KmsRequest):
            self.kms_requests[event.kms_operation] += 1

    @property
    def examined(self) -> int:
        """Return how many items there were."""
        return self.outcomes.total()

    @property
    def has_problems(self) -> bool:
        """Return whether somebody has to look at an item."""
        return any(self.outcomes[outcome] for outcome in PROBLEMS)

    def as_dict(self) -> dict[str, Any]:
        """Return the counts, also of what did not occur."""
        return {
            "examined": self.examined,
            **{outcome.value.replace(" ", "_"): self.outcomes[outcome] for outcome in Outcome},
            "written_bytes": self.written_bytes,
            "kms_requests": dict(self.kms_requests),
        }

    @classmethod
    def from_dict(cls, counts: dict[str, Any]) -> Summary:
        """Return what :meth:`as_dict` was made from."""
        outcomes = Counter({outcome.value: counts[outcome.value.replace(" ", "_")] for outcome in Outcome})
        return cls(
            outcomes=+outcomes,
            kms_requests=Counter(counts["kms_requests"]),
            written_bytes=counts["written_bytes"],
        )
