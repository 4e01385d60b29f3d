"""Caching CMMs and local cache beside a naive reference: through random requests they never disagree.

Which data key each message used, which calls went below and with what, what left and why, and the books.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.properties.reference_cache import Ask, Gone, Reference, Settings
from warmkey import CachingCMM, EncryptedDataKey, KeyAttempt, KeyUnavailable, LocalCMC, PolicyRefused
from warmkey.algorithm_suites import AlgorithmSuite, CommitmentPolicy
from warmkey.cmms.cache_entry_identifier import decrypt_identifier, encrypt_identifier
from warmkey.events import CacheBypass, CacheEviction, CacheHit, CacheMiss, KmsOutcome, Operation, RequestFailed
from warmkey.structures import (
    DecryptionMaterials,
    DecryptMaterialsRequest,
    EncryptionContext,
    EncryptionMaterials,
    EncryptionMaterialsRequest,
)
from warmkey.testing import Recorder, SettableClock

STRICT, LENIENT, FORBID = (
    CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
    CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT,
    CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT,
)
COMMITTING, PLAIN = AlgorithmSuite(0x0478), AlgorithmSuite(0x0178)
IDENTITY = AlgorithmSuite(0x0078)

CONTEXTS: list[dict[str, str]] = [{}, {"a": "1"}, {"a": "1", "b": "2"}, {"b": "2", "a": "1"}, {"a": "2"}, {"i": ""}]
REPRODUCED: list[dict[str, str] | None] = [None, {}, {"a": "1"}, {"a": "2"}, {"new": "1"}]
PARTITIONS = ["p", "q"]
KMS_KEYS = [f"arn:aws:kms:us-east-1:111122223333:key/{number}" for number in range(2)]

cmm_settings = st.builds(
    Settings,
    partition=st.sampled_from(PARTITIONS),
    max_age=st.sampled_from([1, 7.5, 10, 60, 60]),
    max_messages=st.sampled_from([1, 2, 3, 5, 2**32, 2**32]),
    max_bytes=st.sampled_from([0, 5, 10, 10, 20, 2**63 - 1, 2**63 - 1]),
)
steps = st.sampled_from([0, 0, 0.25, 0.5, 1, 2.5, 7.5, 10, 59, 60, 3600])
whiches = st.integers(0, 3)
policies = st.sampled_from([STRICT, STRICT, LENIENT, FORBID])
requireds = st.sampled_from([frozenset(), frozenset(), frozenset({"a"})])
reproduceds = st.sampled_from(REPRODUCED)
encrypt_asks = st.fixed_dictionaries(
    {
        "context": st.sampled_from(CONTEXTS),
        "suite": st.sampled_from([None] * 4 + [COMMITTING] * 4 + [PLAIN] * 2 + [IDENTITY]),
        "policy": policies,
        "required": requireds,
        "length": st.sampled_from([0, 1, 1, 1, 2, 3, 4, 5, 5, 6, 10, 11, 2**63 - 1, None]),
    }
)
decrypt_asks = st.fixed_dictionaries(
    {
        "stored": st.sampled_from(CONTEXTS),
        "reproduced": reproduceds,
        "suite": st.sampled_from([COMMITTING] * 4 + [PLAIN] * 3 + [IDENTITY]),
        "policy": policies,
        "keys": st.lists(st.integers(1, 2), min_size=1, max_size=2),
    }
)


def kms_key_of(context: dict[str, str]) -> str:
    return KMS_KEYS["b" in context]


class Numbered:
    """The underlying CMM: numbers its data keys, refuses what a default CMM refuses, fails and dawdles on command."""

    def __init__(self, clock: SettableClock) -> None:
        self.requests: list[Any] = []
        self.fails_with: str | None = None
        self.takes_seconds = 0.0
        self._clock = clock

    def _begin(self, request: Any, operation: str) -> None:
        self.requests.append(request)
        self._clock.tick(self.takes_seconds)
        if self.fails_with is not None:
            key = kms_key_of(request.encryption_context)
            attempt = KeyAttempt(
                keyring="K", operation=operation, key=key, reason="no", outcome=KmsOutcome(self.fails_with)
            )
            raise KeyUnavailable("KMS failed", [attempt])

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        self._begin(request, "GenerateDataKey")
        suite = answered_suite(request.algorithm_suite, request.commitment_policy, dict(request.encryption_context))
        if suite not in request.commitment_policy.encrypt_suites:
            raise PolicyRefused("no")
        return EncryptionMaterials(
            algorithm_suite=suite,
            encryption_context=request.encryption_context,
            encrypted_data_keys=[edk(len(self.requests), dict(request.encryption_context))],
            plaintext_data_key=bytes(suite.data_key_length),
            required_encryption_context_keys=request.required_encryption_context_keys,
        )

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        self._begin(request, "Decrypt")
        if refuses_to_decrypt(request):
            raise PolicyRefused("no")
        stored, reproduced = request.encryption_context, request.reproduced_encryption_context
        return DecryptionMaterials(
            algorithm_suite=request.algorithm_suite,
            encryption_context={**reproduced, **stored},
            required_encryption_context_keys=frozenset(reproduced.keys() - stored.keys()),
            # The number says which call made these materials.
            plaintext_data_key=len(self.requests).to_bytes(request.algorithm_suite.data_key_length, "big"),
        )


def answered_suite(suite: AlgorithmSuite | None, policy: CommitmentPolicy, context: dict[str, str]) -> AlgorithmSuite:
    if suite is None and "i" in context and policy is FORBID:
        return IDENTITY
    return suite or policy.default_suite


def refuses_to_decrypt(request: DecryptMaterialsRequest) -> bool:
    stored, reproduced = request.encryption_context, request.reproduced_encryption_context or {}
    conflict = any(stored.get(key, value) != value for key, value in reproduced.items())
    return conflict or request.algorithm_suite not in request.commitment_policy.decrypt_suites


def edk(number: int, context: dict[str, str]) -> EncryptedDataKey:
    return EncryptedDataKey(
        key_provider_id="aws-kms", key_provider_info=kms_key_of(context).encode(), ciphertext=b"%d" % number
    )


class CacheMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = SettableClock()
        self.seen = Recorder()
        self.below = Numbered(self.clock)
        self.told = 0
        self.asked: list[tuple[Any, dict[str, Any]]] = []
        self.books: list[Counter[tuple[str, str]]] = []

    @initialize(
        capacity=st.sampled_from([0, 1, 2, 3, 3, 5, 5, 5]),
        tail=st.sampled_from([0, 1, 5, 5]),
        members=st.lists(cmm_settings, min_size=1, max_size=4),
    )
    def build(self, capacity: int, tail: int, members: list[Settings]) -> None:
        self.cache = LocalCMC(capacity, pruning_tail_size=tail, clock=self.clock, emit=self.seen)
        # With a tail of all entries a look-up prunes everything; with a shorter one, the test prunes before it.
        self.prunes_itself = tail >= capacity
        self.reference = Reference(capacity)
        self.members = members
        self.books = [Counter() for _ in members]
        self.cmms = [
            CachingCMM(
                cache=self.cache,
                cmm=self.below,
                clock=self.clock,
                emit=self.seen,
                partition_id=member.partition,
                max_age=member.max_age,
                max_messages_encrypted=member.max_messages,
                max_bytes_encrypted=member.max_bytes,
            )
            for member in members
        ]

    # --- requests

    @rule(which=whiches, asked=encrypt_asks, times=st.sampled_from([1, 1, 2, 4]))
    def encrypt(self, which: int, asked: dict[str, Any], times: int) -> None:
        self.asked.append((self.ask_encrypt, asked))
        for _ in range(times):
            self.ask_encrypt(which, **asked)

    @rule(which=whiches, asked=decrypt_asks, times=st.sampled_from([1, 2]))
    def decrypt(self, which: int, asked: dict[str, Any], times: int) -> None:
        self.asked.append((self.ask_decrypt, asked))
        for _ in range(times):
            self.ask_decrypt(which, **asked)

    @precondition(lambda self: self.asked)
    @rule(
        which=st.lists(whiches, min_size=1, max_size=3),
        back=st.integers(0, 5),
        seconds=steps,
        policy=st.none() | policies,
        required=st.none() | requireds,
        reproduced=st.just("same") | reproduceds,
    )
    def ask_again(
        self, which: list[int], back: int, seconds: float, policy: Any, required: Any, reproduced: Any
    ) -> None:
        """What was asked before, of other CMMs, later, or a little differently: else few requests find an entry."""
        ask, asked = self.asked[-1 - back % len(self.asked)]
        for one in which:
            ask(one, **asked)
        self.clock.tick(seconds)
        changes = {"policy": policy} if policy is not None else {}
        if ask == self.ask_encrypt and required is not None:
            changes["required"] = required
        if ask == self.ask_decrypt and reproduced != "same":
            changes["reproduced"] = reproduced
        ask(which[0], **{**asked, **changes})

    def ask_encrypt(
        self,
        which: int,
        *,
        context: dict[str, str],
        suite: AlgorithmSuite | None,
        policy: CommitmentPolicy,
        required: frozenset[str],
        length: int | None,
    ) -> None:
        request = EncryptionMaterialsRequest(
            encryption_context=context,
            commitment_policy=policy,
            algorithm_suite=suite,
            required_encryption_context_keys=required,
            max_plaintext_length=length,
        )
        answer = answered_suite(suite, policy, context)
        ask = Ask(
            operation="encrypt",
            name=(suite, frozenset(context.items())),
            requested_suite=suite,
            answered_suite=answer,
            policy=policy,
            condition=required,
            kms_key=kms_key_of(context),
            context=frozenset(context.items()),
            length=length,
        )
        self.request(which, ask, request, refused=answer not in policy.encrypt_suites)

    def ask_decrypt(
        self,
        which: int,
        *,
        stored: dict[str, str],
        reproduced: dict[str, str] | None,
        suite: AlgorithmSuite,
        policy: CommitmentPolicy,
        keys: list[int],
    ) -> None:
        request = DecryptMaterialsRequest(
            algorithm_suite=suite,
            commitment_policy=policy,
            encrypted_data_keys=[edk(number, stored) for number in keys],
            encryption_context=stored,
            reproduced_encryption_context=reproduced,
        )
        ask = Ask(
            operation="decrypt",
            name=(suite, tuple(sorted(keys)), frozenset(stored.items())),
            requested_suite=suite,
            answered_suite=suite,
            policy=policy,
            condition=frozenset((reproduced or {}).items()),
            kms_key=kms_key_of(stored),
            context=frozenset({**(reproduced or {}), **stored}.items()),
        )
        self.request(which, ask, request, refused=refuses_to_decrypt(request))

    def request(self, which: int, ask: Ask, request: Any, *, refused: bool) -> None:
        """Ask one of the CMMs, and hold what happened against what the reference says."""
        number = which % len(self.cmms)
        cmm, member, books = self.cmms[number], self.members[number], self.books[number]
        if not self.prunes_itself:
            self.cache.prune()
            self.reference.prune(self.now)
        calls = len(self.below.requests)
        found, reason = None, self.reference.bypass(ask, member)
        bypassed = reason is not None
        if not bypassed:
            found, reason = self.reference.find(ask, member, self.now)
        asked_at = self.now
        outcome = self.outcome_of(cmm, request)

        if found is not None:
            assert outcome == found.data_key
            assert len(self.below.requests) == calls
            self.expect(CacheHit)
            books["hits", ""] += 1
            return
        forwarded = replace(request, max_plaintext_length=None) if _has_length(request) else request
        assert self.below.requests[calls:] == [request if bypassed else forwarded]
        if self.below.fails_with is not None or refused:
            assert outcome in ("KeyUnavailable", "PolicyRefused")
            if self.below.fails_with in ("denied", "disabled"):
                self.reference.refused(self.below.fails_with, ask, member.partition, self.now)
            self.expect(RequestFailed)
            books[ask.operation, "failures"] += 1
            return
        assert outcome == calls + 1, "a data key of its own"
        if not bypassed and ask.answered_suite.kdf_hash is None:
            bypassed, reason = True, "identity-kdf"
        if bypassed:
            assert self.expect(CacheBypass).reason == reason
        else:
            real_reason = self.expect(CacheMiss).reason
            # The cache remembers as many expired identifiers as it has places, the reference all of them.
            assert real_reason == reason or (reason, real_reason) == ("expired", "absent")
            self.reference.keep(ask, member, data_key=calls + 1, reason=reason, asked_at=asked_at, now=self.now)
            reason = real_reason
        books[ask.operation, str(reason)] += 1

    def outcome_of(self, cmm: CachingCMM, request: Any) -> Any:
        """The number of the call below that made the data key, or the name of the error."""
        try:
            if _has_length(request):
                return int(cmm.get_encryption_materials(request).encrypted_data_keys[0].ciphertext)
            return int.from_bytes(cmm.decrypt_materials(request).plaintext_data_key or b"", "big")
        except (KeyUnavailable, PolicyRefused) as error:
            return type(error).__name__

    # --- time, and the world below

    @rule(
        clock=st.sampled_from(["both", "both", "monotonic", "wall"]), seconds=steps, back=st.sampled_from([1, 1, 1, -1])
    )
    def time_passes_or_a_clock_is_set(self, clock: str, seconds: float, back: int) -> None:
        if clock != "wall":
            self.clock.tick_monotonic(seconds if clock == "both" else seconds * back)
        if clock != "monotonic":
            self.clock.tick_wall(seconds if clock == "both" else seconds * back)

    @rule(
        fails_with=st.sampled_from([None] * 6 + ["throttled", "denied", "disabled"]),
        takes_seconds=st.sampled_from([0, 0, 0, 0.5, 5, 100]),
    )
    def kms_changes_its_mind(self, fails_with: str | None, takes_seconds: float) -> None:
        self.below.fails_with = fails_with
        self.below.takes_seconds = takes_seconds

    # --- leaving

    @rule(which=st.integers(0, 3), what=st.sampled_from(["prune", "prune", "partition", "everything", "nothing"]))
    def somebody_clears_up(self, which: int, what: str) -> None:
        number = which % len(self.cmms)
        match what:
            case "prune":
                assert self.cache.prune() == self.reference.prune(self.now)
            case "partition":
                assert self.cmms[number].purge() == self.reference.purge(self.now, self.members[number].partition)
            case "everything":
                assert self.cache.purge() == self.reference.purge(self.now)
            case _:
                # A look-up prunes, whatever it looks for; how much depends on the length of the tail.
                assert self.cache.get_cache_entry(b"no such identifier") is None
                self.cache.prune()
                self.reference.prune(self.now)

    @precondition(lambda self: self.reference.entries)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        partition, operation, name = data.draw(st.sampled_from(list(self.reference.entries)))
        context = EncryptionContext.of(dict(name[-1])).serialized
        if operation == "encrypt":
            identifier = encrypt_identifier(partition, name[0], context)
        else:
            keys = [edk(number, dict(name[-1])) for number in name[1]]
            identifier = decrypt_identifier(partition, name[0], keys, context)
        self.cache.delete_cache_entry(identifier)
        self.reference.delete((partition, operation, name), self.now)

    # --- what always holds

    @property
    def now(self) -> tuple[float, float]:
        return tuple(self.clock.now())  # type: ignore[return-value]

    def expect(self, kind: type) -> Any:
        """The one fact since the last look that is no eviction."""
        facts = [fact for fact in self.seen.events[self.told :] if not isinstance(fact, CacheEviction)]
        assert [type(fact) for fact in facts] == [kind]
        self.look()
        return facts[0]

    def look(self) -> None:
        new = [fact for fact in self.seen.events[self.told :] if isinstance(fact, CacheEviction)]
        self.told = len(self.seen.events)
        self.left: list[Gone] = [*getattr(self, "left", []), *map(_gone, new)]

    @invariant()
    def the_same_left_for_the_same_reasons(self) -> None:
        if not self.books:
            return
        self.look()
        assert sorted(self.left) == sorted(self.reference.evictions)
        self.left.clear()
        self.reference.evictions.clear()

    @invariant()
    def the_same_stayed(self) -> None:
        if not self.books:
            return
        stayed = self.cache._entries.values()
        assert [(entry.messages, entry.plaintext_bytes, entry.partition_id) for entry in stayed] == [
            (entry.messages, entry.plaintext_bytes, entry.partition) for entry in self.reference.entries.values()
        ], "in the same order of use"
        assert len(self.cache) <= self.reference.capacity

    @invariant()
    def the_books_balance(self) -> None:
        answered = failed = 0
        for cmm, books in zip(getattr(self, "cmms", []), self.books, strict=True):
            statistics = {operation: cmm.statistics(operation) for operation in Operation}
            real: Counter[tuple[str, str]] = Counter()
            real["hits", ""] = sum(one.hits for one in statistics.values())
            for operation, one in statistics.items():
                real.update({(str(operation), str(reason)): count for reason, count in one.misses.items()})
                real.update({(str(operation), str(reason)): count for reason, count in one.bypasses.items()})
                real[str(operation), "failures"] = one.failures
                answered, failed = answered + one.calls, failed + one.failures
                assert one.coalesced == 0
            assert +real == +books
        assert answered + failed == len(self.below.requests)


def _has_length(request: Any) -> bool:
    return isinstance(request, EncryptionMaterialsRequest)


def _gone(fact: CacheEviction) -> Gone:
    return str(fact.operation), str(fact.reason), fact.age_seconds, fact.messages, fact.plaintext_bytes


CacheMachine.TestCase.settings = settings(
    max_examples=250, stateful_step_count=70, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCacheModel = CacheMachine.TestCase
