"""The books balance: requests, entries and KMS requests, whoever counts them, whatever happens.

Counted by the caching CMM, by who asked it, by the events, by the KMS and by what was written to CloudWatch.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.cmms.stage import FORBID, IDENTITY, LENIENT, STRICT, UNSIGNED, decrypt_request, encrypt_request
from tests.observability.output import Output, written
from tests.observability.telemetry import Telemetry, without_providers
from warmkey import AwsKmsKeyring, CachingCMM, LocalCMC, WarmkeyError
from warmkey.events import (
    CacheBypass,
    CacheCoalesced,
    CacheEviction,
    CacheHit,
    CacheMiss,
    KmsOutcome,
    KmsRequest,
    Operation,
    RequestFailed,
    fan_out,
)
from warmkey.observability import Subscriber, instrument
from warmkey.testing import FakeKms, Recorder, SettableClock

if TYPE_CHECKING:
    from warmkey.structures import EncryptionMaterials

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
OUTCOMES = {
    "ThrottlingException": KmsOutcome.THROTTLED,
    "AccessDeniedException": KmsOutcome.DENIED,
    "DisabledException": KmsOutcome.DISABLED,
    "KMSInternalException": KmsOutcome.UNREACHABLE,
    "NotFoundException": KmsOutcome.OTHER,
}
MAX_AGE = 10


# What may happen


@dataclass(frozen=True)
class Encrypt:
    tenant: int
    length: int | None
    identity_kdf: bool
    required: bool

    def run(self, world: World) -> None:
        request = encrypt_request(
            self.length,
            {"tenant": f"tenant-{self.tenant}"},
            suite=IDENTITY if self.identity_kdf else UNSIGNED,
            policy=FORBID if self.identity_kdf else STRICT,
            required=["tenant"] if self.required else [],
        )
        cacheable = not (
            self.identity_kdf or self.length is None or self.length > world.max_bytes or not world.capacity
        )
        world.ask(ENCRYPT, self.length or 0 if cacheable else 0, lambda: world.cmm.get_encryption_materials(request))


@dataclass(frozen=True)
class Decrypt:
    message: int
    lenient: bool
    reproduced: bool

    def run(self, world: World) -> None:
        if world.encrypted:
            request = decrypt_request(
                world.encrypted[self.message % len(world.encrypted)],
                {"tenant": "tenant-0"} if self.reproduced else None,
                policy=LENIENT if self.lenient else FORBID,
            )
            world.ask(DECRYPT, 0, lambda: world.cmm.decrypt_materials(request))


@dataclass(frozen=True)
class Together:
    """Some of them at the same time, each in a thread of its own."""

    requests: list[Encrypt | Decrypt]

    def run(self, world: World) -> None:
        start = threading.Barrier(len(self.requests))

        def run(request: Encrypt | Decrypt) -> None:
            start.wait()
            request.run(world)

        threads = [threading.Thread(target=run, args=(request,)) for request in self.requests]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@dataclass(frozen=True)
class Tick:
    seconds: int

    def run(self, world: World) -> None:
        world.clock.tick(self.seconds)


@dataclass(frozen=True)
class Trouble:
    error: str
    times: int
    retries: int

    def run(self, world: World) -> None:
        world.kms.fail(error=self.error, times=self.times, retries=self.retries)


@dataclass(frozen=True)
class Housekeeping:
    what: str

    def run(self, world: World) -> None:
        getattr(world.cache, self.what)()


@dataclass(frozen=True)
class Meanwhile:
    """While KMS works on the next request, the cache is purged or time passes."""

    seconds: int

    def run(self, world: World) -> None:
        def happen(_call: object) -> None:
            world.kms.latency = None
            if self.seconds:
                world.clock.tick(self.seconds)
            else:
                world.cache.purge()

        world.kms.latency = happen


# Where it happens


class Witness:
    """A KMS client that notes how each request ended, as its caller sees it."""

    def __init__(self, kms: FakeKms) -> None:
        self._kms = kms
        self.meta = kms.meta
        self.seen: Counter[tuple[str, KmsOutcome]] = Counter()
        self.attempts = 0

    def generate_data_key(self, **parameters: Any) -> Any:
        return self._send("GenerateDataKey", self._kms.generate_data_key, parameters)

    def decrypt(self, **parameters: Any) -> Any:
        return self._send("Decrypt", self._kms.decrypt, parameters)

    def _send(self, operation: str, method: Any, parameters: dict[str, Any]) -> Any:
        try:
            response = method(**parameters)
        except Exception as error:
            response = getattr(error, "response", {})
            self._note(operation, OUTCOMES[response["Error"]["Code"]], response)
            raise
        self._note(operation, KmsOutcome.OK, response)
        return response

    def _note(self, operation: str, outcome: KmsOutcome, response: Any) -> None:
        with _noting:
            self.seen[operation, outcome] += 1
            self.attempts += 1 + response["ResponseMetadata"].get("RetryAttempts", 0)


_noting = threading.Lock()


class World:
    """One caching CMM over a cache and a KMS, watched from all sides."""

    def __init__(self, *, capacity: int, max_messages: int, max_bytes: int, refresh_ahead: bool) -> None:
        self.capacity, self.max_bytes = capacity, max_bytes
        self.seen = Recorder()
        self.clock = SettableClock()
        self.kms = FakeKms()
        self.witness = Witness(self.kms)
        self.subscriber = Subscriber(metrics="detailed", sink="both", log_level="CRITICAL", now=lambda: 0.0)
        emit = fan_out(self.seen, self.subscriber)
        self.cache = LocalCMC(capacity, clock=self.clock, emit=emit)
        self.cmm = CachingCMM(
            cache=self.cache,
            keyring=AwsKmsKeyring(self.kms.create_key(), kms_client=self.witness, emit=emit),
            max_age=MAX_AGE,
            max_messages_encrypted=max_messages,
            max_bytes_encrypted=max_bytes,
            refresh_ahead=refresh_ahead,
            clock=self.clock,
            emit=emit,
        )
        self.encrypted: list[EncryptionMaterials] = []
        self.asked: Counter[Operation] = Counter()
        self.failed: Counter[Operation] = Counter()
        self.cached_bytes = 0

    def ask(self, operation: Operation, cached_bytes: int, request: Any) -> None:
        with _noting:
            self.asked[operation] += 1
        try:
            materials = request()
        except WarmkeyError:
            with _noting:
                self.failed[operation] += 1
            return
        with _noting:
            self.cached_bytes += cached_bytes
            if operation is ENCRYPT:
                self.encrypted.append(materials)


# What must hold afterwards


def check_requests(world: World) -> None:
    """Every request ended as exactly one of hit, coalesced, miss, bypass, failed; all books say the same."""
    for operation in Operation:
        counters = world.cmm.statistics(operation)
        assert counters.requests == world.asked[operation]
        assert counters.failures == world.failed[operation] == world.seen.count(RequestFailed, operation=operation)
        assert counters.hits == world.seen.count(CacheHit, operation=operation)
        assert counters.coalesced == world.seen.count(CacheCoalesced, operation=operation)
        assert counters.misses == _reasons(world.seen.of(CacheMiss), operation)
        assert counters.bypasses == _reasons(world.seen.of(CacheBypass), operation)


def check_entries(world: World) -> None:
    """Every entry that came in by a miss is here or has left once, and every message was counted on one of them."""
    left, here = world.seen.of(CacheEviction), list(world.cache._entries.values())
    for operation in Operation:
        counters = world.cmm.statistics(operation)
        entries = [entry for entry in (*left, *here) if entry.operation is operation]
        assert len(entries) == sum(counters.misses.values())
        assert sum(entry.messages for entry in entries) == counters.hits + counters.coalesced + len(entries)
    assert sum(entry.plaintext_bytes for entry in (*left, *here)) == world.cached_bytes


def check_kms(world: World) -> None:
    """Every KMS request is told once, with the outcome that its caller saw; only misses and bypasses needed one."""
    told = world.seen.of(KmsRequest)
    counters = [world.cmm.statistics(operation) for operation in Operation]

    assert Counter((request.kms_operation, request.outcome) for request in told) == world.witness.seen
    assert len(told) == world.kms.count()
    assert sum(request.attempts for request in told) == world.witness.attempts
    assert world.seen.count(KmsRequest, outcome=KmsOutcome.OK) == sum(book.calls for book in counters)


def check_metrics(world: World, output: Output) -> None:
    """CloudWatch adds up to the same."""
    counters = [world.cmm.statistics(operation) for operation in Operation]
    totals = Counter(output.totals)

    assert totals["CacheHits"] == sum(book.hits for book in counters)
    assert totals["CacheCoalesced"] == sum(book.coalesced for book in counters)
    assert totals["CacheMisses"] == sum(sum(book.misses.values()) for book in counters)
    assert totals["CacheBypasses"] == sum(sum(book.bypasses.values()) for book in counters)
    assert totals["RequestsFailed"] == sum(book.failures for book in counters)
    assert totals["CacheEvictions"] == len(output.values("DataKeyAge")) == world.seen.count(CacheEviction)
    assert totals["KmsRequests"] == len(output.values("KmsLatency")) == world.kms.count()
    assert totals["KmsRequests"] + totals["KmsRetries"] == world.witness.attempts
    for summary in ("CacheMisses", "CacheBypasses", "CacheEvictions", "KmsRequests"):
        assert totals[summary] == sum(count for name, count in totals.items() if _is_detail(name, summary))


def check_telemetry(world: World, output: Output, telemetry: Telemetry) -> None:
    """So does OpenTelemetry, and a span was made of everything that asked KMS, and of each request."""
    expected = output.totals
    assert telemetry.emf.keys() == expected.keys()
    assert telemetry.emf == pytest.approx(expected, abs=0.1)

    requests = Counter(request.kms_operation for request in world.seen.of(KmsRequest))
    names = Counter(telemetry.names)
    assert {name: count for name, count in names.items() if name.startswith("KMS.")} == {
        f"KMS.{operation}": count for operation, count in requests.items()
    }
    asked = sum(world.cmm.statistics(operation).calls for operation in Operation)
    fetched = [span for span in telemetry.spans if span.name == "fetch data key"]
    assert sum(span.status.is_ok or span.status.is_unset for span in fetched) == asked


def _is_detail(name: str, summary: str) -> bool:
    return name.startswith(summary) and name != summary


def _reasons(facts: list[Any], operation: Operation) -> Counter[Any]:
    return Counter(fact.reason for fact in facts if fact.operation is operation)


ENCRYPTS = st.builds(
    Encrypt,
    tenant=st.integers(0, 2),
    length=st.sampled_from([0, 1, 4, 7, 11, None]),
    identity_kdf=st.sampled_from([False, False, False, True]),
    required=st.sampled_from([False, False, True]),
)
DECRYPTS = st.builds(Decrypt, message=st.integers(0, 30), lenient=st.booleans(), reproduced=st.booleans())
STEPS = st.one_of(
    ENCRYPTS,
    DECRYPTS,
    st.builds(Together, st.lists(ENCRYPTS | DECRYPTS, min_size=2, max_size=6)),
    st.builds(Tick, st.sampled_from([1, 5, 9, 11])),
    st.builds(
        Trouble,
        error=st.sampled_from(["throttled", "denied", "disabled", "internal", "not-found"]),
        times=st.integers(1, 2),
        retries=st.integers(0, 2),
    ),
    st.builds(Housekeeping, st.sampled_from(["prune", "purge"])),
    st.builds(Meanwhile, st.sampled_from([0, 0, 1, 11])),
)


@dataclass(frozen=True)
class Limits:
    capacity: int = 2
    max_messages: int = 3
    max_bytes: int = 10
    refresh_ahead: bool = False
    instrumented: bool = True


LIMITS = st.builds(
    Limits,
    capacity=st.sampled_from([0, 1, 2, 2, 3, 3]),
    max_messages=st.sampled_from([1, 2, 3, 100]),
    max_bytes=st.sampled_from([0, 5, 10, 10, 1_000]),
    refresh_ahead=st.booleans(),
    instrumented=st.booleans(),
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limits=LIMITS, steps=st.lists(STEPS, min_size=8, max_size=30))
@example(limits=Limits(), steps=[Together([Encrypt(0, 4, False, False)] * 6), Trouble("throttled", 1, 2)])
def test_the_books_balance(limits: Limits, steps: list[Any]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        without_providers(monkeypatch)
        _balance(limits, steps, Telemetry().set())


def _balance(limits: Limits, steps: list[Any], telemetry: Telemetry) -> None:
    world = World(
        capacity=limits.capacity,
        max_messages=limits.max_messages,
        max_bytes=limits.max_bytes,
        refresh_ahead=limits.refresh_ahead,
    )
    with written() as output:
        if limits.instrumented:
            with instrument():
                _run(steps, world)
        else:
            _run(steps, world)
        world.cache._announce()  # as its next use does: what was promised to waiting threads is told when they are done
        world.subscriber.flush()

    check_requests(world)
    check_entries(world)
    check_kms(world)
    check_metrics(world, output)
    check_telemetry(world, output, telemetry)


def _run(steps: list[Any], world: World) -> None:
    for step in steps:
        step.run(world)
