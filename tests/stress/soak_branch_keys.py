"""A round of the soak: messages under branch keys, while branch keys are rotated.

Threads encrypt and decrypt over hierarchical keyrings with and without a cache in common, one of them below a caching
CMM, while clocks jump, KMS and DynamoDB fail, branch keys are rotated, entries purged and processes forked. Then the
table holds a version for each rotation that succeeded; every message has a data key of its own, under a version that
was not superseded for longer than a time to live; requests are those that the fakes counted; and every message is read
by ourselves and, where it is installed, by the material providers library.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.interop.branch_key_peers import KeyStoreAddress, MaterialProviders
from tests.stress.books import (
    HAS_PEER,
    SOMEBODY_ELSE,
    FactCounter,
    Summary,
    at_once,
    expect,
    in_a_child,
    let_time_pass,
    read,
    reader_of,
)
from warmkey import AlgorithmSuite, CachingCMM, Client, CommitmentPolicy, KeyUnavailable, LocalCMC
from warmkey.branch_keys import AwsKmsHierarchicalKeyring, BranchKeyConflict, BranchKeyStore
from warmkey.branch_keys.wrapping import version_in
from warmkey.events import BranchKeyEviction, BranchKeyMiss, DynamoDbRequest, Operation
from warmkey.testing import FakeDynamoDb, FakeKms, SettableClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from warmkey import EncryptionContext

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
TABLE, LOGICAL_NAME = "branch-keys", "soak"
TENANTS = [f"tenant {number}" for number in range(3)]
KMS_FAULTS = ["throttled", "internal", "timeout", "denied", "disabled", "expired-credentials", "short-plaintext"]
DYNAMODB_FAULTS = ["throttled", "internal", "timeout", "denied", "conflict", "expired-credentials"]
SUITES = [0x0478, 0x0478, 0x0478, 0x0578]
CLIENT = Client(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
# The first two share a cache and a partition, the third has a cache of its own, the fourth is below a caching CMM.
MEMBERS: list[dict[str, Any]] = [
    {"ttl_seconds": 60, "partition_id": "shared"},
    {"ttl_seconds": 10, "ttl_jitter": 0.5, "partition_id": "shared"},
    {"ttl_seconds": 30},
    {"ttl_seconds": 20, "partition_id": "below a cache"},
]
CACHED, CACHED_AGE = 3, 15
READ_BY_THE_PEER = 40


class Sent(NamedTuple):
    """A message and how it came to be; ``begun`` is when it was asked for, on the monotonic clock."""

    ciphertext: bytes
    plaintext: bytes
    tenant: str
    member: int
    version: str
    data_key: bytes
    begun: float


@dataclass
class Round:
    """One round's world, and what its threads report."""

    seed: int
    clock: SettableClock = field(default_factory=SettableClock)
    kms: FakeKms = field(default_factory=FakeKms)
    dynamodb: FakeDynamoDb = field(default_factory=FakeDynamoDb)
    told: FactCounter = field(default_factory=FactCounter)
    sent: list[Sent] = field(default_factory=list)
    asked: list[tuple[int, Operation]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    rotated: list[str] = field(default_factory=list)
    came_second: list[str] = field(default_factory=list)
    superseded: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key_arn = self.kms.create_key()
        self.store = self.another_store(emit=self.told)
        self.store.create_table()
        for tenant in TENANTS:
            self.store.create_key(tenant, {"tenant": tenant})
        self.cache = LocalCMC(30, clock=self.clock, emit=self.told)
        self.keyrings = [
            self.keyring(self.store, **({"cache": self.cache} if "partition_id" in member else {}), **member)
            for member in MEMBERS
        ]
        self.data_keys = LocalCMC(10, clock=self.clock, emit=self.told)
        self.cmm = CachingCMM(
            cache=self.data_keys,
            keyring=self.keyrings[CACHED],
            max_age=CACHED_AGE,
            max_messages_encrypted=5,
            clock=self.clock,
            emit=self.told,
        )

    def another_store(self, **options: Any) -> BranchKeyStore:
        return BranchKeyStore(
            TABLE,
            logical_key_store_name=LOGICAL_NAME,
            kms_key_arn=self.key_arn,
            kms_client=self.kms,
            dynamodb_client=self.dynamodb,
            **options,
        )

    def keyring(self, store: BranchKeyStore, **options: Any) -> AwsKmsHierarchicalKeyring:
        return AwsKmsHierarchicalKeyring(
            store, branch_key_id_supplier=tenant_of, clock=self.clock, emit=self.told, **options
        )

    # --- what a thread does

    def work(self, thread: int, operations: int) -> None:
        """*operations* things at random."""
        choose, mine = random.Random(f"{self.seed}-{thread}"), list[Sent]()
        for _ in range(operations):
            self.one_thing(choose, mine)

    def one_thing(self, choose: random.Random, mine: list[Sent]) -> None:
        """One step of one thread."""
        match choose.choices(["encrypt", "decrypt", "rotate", "time", "purge", "fault"], [600, 300, 15, 30, 5, 20])[0]:
            case "encrypt":
                self.encrypt(choose, mine)
            case "decrypt" if mine:
                self.decrypt(choose, choose.choice(mine[-10:]))
            case "rotate":
                self.rotate(choose.choice(TENANTS))
            case "time":
                let_time_pass(self.clock, choose)
            case "purge":
                choose.choice([self.cache.purge, self.cache.prune, *[keyring.purge for keyring in self.keyrings]])()
            case "fault" if choose.random() < 0.5:
                self.kms.fail(error=choose.choice(KMS_FAULTS), times=choose.randint(1, 3))
            case "fault":
                self.dynamodb.fail(error=choose.choice(DYNAMODB_FAULTS), times=choose.randint(1, 3))
            case _:
                pass

    def giver(self, member: int) -> dict[str, Any]:
        return {"cmm": self.cmm} if member == CACHED else {"keyring": self.keyrings[member]}

    def encrypt(self, choose: random.Random, mine: list[Sent]) -> None:
        """A message of some tenant."""
        member, tenant = choose.randrange(len(MEMBERS)), choose.choice(TENANTS)
        plaintext = choose.randbytes(choose.choice([0, 1, 100, 1_000, 5_000]))
        begun = self.clock.now().monotonic
        self.asked.append((member, ENCRYPT))
        try:
            result = CLIENT.encrypt(
                plaintext,
                encryption_context={"tenant": tenant},
                algorithm_suite=AlgorithmSuite(choose.choice(SUITES)),
                **self.giver(member),
            )
        except KeyUnavailable as error:
            self.refused.append(str(error))
            return
        [key] = result.header.encrypted_data_keys
        version = str(uuid.UUID(bytes=version_in(key.ciphertext)))
        mine.append(Sent(result.ciphertext, plaintext, tenant, member, version, key.ciphertext, begun))
        self.sent.append(mine[-1])

    def decrypt(self, choose: random.Random, message: Sent) -> None:
        """Read a message: as its tenant, as nobody in particular, or as another tenant."""
        reader = reader_of(choose, message.tenant)
        context = {} if reader is None else {"tenant": reader}
        member = choose.randrange(len(MEMBERS))
        if member == CACHED or reader != SOMEBODY_ELSE:  # which the default CMM refuses, above its keyring
            self.asked.append((member, DECRYPT))
        read(
            lambda: CLIENT.decrypt(message.ciphertext, encryption_context=context, **self.giver(member)).plaintext,
            message.plaintext,
            reader=reader,
            refused=self.refused,
        )

    def rotate(self, tenant: str) -> None:
        """Make a new version, and note when which ones were no longer the active one."""
        try:
            self.store.version_key(tenant)
        except BranchKeyConflict:
            self.came_second.append(tenant)
            return
        except KeyUnavailable as error:
            self.refused.append(str(error))
            return
        self.rotated.append(tenant)
        active, *every = self.versions(tenant)
        now = self.clock.now().monotonic
        for version in every:
            if version != active:
                self.superseded.setdefault(version, now)

    def versions(self, tenant: str) -> list[str]:
        """The active version, then all of them, straight from the table."""
        found = [item for item in self.dynamodb.items(TABLE) if item["branch-key-id"]["S"] == tenant]
        active = [item["version"]["S"] for item in found if item["type"]["S"] == "branch:ACTIVE"]
        every = [item["type"]["S"] for item in found if item["type"]["S"].startswith("branch:version:")]
        return [name.removeprefix("branch:version:") for name in active + every]

    # --- processes

    def fork(self) -> list[Sent]:
        """What a child sent, that was forked from among the running threads and asked for its branch keys anew."""
        return in_a_child(self._child)

    def _child(self) -> list[Sent]:
        self.kms.heal()
        self.dynamodb.heal()
        self.kms.clear_calls()
        choose, mine = random.Random(f"{self.seed}-child"), list[Sent]()
        self.refused.clear()
        for _ in range(60):
            self.encrypt(choose, mine)
            self.decrypt(choose, choose.choice(mine))
        expect([], self.refused, "refusals")
        used = {(message.tenant, MEMBERS[message.member].get("partition_id", "alone")) for message in mine}
        expect(len(used), self.kms.count("Decrypt"), "branch keys that a child asked for", atmost=True)
        return mine

    # --- the reckoning

    def check_books(self) -> None:
        """Statistics, facts, the counts of both services and the table say the same."""
        for cache in (self.cache, self.data_keys):
            cache.purge()
            expect(0, len(cache), "entries after the purge")
        self.keyrings[2].purge()
        expect(self.kms.count(), self.told.requests(), "KMS requests")
        expect(self.dynamodb.count(), self.told.requests(DynamoDbRequest), "DynamoDB requests")
        misses, failures = self._check_statistics()
        expect(misses, self.told.total(BranchKeyMiss), "branch keys that were asked for")
        expect(misses, self.told.total(BranchKeyEviction), "branch keys that left the caches", atmost=True)
        read = self.dynamodb.count("GetItem") - len(self.rotated) - len(self.came_second)
        expect(misses, read, "items read", atmost=True)
        expect(read, misses + failures + len(self.refused), "reasons to read items", atmost=True)
        expect(0, sum(len(keyring._keys._flights) for keyring in self.keyrings), "flights after landing")
        self._check_table()

    def _check_statistics(self) -> tuple[int, int]:
        asked = Counter(self.asked)
        misses = failures = 0
        for member, keyring in enumerate(self.keyrings):
            for operation in Operation:
                statistics = keyring.statistics(operation)
                misses += statistics.calls
                failures += statistics.failures
                if member == CACHED:
                    above = self.cmm.statistics(operation)
                    expect(asked[member, operation], above.requests, "requests in the books of the caching CMM")
                    expect(above.calls, statistics.requests, "requests below the caching CMM", atmost=True)
                else:
                    expect(asked[member, operation], statistics.requests, "requests in the books")
        return misses, failures

    def _check_table(self) -> None:
        rotated = Counter(self.rotated)
        for tenant in TENANTS:
            active, *every = self.versions(tenant)
            expect(1 + rotated[tenant], len(every), "versions in the table")
            expect(expected=True, actual=active in every, what="the active version is one of them")
        expect(2 * len(TENANTS) + len(TENANTS) + len(self.rotated), len(self.dynamodb.items(TABLE)), "items")

    def check_versions(self) -> None:
        """No data key is used twice, and no version for longer than a time to live after it was superseded."""
        versions = {tenant: set(self.versions(tenant)) for tenant in TENANTS}
        uncached = [message.data_key for message in self.sent if message.member != CACHED]
        expect(len(uncached), len(set(uncached)), "data keys")
        for message in self.sent:
            expect(expected=True, actual=message.version in versions[message.tenant], what="a version of the tenant's")
            longest = MEMBERS[message.member]["ttl_seconds"] + (CACHED_AGE if message.member == CACHED else 0)
            late = message.begun - self.superseded.get(message.version, message.begun)
            if late >= longest:
                raise AssertionError(f"a version was used {late} s after it was superseded, {longest} are allowed")

    def check_messages(self) -> None:
        """Every message is read by a keyring that remembers nothing, and some by the material providers library."""
        self.kms.heal()
        self.dynamodb.heal()
        keyring = self.keyring(self.another_store(), ttl_seconds=3_600)
        for message in self.sent:
            expect(message.plaintext, CLIENT.decrypt(message.ciphertext, keyring=keyring).plaintext, "plaintext")
        if not HAS_PEER:
            return
        peer = MaterialProviders(_Here(TABLE, LOGICAL_NAME, self.key_arn, "", self))
        for message in self.sent[-READ_BY_THE_PEER:]:
            opened = peer.decrypt(message.tenant, 0x0478, message.ciphertext)
            expect(message.plaintext, opened, "plaintext of the peer")

    def summary(self) -> Summary:
        """What there was."""
        statistics = [keyring.statistics(operation) for keyring in self.keyrings for operation in Operation]
        return Summary(
            {
                "messages": len(self.sent),
                "hits": sum(each.hits for each in statistics),
                "rotations": len(self.rotated),
                "that came second": len(self.came_second),
                "KMS requests": self.kms.count(),
                "DynamoDB requests": self.dynamodb.count(),
                "refused by faults": len(self.refused),
            }
        )


@dataclass(frozen=True)
class _Here(KeyStoreAddress):
    """The table and the key of a round, in this process."""

    round: Round

    def client(self, service: str) -> Any:
        return self.round.kms if service == "kms" else self.round.dynamodb


def tenant_of(context: EncryptionContext) -> str:
    """Which branch key is for *context*."""
    return context["tenant"]


def play(seed: int, *, threads: int, operations: int, **_others: Any) -> Summary:
    """One round, from branch keys that are new to balanced counters.

    :raises AssertionError: something did not hold
    """
    # A child that is forked while a thread imports something waits for that import for ever, so all of it comes first.
    Round(seed).work(0, 200)
    this = Round(seed)
    children: list[Sent] = []
    work: list[Callable[[], object]] = [partial(this.work, number, operations) for number in range(threads)]
    at_once(work, meanwhile=lambda: children.extend(this.fork()))
    this.check_books()
    expect(set(), {each.data_key for each in children} & {each.data_key for each in this.sent}, "data keys in common")
    this.sent += children
    this.check_versions()
    this.check_messages()
    return this.summary()
