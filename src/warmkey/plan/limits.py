"""The limits that a plan is made for, as the settings of a function would say them."""

from __future__ import annotations

from dataclasses import dataclass

from warmkey.cmms.limits import MAX_BYTES, MAX_MESSAGES
from warmkey.lambda_runtime.settings import ROWS
from warmkey.validation import fraction, integer, seconds

__all__ = ["DEFAULTS", "Limits"]


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

    max_age: float = ROWS["max_age_seconds"].default
    jitter: float = ROWS["max_age_jitter"].default
    max_messages: int = ROWS["max_messages_encrypted"].default
    max_bytes: int = ROWS["max_bytes_encrypted"].default
    capacity: int = ROWS["cache_capacity"].default
    branch_key_ttl: float = ROWS["branch_key_ttl_seconds"].default

    def __post_init__(self) -> None:
        seconds("max_age", self.max_age)
        fraction("jitter", self.jitter)
        integer("max_messages", self.max_messages, 1, MAX_MESSAGES)
        integer("max_bytes", self.max_bytes, 0, MAX_BYTES)
        integer("capacity", self.capacity, 0)
        seconds("branch_key_ttl", self.branch_key_ttl)


DEFAULTS = Limits()
