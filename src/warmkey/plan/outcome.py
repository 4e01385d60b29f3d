"""Hold what a replay or a model found out: the same numbers, whoever counted them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from warmkey.events import EvictionReason, MissReason
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from numpy.typing import NDArray

    Numbers: TypeAlias = NDArray[np.int64]
    Flags: TypeAlias = NDArray[np.bool_]
    Reals: TypeAlias = NDArray[np.float64]

__all__ = ["EVICTIONS", "MISSES", "NOTHING", "Counts", "Outcome", "PerSecond"]

# The reasons that a cache in order can have; others are shown if they occur.
MISSES = (MissReason.ABSENT, MissReason.EXPIRED, MissReason.MESSAGES_SPENT, MissReason.BYTES_SPENT)
EVICTIONS = (
    EvictionReason.CAPACITY,
    EvictionReason.EXPIRED,
    EvictionReason.MESSAGES_SPENT,
    EvictionReason.BYTES_SPENT,
    EvictionReason.REPLACED,
)


@safe_repr
@dataclass(slots=True, kw_only=True)
class Counts:
    """What became of the messages of one operation. A model by rates counts in fractions.

    :ivar misses: by :class:`warmkey.events.MissReason`
    :ivar bypasses: by :class:`warmkey.events.BypassReason`
    :ivar evictions: by :class:`warmkey.events.EvictionReason`
    :ivar kms_requests: by the name of the KMS operation
    :ivar dynamodb_requests: ``GetItem`` requests for branch keys
    """

    messages: float = 0
    hits: float = 0
    misses: Mapping[str, float] = field(default_factory=Counter)
    bypasses: Mapping[str, float] = field(default_factory=Counter)
    evictions: Mapping[str, float] = field(default_factory=Counter)
    kms_requests: Mapping[str, float] = field(default_factory=Counter)
    dynamodb_requests: float = 0

    @property
    def hit_ratio(self) -> float:
        """Return the share of messages that a cached key served; 0 without messages."""
        return self.hits / self.messages if self.messages else 0.0


@safe_repr
@dataclass(frozen=True, slots=True)
class PerSecond:
    """Requests in each second that has any: a trace may last for years.

    :ivar seconds: since the start, in order
    :ivar counts: how many there are in each
    """

    seconds: Numbers
    counts: Numbers

    @property
    def peak(self) -> int:
        """Return how many the busiest second has."""
        return int(self.counts.max(initial=0))


NOTHING = PerSecond(np.zeros(0, np.int64), np.zeros(0, np.int64))


@safe_repr
@dataclass(slots=True, kw_only=True)
class Outcome:
    """What one strategy does with a trace, or with rates.

    :ivar seconds: how long the trace lasts
    :ivar max_messages_per_data_key: messages that were encrypted under the most used data key
    :ivar max_bytes_per_data_key: plaintext bytes that were encrypted under the data key with most of them
    :ivar max_entries: entries in the fullest cache
    :ivar kms_per_second: KMS requests in each second of a trace; nothing for rates
    :ivar peak: KMS requests in the busiest second
    :ivar cold_start: KMS requests in the busiest second if all containers start cold with it
    """

    encrypt: Counts
    decrypt: Counts
    seconds: float
    max_messages_per_data_key: float
    max_bytes_per_data_key: float
    max_entries: float
    kms_per_second: PerSecond
    peak: float
    cold_start: float

    @property
    def messages(self) -> float:
        """Return how many there were."""
        return self.encrypt.messages + self.decrypt.messages

    @property
    def hit_ratio(self) -> float:
        """Return the share of all messages that a cached key served; 0 without messages."""
        return (self.encrypt.hits + self.decrypt.hits) / self.messages if self.messages else 0.0

    @property
    def kms_requests(self) -> float:
        """Return the KMS requests of both operations."""
        return sum(self.encrypt.kms_requests.values()) + sum(self.decrypt.kms_requests.values())

    @property
    def dynamodb_requests(self) -> float:
        """Return the DynamoDB requests of both operations."""
        return self.encrypt.dynamodb_requests + self.decrypt.dynamodb_requests
