"""A round of the soak: messages of many threads over caching CMMs that share a cache.

Threads encrypt and decrypt while clocks jump, KMS fails, entries are purged and processes forked; what is done follows
from the seed, in which order from the machine. Then every message is counted on its data key, read by ourselves, and
read by the AWS Encryption SDK.
"""

from __future__ import annotations

import os
import random
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.interop.peers import Case, RawAes
from tests.stress.books import (
    PATIENCE_SECONDS,
    FactCounter,
    Summary,
    at_once,
    expect,
    in_a_child,
    let_time_pass,
    read,
    reader_of,
)
from warmkey import (
    AlgorithmSuite,
    AwsKmsKeyring,
    CachingCMM,
    Client,
    CommitmentPolicy,
    KeyUnavailable,
    LocalCMC,
    MultiKeyring,
)
from warmkey.events import CacheEviction, CacheMiss, KmsOutcome, KmsRequest, Operation
from warmkey.keyrings import RawAesKeyring
from warmkey.testing import FakeKms, SettableClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.interop.peers import PythonPeer

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
TENANTS = [f"tenant {number}" for number in range(2)]
FAULTS = ["throttled", "internal", "timeout", "reset", "denied", "disabled", "expired-credentials", "short-plaintext"]
SUITES = {
    CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT: [0x0478, 0x0478, 0x0478, 0x0478, None],
    CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT: [0x0178, 0x0114, 0x0378, 0x0078],
}
CLIENTS = {policy: Client(commitment_policy=policy) for policy in SUITES}
READER = Client(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT)
# Who shares what: partition, maximum age, messages and bytes per data key, and the rest.
MEMBERS: list[dict[str, Any]] = [
    {"partition_id": "shared", "max_age": 60, "max_messages_encrypted": 20, "max_bytes_encrypted": 4_000},
    {"partition_id": "shared", "max_age": 10, "max_messages_encrypted": 50, "max_bytes_encrypted": 2**63 - 1},
    {"partition_id": "alone", "max_age": 30, "max_messages_encrypted": 2**32, "max_bytes_encrypted": 1_000},
    {"partition_id": "fleet", "max_age": 30, "max_age_jitter": 0.5, "refresh_ahead": True},
    {"partition_id": "single", "max_age": 30, "max_messages_encrypted": 1},
]
CAPACITY = 60


class Sent(NamedTuple):
    """A message and how it came to be."""

    ciphertext: bytes
    plaintext: bytes
    tenant: str
    member: int
    policy: CommitmentPolicy
    data_key: bytes
    suite: AlgorithmSuite


@dataclass
class Round:
    """One round's world, and what its threads report."""

    seed: int
    clock: SettableClock = field(default_factory=SettableClock)
    kms: FakeKms = field(default_factory=FakeKms)
    told: FactCounter = field(default_factory=FactCounter)
    sent: list[Sent] = field(default_factory=list)
    asked: list[tuple[int, Operation]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wrapping = RawAes(os.urandom(32))
        raw = RawAesKeyring(self.wrapping.namespace, self.wrapping.name, self.wrapping.key)
        self.cache = LocalCMC(CAPACITY, clock=self.clock, emit=self.told)
        generator = AwsKmsKeyring(self.kms.create_key(), kms_client=self.kms, emit=self.told)
        keyring = MultiKeyring(generator, [raw])
        self.cmms = [
            CachingCMM(cache=self.cache, keyring=keyring, clock=self.clock, emit=self.told, **member)
            for member in MEMBERS
        ]
        self.reader = raw

    # --- what a thread does

    def work(self, thread: int, operations: int, fork_wanted: Callable[[], object]) -> None:
        """*operations* things at random; *fork_wanted* is called at each third."""
        choose = random.Random(f"{self.seed}-{thread}")
        mine: list[Sent] = []
        for number in range(operations):
            self.one_thing(choose, mine)
            if thread == 0 and number % (operations // 3) == operations // 6:
                fork_wanted()

    def one_thing(self, choose: random.Random, mine: list[Sent]) -> None:
        """One step of one thread."""
        match choose.choices(["encrypt", "decrypt", "time", "purge", "fault"], [600, 300, 30, 5, 20])[0]:
            case "encrypt":
                self.encrypt(choose, mine)
            case "decrypt" if mine:
                self.decrypt(choose, choose.choice(mine[-10:]))
            case "time":
                let_time_pass(self.clock, choose)
            case "purge":
                choose.choice([self.cache.purge, self.cache.prune, *[cmm.purge for cmm in self.cmms]])()
            case "fault":
                self.kms.fail(error=choose.choice(FAULTS), times=choose.randint(1, 3))
            case _:
                pass

    def encrypt(self, choose: random.Random, mine: list[Sent]) -> None:
        """A message for some tenant, now and then too long for its limit, or with a context that never comes again."""
        policy = choose.choices(list(SUITES), [4, 1])[0]
        member = choose.randrange(len(self.cmms))
        tenant = choose.choice(TENANTS)
        context = {"tenant": tenant}
        if choose.random() < 0.05:
            context["request"] = str(choose.random())  # never comes again
        plaintext = choose.randbytes(choose.choice([0, 1, 10, 100, 300, 300, 1_000, 5_000]))
        suite = choose.choice(SUITES[policy])
        self.asked.append((member, ENCRYPT))
        try:
            result = CLIENTS[policy].encrypt(
                plaintext,
                cmm=self.cmms[member],
                encryption_context=context,
                algorithm_suite=suite and AlgorithmSuite(suite),
            )
        except KeyUnavailable as error:
            self.refused.append(str(error))
            return
        data_key = result.header.encrypted_data_keys[0].ciphertext
        message = Sent(result.ciphertext, plaintext, tenant, member, policy, data_key, result.algorithm_suite)
        mine.append(message)
        self.sent.append(message)

    def decrypt(self, choose: random.Random, message: Sent) -> None:
        """Read a message: as its tenant, as nobody in particular, or as another tenant."""
        reader = reader_of(choose, message.tenant)
        context = {} if reader is None else {"tenant": reader}
        member = choose.randrange(len(self.cmms))
        self.asked.append((member, DECRYPT))
        read(
            lambda: READER.decrypt(message.ciphertext, cmm=self.cmms[member], encryption_context=context).plaintext,
            message.plaintext,
            reader=reader,
            refused=self.refused,
        )

    # --- processes

    def fork(self, number: int) -> list[Sent]:
        """What a child sent, that was forked from among the running threads and used nothing that it inherited."""
        before = {message.data_key for message in self.sent}
        sent = in_a_child(lambda: self._child(number))
        if before & {message.data_key for message in sent}:
            raise AssertionError("a forked child used a data key of its parent")
        check_limits(sent)
        return sent

    def _child(self, number: int) -> list[Sent]:
        self.kms.heal()
        choose, mine = random.Random(f"{self.seed}-child-{number}"), list[Sent]()
        self.refused.clear()
        for _ in range(60):
            self.encrypt(choose, mine)
            self.decrypt(choose, choose.choice(mine))
        if self.refused:
            raise AssertionError(self.refused[0])
        return mine

    # --- the reckoning

    def check_books(self) -> None:
        """Statistics, facts, KMS's own count and what is in the cache say the same."""
        self.cache.purge()
        asked = Counter(self.asked)
        made: Counter[Operation] = Counter()
        for member, cmm in enumerate(self.cmms):
            for operation in Operation:
                statistics = cmm.statistics(operation)
                expect(asked[member, operation], statistics.requests, "requests in the books")
                made[operation] += statistics.calls
        served = sum(
            statistics.hits + statistics.coalesced + sum(statistics.misses.values())
            for statistics in (cmm.statistics(ENCRYPT) for cmm in self.cmms)
        )
        misses = sum(sum(cmm.statistics(operation).misses.values()) for cmm in self.cmms for operation in Operation)
        expect(made[ENCRYPT], self.told.total(KmsRequest, ("GenerateDataKey", KmsOutcome.OK)), "data keys", atmost=True)
        expect(self.kms.count(), self.told.requests(), "KMS requests")
        expect(misses, self.told.total(CacheMiss), "misses")
        expect(misses, self.told.total(CacheEviction), "entries that left")
        expect(
            served,
            sum(eviction.messages for eviction in self.told.evictions if eviction.operation is ENCRYPT),
            "messages counted on entries",
        )
        expect(0, len(self.cache), "entries after the purge")
        expect(0, sum(len(cmm._fetcher._flights) for cmm in self.cmms), "flights after landing")

    def summary(self) -> Summary:
        """What there was."""
        return Summary(
            {
                "messages": len(self.sent),
                "data keys": len({message.data_key for message in self.sent}),
                "hits": sum(cmm.statistics(operation).hits for cmm in self.cmms for operation in Operation),
                "KMS requests": self.kms.count(),
                "refused by faults": len(self.refused),
            }
        )

    def check_messages(self, peer: PythonPeer) -> None:
        """Every message is read by us and by the AWS Encryption SDK."""
        for message in self.sent:
            expect(message.plaintext, READER.decrypt(message.ciphertext, keyring=self.reader).plaintext, "plaintext")
            opened = peer.decrypt(Case(suite_id=message.suite.value, wrapping=self.wrapping), message.ciphertext)
            expect(message.plaintext, opened.plaintext, "plaintext of the peer")


def check_limits(sent: Iterable[Sent]) -> None:
    """:raises AssertionError: a data key encrypted more than the most generous CMM of its partition allows"""
    keys: defaultdict[bytes, list[Sent]] = defaultdict(list)
    for message in sent:
        keys[message.data_key].append(message)
    for messages in keys.values():
        members = [MEMBERS[message.member] for message in messages]
        partitions = {member["partition_id"] for member in members}
        sharers = [member for member in MEMBERS if member["partition_id"] in partitions]
        most_messages = max(member.get("max_messages_encrypted", 2**32) for member in sharers)
        most_bytes = max(member.get("max_bytes_encrypted", 2**63 - 1) for member in sharers)
        if len(partitions) > 1:
            raise AssertionError("two partitions used one data key")
        if len({(message.tenant, message.policy, message.suite) for message in messages}) > 1:
            raise AssertionError("two contexts, policies or suites used one data key")
        if len(messages) > most_messages:
            raise AssertionError(f"a data key encrypted {len(messages)} messages, {most_messages} are allowed")
        used = sum(len(message.plaintext) for message in messages)
        if used > most_bytes and len(messages) > 1:
            raise AssertionError(f"a data key encrypted {used} bytes, {most_bytes} are allowed")
        if messages[0].suite.has_identity_kdf and len(messages) > 1:
            raise AssertionError("a data key of a suite without key derivation encrypted two messages")


def play(seed: int, *, threads: int, operations: int, peer: PythonPeer) -> Summary:
    """One round, from an empty cache to balanced counters.

    :raises AssertionError: something did not hold
    """
    this = Round(seed)
    fork_wanted = threading.Semaphore(0)
    children: list[Sent] = []

    def fork() -> None:
        for number in range(3):
            if fork_wanted.acquire(timeout=PATIENCE_SECONDS):
                children.extend(this.fork(number))

    at_once([partial(this.work, number, operations, fork_wanted.release) for number in range(threads)], meanwhile=fork)
    expect(set(), {message.data_key for message in children} & {message.data_key for message in this.sent}, "shared")
    check_limits(this.sent)
    this.check_books()
    this.sent += children
    this.check_messages(peer)
    return this.summary()
