"""Remembers for a moment that KMS or DynamoDB was throttled or unreachable: a batch must not multiply the requests.

Ten messages of a batch that need the same data key or branch key would send ten requests, each with all its retries, to
a service that has just said that it is asked too much. Nothing else is remembered: a denial, a disabled key or a branch
key that is not there is asked for each time.

A remembered failure is forgotten when its time is over, when KMS answers for the same key, at a purge, and in a copy of
the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from warmkey.caches.interface import next_fetch_sequence
from warmkey.clock import age
from warmkey.events import DynamoDbOutcome, EvictionReason, KmsOutcome
from warmkey.exceptions import KeyAttempt, KeyUnavailable
from warmkey.fork_safety import register
from warmkey.keyrings.refusals import asked_key
from warmkey.locks import new_lock

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable

    from warmkey.caches.interface import CacheFeatures
    from warmkey.clock import Clock, Instant

__all__ = ["LONGEST_SECONDS", "MAX_FAILURES", "FailureMemory"]

LONGEST_SECONDS = 1.0
MAX_FAILURES = 256
_REMEMBERED = (
    KmsOutcome.THROTTLED,
    KmsOutcome.UNREACHABLE,
    DynamoDbOutcome.THROTTLED,
    DynamoDbOutcome.UNREACHABLE,
)


class _Failure(NamedTuple):
    """What was answered when; ``partition_id`` and ``fetch_sequence`` as a cache entry has them, for ``was_purged``."""

    since: Instant
    partition_id: str
    fetch_sequence: int
    problem: str
    attempts: tuple[KeyAttempt, ...]


class FailureMemory:
    """Holds the failures of one caching CMM or hierarchical keyring.

    :param remembered_seconds: how long; 0 remembers nothing
    :param features: of the cache, which knows of purges
    """

    def __init__(self, remembered_seconds: float, *, features: CacheFeatures, partition_id: str, clock: Clock) -> None:
        self._seconds = remembered_seconds
        self._features = features
        self._partition_id = partition_id
        self._clock = clock
        self.reset()
        register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Forget everything, whatever the *reason*: a copy of the process asks for itself."""
        del reason
        self._lock = new_lock()
        self._failures: dict[Hashable, _Failure] = {}

    def check(self, key: Hashable) -> None:
        """Check that nothing speaks against asking for *key*. Whoever asks does so after he leads the flight of *key*.

        :raises KeyUnavailable: the remembered failure
        """
        failure = self._failures.get(key)
        if failure is None:
            return
        ago = age(failure.since, self._clock.now())
        if ago >= self._seconds or self._features.was_purged(failure):
            self._failures.pop(key, None)
            return
        services = {
            "DynamoDB" if isinstance(attempt.outcome, DynamoDbOutcome) else "KMS" for attempt in failure.attempts
        }
        raise KeyUnavailable(
            f"{failure.problem}; this answer is {ago:.1f} s old and was remembered, so "
            f"{' and '.join(sorted(services))} was not asked again",
            failure.attempts,
        )

    def remember(self, key: Hashable, error: Exception) -> None:
        """Keep *error* for *key*, if throttling or the way to KMS is all that it is about."""
        if not self._seconds or not isinstance(error, KeyUnavailable):
            return
        # An answer that another memory gave is not kept once more: it would live longer than its time.
        if not error.attempts or not all(map(_may_pass, error.attempts)):
            return
        failure = _Failure(
            self._clock.now(),
            self._partition_id,
            next_fetch_sequence(),
            str(error.args[0]) if error.args else type(error).__name__,
            tuple(map(_to_remember, error.attempts)),
        )
        with self._lock:
            self._failures.pop(key, None)
            self._failures[key] = failure
            for oldest in list(self._failures)[:-MAX_FAILURES]:
                self._failures.pop(oldest, None)

    def succeeded(self, kms_keys: Collection[str]) -> None:
        """Forget the failures of *kms_keys*, which have just been used; of all keys where that is not known."""
        if self._failures:
            with self._lock:
                for key in list(self._failures):
                    failure = self._failures.get(key)
                    if failure is not None and (
                        not kms_keys or any(asked_key(attempt) in kms_keys for attempt in failure.attempts)
                    ):
                        self._failures.pop(key, None)


def _may_pass(attempt: KeyAttempt) -> bool:
    """Return whether what *attempt* met may be over in a moment."""
    return attempt.outcome in _REMEMBERED and not attempt.remembered


def _to_remember(attempt: KeyAttempt) -> KeyAttempt:
    # An exception holds frames, and with them whatever was under way.
    return attempt.__replace__(cause=None, remembered=True)
