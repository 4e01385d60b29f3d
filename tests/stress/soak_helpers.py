"""A round of the soak: the helpers with messages, records and tokens, from threads and from event loops at once.

Half of the threads call :mod:`warmkey`; each of the others runs an event loop with several tasks on
:mod:`warmkey.aio`. Clocks run, KMS fails and the cache is purged meanwhile. Every other round is over branch keys in
DynamoDB; in half of the rounds, tasks are cancelled too. Then each message is in the books once, by how it ended;
requests are those that the fakes counted; and everything that was sealed is opened again, by us and, of what it is
made, by the material providers library where that is installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import warmkey
from tests.interop.branch_key_peers import KeyStoreAddress, MaterialProviders
from tests.stress.books import HAS_PEER, FactCounter, Summary, at_once, expect
from warmkey import AuthenticationFailed, KeyUnavailable, MalformedMessage, PolicyRefused, TokenExpired, aio
from warmkey.branch_keys import BranchKeyConflict, BranchKeyStore
from warmkey.events import DynamoDbRequest, Operation
from warmkey.sealed.text import from_base64, from_base64url
from warmkey.testing import FakeDynamoDb, KmsSession, fake_kms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
TABLE = "branch-keys"
TENANTS = [f"tenant {number}" for number in range(3)]
FAULTS = ["throttled", "internal", "timeout", "denied", "disabled", "expired-credentials"]
SETTINGS: dict[str, Any] = {"max_age_seconds": 30, "max_messages_encrypted": 40, "cache_capacity": 20, "metrics": "off"}
WITH_BRANCH_KEYS: dict[str, Any] = {
    "branch_key_store_table": TABLE,
    "branch_key_context_key": "tenant",
    "branch_key_ttl_seconds": 30,
}
TASKS_PER_LOOP = 4
LARGE = 2**18 + 1  # what takes so long that it never runs in an event loop
READ_BY_THE_PEER = 40
WRITERS = {
    "message": ("encrypt", "decrypt"),
    "text": ("encrypt_text", "decrypt_text"),
    "record": ("seal_record", "unseal_record"),
    "token": ("seal_token", "open_token"),
}
# Which count of cache_info each class of error belongs to; what is none of them is a failure.
ENDS = {
    MalformedMessage: "malformed",
    AuthenticationFailed: "authentication_failures",
    PolicyRefused: "policy_refusals",
}


class Sealed(NamedTuple):
    """What came of one call, and what it has to come back as.

    ``ends`` and ``ended`` are when a token may end at the earliest, and must have ended.
    """

    kind: str
    value: Any
    given: Any
    tenant: str
    ends: float = float("inf")
    ended: float = float("inf")


@dataclass
class Round:
    """One round's world, and what its threads and tasks report."""

    seed: int
    session: KmsSession
    dynamodb: FakeDynamoDb | None
    cancelling: bool
    told: FactCounter = field(default_factory=FactCounter)
    sealed: list[Sealed] = field(default_factory=list)
    ended: list[tuple[Operation, str]] = field(default_factory=list)
    cancelled: list[Operation] = field(default_factory=list)
    rotated: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = self.session.clock
        self.store: BranchKeyStore | None = None
        if self.dynamodb is None:
            self.session.configure(**SETTINGS)
            return
        self.session.configure(dynamodb_client=self.dynamodb, **SETTINGS, **WITH_BRANCH_KEYS)
        self.store = BranchKeyStore(
            TABLE,
            kms_key_arn=self.session.key_arn,
            kms_client=self.session.client,
            dynamodb_client=self.dynamodb,
            emit=self.told,
        )
        self.store.create_table()
        for tenant in TENANTS:
            self.store.create_key(tenant, {"tenant": tenant})

    # --- who works

    def in_a_thread(self, thread: int, operations: int) -> None:
        """Call :mod:`warmkey`, in a thread without other tasks."""
        asyncio.run(self._work(random.Random(f"{self.seed}-{thread}"), operations, _blocking))

    def in_a_loop(self, thread: int, operations: int) -> None:
        """Call :mod:`warmkey.aio` from some tasks of one event loop."""

        async def tasks() -> None:
            choosers = [random.Random(f"{self.seed}-{thread}-{task}") for task in range(TASKS_PER_LOOP)]
            await asyncio.gather(*[self._work(each, operations // TASKS_PER_LOOP, self._awaiting) for each in choosers])

        asyncio.run(tasks())

    async def _awaiting(self, name: str, *arguments: Any, **options: Any) -> Any:
        call = asyncio.ensure_future(getattr(aio, name)(*arguments, **options))
        if self.cancelling and not hash((self.seed, len(self.ended))) % 7:
            await asyncio.sleep(0)
            call.cancel()
        return await call

    # --- what they do

    async def _work(self, choose: random.Random, operations: int, call: Callable[..., Awaitable[Any]]) -> None:
        mine: list[Sealed] = []
        for _ in range(operations):
            match choose.choices(["seal", "open", "rotate", "time", "purge", "fault"], [500, 400, 10, 30, 5, 15])[0]:
                case "seal":
                    await self._seal(choose, mine, call)
                case "open" if mine:
                    await self._open(choose, choose.choice(mine[-10:]), call)
                case "rotate" if self.store is not None:
                    self._rotate(self.store, choose.choice(TENANTS))
                case "time":
                    choose.choice([self.clock.tick] * 3 + [self.clock.tick_wall])(choose.choice([0.1, 1, 5, 11]))
                case "purge":
                    warmkey.purge()
                case "fault":
                    self._fail(choose)
                case _:
                    pass

    async def _seal(self, choose: random.Random, mine: list[Sealed], call: Callable[..., Awaitable[Any]]) -> None:
        kind, tenant = choose.choice(list(WRITERS)), choose.choice(TENANTS)
        given, arguments, options = _something(choose, kind)
        before = self.clock.now().wall
        with self._counted(ENCRYPT):
            value = await call(WRITERS[kind][0], *arguments, {"tenant": tenant}, **options)
            seconds = options.get("expires_in") or float("inf")
            ends, ended = before + seconds - 1, self.clock.now().wall + seconds
            mine.append(Sealed(kind, value, given, tenant, ends, ended))
            self.sealed.append(mine[-1])

    async def _open(self, choose: random.Random, one: Sealed, call: Callable[..., Awaitable[Any]]) -> None:
        """As its tenant or as another one, with the opener of its kind or of another kind."""
        tenant = choose.choice([one.tenant, one.tenant, "somebody else"])
        others = ["message", "token"] if isinstance(one.value, str) else ["message"]
        reader = one.kind if choose.random() < 0.9 else choose.choice(others)
        value = _message_in(one) if reader == "message" else one.value
        before = self.clock.now().wall
        with self._counted(DECRYPT):
            found = await call(WRITERS[reader][1], value, {"tenant": tenant})
            fits = reader == one.kind or {reader, one.kind} == {"message", "text"}
            if tenant != one.tenant or not fits or _as_bytes(found) != _as_bytes(one.given):
                raise AssertionError(f"a {one.kind} was opened as a {reader}, for another tenant, or wrongly")
            if before >= one.ended:
                raise AssertionError("a token was opened after its time")

    @contextlib.contextmanager
    def _counted(self, operation: Operation) -> Iterator[None]:
        """Note how a message of *operation* ended; errors that may come are no errors here."""
        try:
            yield
        except asyncio.CancelledError:
            self.cancelled.append(operation)
        except (KeyUnavailable, *ENDS) as error:
            ends = [end for kind, end in ENDS.items() if isinstance(error, kind)]
            self.ended.append((operation, ends[0] if ends else "failures"))
        else:
            self.ended.append((operation, "well"))

    def _fail(self, choose: random.Random) -> None:
        service = choose.choice([self.session.client, self.dynamodb or self.session.client])
        names = FAULTS if service is self.session.client else ["throttled", "internal", "timeout", "denied"]
        service.fail(error=choose.choice(names), times=choose.randint(1, 3))

    def _rotate(self, store: BranchKeyStore, tenant: str) -> None:
        with contextlib.suppress(BranchKeyConflict, KeyUnavailable):
            store.version_key(tenant)
            self.rotated.append(tenant)

    # --- the reckoning

    def check_books(self) -> None:
        """What the cache of the helpers says is what was asked for, and what the fakes counted."""
        _let_threads_end()
        warmkey.purge()
        info = warmkey.cache_info()
        expect(0, info.entries, "entries after the purge")
        kms = sum(sum(outcomes.values()) for outcomes in info.kms_requests.values())
        expect(self.session.client.count(), kms + self.told.requests(), "KMS requests")
        dynamodb = sum(sum(outcomes.values()) for outcomes in info.dynamodb_requests.values())
        if self.dynamodb is not None:
            expect(self.dynamodb.count(), dynamodb + self.told.requests(DynamoDbRequest), "DynamoDB requests")
        for operation, ends in ((ENCRYPT, info.encrypt), (DECRYPT, info.decrypt)):
            self._check_ends(operation, ends, None if info.branch_keys is None else info.branch_keys[operation])
        if self.dynamodb is None:
            cmm: Any = warmkey.default_cmm()
            expect(0, len(cmm._fetcher._flights), "flights after landing")
            misses = sum(sum(cmm.statistics(operation).misses.values()) for operation in Operation)
            expect(misses, sum(info.evictions.values()), "entries that left")

    def _check_ends(self, operation: Operation, ends: Any, branch_keys: Any) -> None:
        """Each message is in one count; those that ended well under branch keys are in the counts of these."""
        expected = Counter(end for kind, end in self.ended if kind is operation)
        found = Counter({name: getattr(ends, name) for name in ("failures", *ENDS.values(), "abandoned")})
        found["well"] = ends.hits + ends.coalesced + ends.calls
        cancelled = self.cancelled.count(operation)
        if branch_keys is not None:
            expect(0, found.pop("well"), "messages under branch keys that the data key cache served")
            served, well = branch_keys.requests - branch_keys.failures, expected.pop("well", 0)
            expect(well, served, "branch keys that served", atmost=True)
            # A token that has expired is refused when it was decrypted.
            needed = well + expected["policy_refusals"] + cancelled
            expect(served, needed, "messages that needed branch keys", atmost=True)
        for end in expected | found:
            expect(expected[end], found[end], f"{operation} that ended {end}", atmost=True)
            expect(
                found[end], expected[end] + cancelled, f"{operation} that ended {end}, or were cancelled", atmost=True
            )
        expect(found.total(), expected.total() + cancelled, "messages and calls that were cancelled", atmost=True)

    def check_contents(self) -> None:
        """Everything comes back, once nothing is cached and nothing fails; what some are made of, to the peer too."""
        for service in (self.session.client, self.dynamodb):
            if service is not None:
                service.heal()
        warmkey.purge()
        for one in self.sealed:
            try:
                found = getattr(warmkey, WRITERS[one.kind][1])(one.value, {"tenant": one.tenant})
            except TokenExpired:
                if self.clock.now().wall < one.ends:
                    raise AssertionError("a token ended before its time") from None
                continue
            expect(_as_bytes(one.given), _as_bytes(found), f"what is in a {one.kind}")
        if self.dynamodb is not None and HAS_PEER:
            self._check_with_the_peer(self.dynamodb)

    def _check_with_the_peer(self, dynamodb: FakeDynamoDb) -> None:
        peer = MaterialProviders(
            _Here(TABLE, TABLE, self.session.key_arn, "", {"kms": self.session.client, "dynamodb": dynamodb})
        )
        for one in self.sealed[-READ_BY_THE_PEER:]:
            opened = peer.decrypt(one.tenant, 0x0478, _message_in(one))
            if one.kind in ("message", "text"):
                expect(_as_bytes(one.given), opened, "plaintext of the peer")

    def summary(self) -> Summary:
        """What there was."""
        ends = Counter(end for _, end in self.ended)
        kinds = Counter(one.kind for one in self.sealed)
        return Summary(
            {
                "sealed": len(self.sealed),
                "records": kinds["record"],
                "tokens": kinds["token"],
                "calls that ended well": ends["well"],
                "policy refusals": ends["policy_refusals"],
                "failures": ends["failures"],
                "cancelled": len(self.cancelled),
                "rotations": len(self.rotated),
                "KMS requests": self.session.client.count(),
                "DynamoDB requests": 0 if self.dynamodb is None else self.dynamodb.count(),
            }
        )


async def _blocking(name: str, *arguments: Any, **options: Any) -> Any:
    return getattr(warmkey, name)(*arguments, **options)


def _something(choose: random.Random, kind: str) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """What to seal, how to say so, and with which options."""
    size = choose.choices([0, 10, 300, 5_000, LARGE], [10, 40, 40, 10, 1])[0]
    if kind == "message":
        data = choose.randbytes(size)
        return data, (data,), {}
    if kind == "record":
        record = {"id": str(choose.random()), "note": "x" * size, "lines": [{"n": number} for number in range(3)]}
        return record, (record, ["note", ("lines", 1, "n")]), {"bound_to": ["id"]}
    text = "é" * (size // 2)
    return text, (text,), {"expires_in": choose.choice([None, 5, 60])} if kind == "token" else {}


def _message_in(one: Sealed) -> bytes:
    """The message of which *one* is made."""
    match one.kind:
        case "record":
            return bytes(one.value["_sealed"])
        case "token":
            return from_base64url(one.value, where="token", writer="seal_token")
        case "text":
            return from_base64(one.value, where="text", writer="encrypt_text")
        case _:
            return bytes(one.value)


def _as_bytes(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _let_threads_end() -> None:
    """Wait until the threads of :mod:`warmkey.aio` have completed what cancelled calls began."""
    executor = aio._threads._executor
    if executor is not None:
        executor.shutdown(wait=True)
        aio._threads.reset()


@dataclass(frozen=True)
class _Here(KeyStoreAddress):
    """The table and the key of a round, in this process."""

    clients: dict[str, Any]

    def client(self, service: str) -> Any:
        return self.clients[service]


def play(seed: int, *, threads: int, operations: int, **_others: Any) -> Summary:
    """One round, from settings to balanced counters. The seed chooses branch keys and cancelling, too.

    :raises AssertionError: something did not hold
    """
    choose = random.Random(seed)
    dynamodb = FakeDynamoDb() if choose.random() < 0.5 else None
    with fake_kms() as session:
        os.environ["AWS_LAMBDA_LOG_LEVEL"] = "CRITICAL"  # until the session ends; what goes wrong here is meant to
        this = Round(seed, session, dynamodb, cancelling=choose.random() < 0.5)
        workers = [this.in_a_loop if number % 2 else this.in_a_thread for number in range(threads)]
        at_once([partial(work, number, operations) for number, work in enumerate(workers)])
        this.check_books()
        this.check_contents()
        return this.summary()
