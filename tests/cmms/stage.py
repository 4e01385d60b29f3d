"""A caching CMM on a stage: the clocks stand still, what is below it counts, and all it says is written down."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar

from warmkey import CachingCMM, CommitmentPolicy, DefaultCMM, LocalCMC
from warmkey.algorithm_suites import AlgorithmSuite
from warmkey.cmms.single_flight import Flights
from warmkey.events import CacheEviction, Operation
from warmkey.keyrings import RawAesKeyring
from warmkey.structures import DecryptionMaterials, DecryptMaterialsRequest, EncryptionMaterialsRequest
from warmkey.testing import Recorder, SettableClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pytest

    from warmkey.cmms.statistics import OperationStatistics
    from warmkey.events import EvictionReason
    from warmkey.structures import EncryptionMaterials

_Result = TypeVar("_Result")

UNSIGNED = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
SIGNED = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384
WITHOUT_COMMITMENT = AlgorithmSuite.AES_256_GCM_IV12_TAG16_HKDF_SHA256
IDENTITY = AlgorithmSuite.AES_256_GCM_IV12_TAG16_NO_KDF

STRICT = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
LENIENT = CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT
FORBID = CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT

# Only how long a broken test hangs before it says so; no test that passes waits for it.
PATIENCE_SECONDS = 30.0


def as_id(changes: object) -> str:
    """The ID of a parameter, in every process the same: sets show their items in any order."""
    if isinstance(changes, dict):
        return str(
            {key: sorted(value) if isinstance(value, (set, frozenset)) else value for key, value in changes.items()}
        )
    return str(changes)


def encrypt_request(
    length: int | None = 1,
    context: Mapping[str, str] | None = None,
    *,
    suite: AlgorithmSuite | None = UNSIGNED,
    policy: CommitmentPolicy = STRICT,
    required: Iterable[str] = (),
) -> EncryptionMaterialsRequest:
    return EncryptionMaterialsRequest(
        encryption_context={} if context is None else context,
        commitment_policy=policy,
        algorithm_suite=suite,
        required_encryption_context_keys=frozenset(required),
        max_plaintext_length=length,
    )


def decrypt_request(
    materials: EncryptionMaterials,
    reproduced: Mapping[str, str] | None = None,
    *,
    policy: CommitmentPolicy = STRICT,
    stored: Mapping[str, str] | None = None,
) -> DecryptMaterialsRequest:
    """The request that decrypts what *materials* encrypted."""
    return DecryptMaterialsRequest(
        algorithm_suite=materials.algorithm_suite,
        commitment_policy=policy,
        encrypted_data_keys=materials.encrypted_data_keys,
        encryption_context=materials.encryption_context if stored is None else stored,
        reproduced_encryption_context=reproduced,
    )


class Below:
    """The underlying CMM: real data keys of a raw AES keyring, and a list of what was asked.

    :ivar during: runs inside each call, with its request: ticks a clock, waits at a gate, raises
    :ivar answer: changes what goes back up
    """

    def __init__(self) -> None:
        self.encrypt_requests: list[EncryptionMaterialsRequest] = []
        self.decrypt_requests: list[DecryptMaterialsRequest] = []
        self.during: Callable[[Any], object] = lambda request: None
        self.answer: Callable[[Any], Any] = lambda materials: materials
        self._cmm = DefaultCMM(RawAesKeyring("stage", "one key for all stages", bytes(32)))

    def __repr__(self) -> str:
        return "Below()"

    @property
    def calls(self) -> int:
        return len(self.encrypt_requests) + len(self.decrypt_requests)

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        self.encrypt_requests.append(request)
        self.during(request)
        materials: EncryptionMaterials = self.answer(self._cmm.get_encryption_materials(request))
        return materials

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        self.decrypt_requests.append(request)
        self.during(request)
        materials: DecryptionMaterials = self.answer(self._cmm.decrypt_materials(request))
        return materials


class Stage:
    """A clock, a cache, an underlying CMM and a recorder that caching CMMs share."""

    def __init__(self, capacity: int = 100, **cache_settings: Any) -> None:
        self.clock = SettableClock()
        self.seen = Recorder()
        self.below = Below()
        self.cache: Any = LocalCMC(capacity, clock=self.clock, emit=self.seen, **cache_settings)

    def cmm(self, **settings: Any) -> CachingCMM:
        settings = {
            "cache": self.cache, "cmm": self.below, "max_age": 60, "clock": self.clock, "emit": self.seen, **settings,
        }  # fmt: skip
        return CachingCMM(**settings)

    @property
    def evictions(self) -> list[EvictionReason]:
        return [eviction.reason for eviction in self.seen.of(CacheEviction)]

    def materials(self, **request: Any) -> EncryptionMaterials:
        """Encryption materials that no cache has seen."""
        return Below().get_encryption_materials(encrypt_request(**request))


def data_key(materials: EncryptionMaterials) -> bytes:
    """What tells one data key from another: how it was wrapped."""
    return materials.encrypted_data_keys[0].ciphertext


def data_keys(cmm: CachingCMM, *requests: EncryptionMaterialsRequest) -> list[int]:
    """Which data key each request is given, numbered in the order in which they first occur."""
    numbers: dict[bytes, int] = {}
    return [
        numbers.setdefault(data_key(cmm.get_encryption_materials(request)), len(numbers) + 1) for request in requests
    ]


def check_books(cmm: CachingCMM, below: Below, *, requests: int | None = None) -> None:
    """The statistics agree with the calls that arrived below, and every request is in them once."""
    asked = cmm.statistics(Operation.ENCRYPT), cmm.statistics(Operation.DECRYPT)
    answered = sum(statistics.calls for statistics in asked)

    assert answered <= below.calls <= answered + sum(statistics.failures for statistics in asked)
    if requests is not None:
        assert sum(statistics.requests for statistics in asked) == requests


def outcomes(statistics: OperationStatistics) -> dict[str, int]:
    """The counts that are not zero, by name."""
    counts = Counter({"hits": statistics.hits, "coalesced": statistics.coalesced, "failures": statistics.failures})
    counts["recalled"] = statistics.recalled
    counts.update({f"miss:{reason}": count for reason, count in statistics.misses.items()})
    counts.update({f"bypass:{reason}": count for reason, count in statistics.bypasses.items()})
    return {name: count for name, count in counts.items() if count}


class Boarding:
    """Tells when threads have boarded a flight, so that a call can be held until they all have."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._boarded = threading.Semaphore(0)
        original = Flights.join

        def join(flights: Any, *arguments: Any) -> Any:
            flight, leading = original(flights, *arguments)
            if not leading:
                self._boarded.release()
            return flight, leading

        monkeypatch.setattr(Flights, "join", join)

    def wait_for(self, waiters: int) -> None:
        for _ in range(waiters):
            assert self._boarded.acquire(timeout=PATIENCE_SECONDS), f"fewer than {waiters} boarded"


class Crowd:
    """Threads that start together; ``results`` has what each returned, or the exception it raised."""

    def __init__(self, *actions: Callable[[], Any]) -> None:
        self.results: list[Any] = [None] * len(actions)
        together = threading.Barrier(len(actions))

        def run(number: int, action: Callable[[], Any]) -> None:
            together.wait(PATIENCE_SECONDS)
            try:
                self.results[number] = action()
            except BaseException as error:  # noqa: BLE001 - a test looks at it
                self.results[number] = error

        self._threads = [
            threading.Thread(target=run, args=(number, action), daemon=True) for number, action in enumerate(actions)
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> list[Any]:
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive(), "a thread hangs"
        return self.results

    def values(self) -> list[Any]:
        """The results, none of which may be an exception."""
        results = self.join()
        errors = [result for result in results if isinstance(result, BaseException)]
        assert errors == []
        return results


def in_threads(count: int, action: Callable[[], _Result]) -> list[_Result]:
    """What *count* threads returned that all did the same at once."""
    return Crowd(*[action] * count).values()


class Dictionary:
    """The least that a cryptographic materials cache can be: no expiry, no capacity, nothing optional."""

    def __init__(self) -> None:
        self.entries: dict[bytes, Any] = {}

    def put_cache_entry(self, identifier: bytes, entry: Any, /) -> None:
        self.entries[identifier] = entry

    def get_cache_entry(self, identifier: bytes, /) -> Any:
        return self.entries.get(identifier)

    def delete_cache_entry(self, identifier: bytes, /) -> None:
        self.entries.pop(identifier, None)


class MeetingPoint:
    """A cache in front of *cache* at which the first look-ups of *threads* threads wait for each other.

    So all of them have missed before any of them asks.
    """

    def __init__(self, cache: LocalCMC, threads: int) -> None:
        self._cache = cache
        self._met = threading.local()
        self._barrier = threading.Barrier(threads)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def get_cache_entry(self, identifier: bytes, /) -> Any:
        entry = self._cache.get_cache_entry(identifier)
        if not getattr(self._met, "once", False):
            self._met.once = True
            self._barrier.wait(PATIENCE_SECONDS)
        return entry
