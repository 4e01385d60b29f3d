"""What the specification and our decisions say about caching, as naively as it can be written: a dictionary and rules.

Nothing of the package's caches or CMMs is used here. Every rule stands next to the sentence it comes from, said in
our own words. Time is a pair of readings; a cache entry is a dictionary's value; the least recently used entry is the
dictionary's first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from warmkey.algorithm_suites import AlgorithmSuite, CommitmentPolicy

Time = tuple[float, float]
Gone = tuple[str, str, float, int, int]  # operation, reason, age, messages, bytes


@dataclass
class Entry:
    operation: str
    partition: str
    data_key: int
    suite: AlgorithmSuite
    kms_key: str
    context: Any  # that the key service was asked with
    created: Time
    time_to_live: float
    condition: Any  # required keys (encrypt) or reproduced context (decrypt): a hit needs the same
    messages: int = 0
    plaintext_bytes: int = 0

    def age(self, now: Time) -> float:
        # The clock that says more is believed; an age below zero on either is too old for anything.
        ages = [now[0] - self.created[0], now[1] - self.created[1]]
        return float("inf") if min(ages) < 0 else max(ages)

    def gone(self, reason: str, now: Time) -> Gone:
        age = max(0.0, now[0] - self.created[0], now[1] - self.created[1])
        return self.operation, reason, age, self.messages, self.plaintext_bytes


@dataclass(frozen=True)
class Settings:
    """Of one caching CMM."""

    partition: str
    max_age: float
    max_messages: int
    max_bytes: int


@dataclass(frozen=True)
class Ask:
    """A request, whichever operation, and what the underlying CMM would answer to it."""

    operation: str
    name: Any  # what the identifier is made of: requested suite, context, and encrypted data keys (decrypt)
    requested_suite: AlgorithmSuite | None
    answered_suite: AlgorithmSuite
    policy: CommitmentPolicy
    condition: Any
    kms_key: str
    context: Any
    length: int | None = 0

    @property
    def bytes(self) -> int:
        return self.length or 0

    @property
    def allowed(self) -> frozenset[AlgorithmSuite]:
        return self.policy.encrypt_suites if self.operation == "encrypt" else self.policy.decrypt_suites


@dataclass
class Reference:
    capacity: int
    entries: dict[Any, Entry] = field(default_factory=dict)
    evictions: list[Gone] = field(default_factory=list)
    once_expired: set[Any] = field(default_factory=set)

    # --- leaving

    def _remove(self, name: Any, reason: str, now: Time) -> None:
        self.evictions.append(self.entries.pop(name).gone(reason, now))
        if reason == "expired":
            self.once_expired.add(name)

    def prune(self, now: Time) -> int:
        expired = [name for name, entry in self.entries.items() if entry.age(now) >= entry.time_to_live]
        for name in expired:
            self._remove(name, "expired", now)
        return len(expired)

    def purge(self, now: Time, partition: str | None = None) -> int:
        doomed = [name for name, entry in self.entries.items() if partition in (None, entry.partition)]
        for name in doomed:
            self._remove(name, "purged", now)
        return len(doomed)

    def delete(self, name: Any, now: Time) -> None:
        if name in self.entries:
            self._remove(name, "deleted", now)

    def refused(self, outcome: str, ask: Ask, partition: str, now: Time) -> None:
        # A denied operation evicts what it made for the same context; a disabled key all that it wrapped.
        for name, entry in list(self.entries.items()):
            concerned = outcome == "disabled" or (entry.operation, entry.context) == (ask.operation, ask.context)
            if entry.partition == partition and entry.kms_key == ask.kms_key and concerned:
                self._remove(name, "deleted", now)

    # --- finding

    def bypass(self, ask: Ask, settings: Settings) -> str | None:
        if ask.requested_suite is not None and ask.requested_suite.kdf_hash is None:
            return "identity-kdf"
        if ask.operation == "encrypt":
            if ask.length is None:
                return "unknown-length"
            if ask.length > settings.max_bytes:
                return "over-byte-limit"
        return "caching-off" if self.capacity == 0 else None

    def find(self, ask: Ask, settings: Settings, now: Time) -> tuple[Entry | None, str]:
        """The entry that serves, counted; or why none does."""
        self.prune(now)
        name = settings.partition, ask.operation, ask.name
        entry = self.entries.get(name)
        if entry is None:
            return None, "expired" if name in self.once_expired else "absent"
        self.entries[name] = self.entries.pop(name)  # most recently used
        for reason, refuses in {
            "expired": entry.age(now) >= settings.max_age,
            "policy": entry.suite not in ask.allowed,
            "context": entry.condition != ask.condition,
            # Decrypting wears no key out.
            "messages-spent": ask.operation == "encrypt" and entry.messages + 1 > settings.max_messages,
            "bytes-spent": ask.operation == "encrypt" and entry.plaintext_bytes + ask.bytes > settings.max_bytes,
        }.items():
            if refuses:
                return None, reason
        entry.messages += 1
        entry.plaintext_bytes += ask.bytes
        return entry, "hit"

    # --- keeping

    def keep(self, ask: Ask, settings: Settings, *, data_key: int, reason: str, asked_at: Time, now: Time) -> None:
        """What the underlying CMM answered, requested at *asked_at* because of a miss for *reason*."""
        name = settings.partition, ask.operation, ask.name
        if name in self.entries:
            why = reason if reason in ("expired", "messages-spent", "bytes-spent") else "replaced"
            self.evictions.append(self.entries.pop(name).gone(why, now))
        entry = Entry(
            operation=ask.operation,
            partition=settings.partition,
            data_key=data_key,
            suite=ask.answered_suite,
            kms_key=ask.kms_key,
            context=ask.context,
            created=asked_at,
            time_to_live=settings.max_age,
            condition=ask.condition,
            messages=1,
            plaintext_bytes=ask.bytes,
        )
        if entry.age(now) >= entry.time_to_live:
            self.evictions.append(entry.gone("expired", now))
            return
        self.entries[name] = entry
        self.once_expired.discard(name)
        while len(self.entries) > self.capacity:
            self._remove(next(iter(self.entries)), "capacity", now)
