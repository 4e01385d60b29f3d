"""The limits that a plan is made for, as the settings of a function would say them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from warmkey.cmms.limits import MAX_BYTES, MAX_MESSAGES
from warmkey.lambda_runtime.settings import ROWS
from warmkey.safe_repr import safe_repr
from warmkey.validation import fraction, integer, seconds

__all__ = ["Limits"]


def _default(setting: str) -> Any:  # noqa: ANN401 - a number
    return ROWS[setting].default


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one cache; the defaults are those of the settings.

    :ivar max_age: seconds that a data key may be used for
    :ivar jitter: random share by which each lifetime is shortened, up to this much
    :ivar max_messages: messages per data key
    :ivar max_bytes: plaintext bytes per data key
    :ivar capacity: entries of the cache, encrypt and decrypt together
    :ivar branch_key_ttl: seconds that a branch key may be used for
    :raises ConfigurationError: one can't be used
    """

    max_age: float = _default("max_age_seconds")
    jitter: float = _default("max_age_jitter")
    max_messages: int = _default("max_messages_encrypted")
    max_bytes: int = _default("max_bytes_encrypted")
    capacity: int = _default("cache_capacity")
    branch_key_ttl: float = _default("branch_key_ttl_seconds")

    def __post_init__(self) -> None:
        seconds("max_age", self.max_age)
        fraction("jitter", self.jitter)
        integer("max_messages", self.max_messages, 1, MAX_MESSAGES)
        integer("max_bytes", self.max_bytes, 0, MAX_BYTES)
        integer("capacity", self.capacity, 0)
        seconds("branch_key_ttl", self.branch_key_ttl)

    def lifetime(self, strategy: str) -> float:
        """Return the seconds that a key of *strategy* may be used for: a data key, or a branch key."""
        return self.max_age if strategy == "caching" else self.branch_key_ttl
