"""What a run needs of a store, and how the answers of boto3 are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from warmkey.cli.re_encryption.outcomes import Outcome, Result
from warmkey.events import KmsOutcome
from warmkey.exceptions import KeyUnavailable, WarmkeyError
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.exceptions import ClientError

__all__ = ["ATTEMPTS", "Estimate", "Item", "Store", "code_of", "result_of", "told"]

# How often an item that somebody else keeps writing is read and tried again.
ATTEMPTS = 3
# Answers that say nothing about the message.
_PASSING = frozenset({KmsOutcome.THROTTLED, KmsOutcome.UNREACHABLE})


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Hold one item that was found.

    :ivar content: what the store needs to work on it
    :ivar position: where to go on after this item, as JSON has it; ``None``: only a later item says
    """

    content: Any
    position: Any = None


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Hold what is known before the run begins.

    :ivar total: how many items there are, or about
    :ivar notices: sentences about what writing will set off, and what stays behind
    :ivar costs: what is billed: the name, how many, and the list price of one in dollars
    """

    total: int
    notices: tuple[str, ...]
    costs: tuple[tuple[str, int, float], ...]


class Store(Protocol):
    """A place with messages."""

    def estimate(self, after: Any) -> Estimate:  # noqa: ANN401 - JSON
        """Look at the store, and return what a run that writes and begins after the position *after* means."""

    def items(self, after: Any) -> Iterator[Item]:  # noqa: ANN401 - JSON
        """Yield the items after the position *after*, or all."""

    def process(self, item: Item, *, writes: bool) -> Result:
        """Rewrite one item, or see whether it could be."""


def code_of(error: ClientError) -> str:
    """Return the code of an answer of AWS."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def told(error: ClientError) -> str:
    """Return which operation failed and with which code; nothing of the request."""
    return f"{error.operation_name} failed with {code_of(error)}"


def result_of(key: Any, error: WarmkeyError, where: str = "") -> Result:  # noqa: ANN401 - JSON
    """Return what *error* means for an item. A data key that can't be had for the moment makes nothing unreadable."""
    is_passing = isinstance(error, KeyUnavailable) and any(attempt.outcome in _PASSING for attempt in error.attempts)
    outcome = Outcome.FAILED if is_passing else Outcome.UNREADABLE
    return Result(key=key, outcome=outcome, problem=f"{where}{error}")
