"""What the rounds of the soak share: facts that are counted, threads that work at once, children that are forked."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import pickle
import select
import signal
import threading
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from warmkey import KeyUnavailable, PolicyRefused
from warmkey.events import CacheEviction, DynamoDbRequest, KmsRequest

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from warmkey.testing import SettableClock

PATIENCE_SECONDS = 60.0
SOMEBODY_ELSE = "somebody else"
# `make soak` and `make interop` have the material providers library.
HAS_PEER = importlib.util.find_spec("aws_cryptographic_material_providers") is not None

_Result = TypeVar("_Result")


class Summary(NamedTuple):
    """What a round was made of: counts by what they count."""

    counts: dict[str, int]

    def __str__(self) -> str:
        return ", ".join(f"{count} {what}" for what, count in self.counts.items())


class FactCounter:
    """Counts facts without a lock, which a forked child could inherit."""

    def __init__(self) -> None:
        self._counts: dict[Any, Any] = {}
        self.evictions: list[CacheEviction] = []

    def __call__(self, event: Any) -> None:
        if isinstance(event, CacheEviction):
            self.evictions.append(event)
        self._counts.setdefault(_about(event), itertools.count()).__next__()

    def total(self, kind: type, about: Any = None) -> int:
        """How many facts of *kind* there were; of requests those of one operation and outcome."""
        counter = self._counts.get((kind, about))
        return int(repr(counter)[6:-1]) if counter is not None else 0

    def requests(self, kind: type = KmsRequest) -> int:
        """How many requests there were to KMS or to DynamoDB, however they ended."""
        return sum(self.total(*each) for each in list(self._counts) if each[0] is kind)


def _about(event: Any) -> tuple[type, Any]:
    match event:
        case KmsRequest():
            return KmsRequest, (event.kms_operation, event.outcome)
        case DynamoDbRequest():
            return DynamoDbRequest, (event.dynamodb_operation, event.outcome)
        case _:
            return type(event), None


def expect(expected: object, actual: Any, what: str, *, atmost: bool = False) -> None:
    """:raises AssertionError: they differ (or *actual* is less, with *atmost*)"""
    if expected != actual and not (atmost and expected <= actual):  # type: ignore[operator]
        raise AssertionError(f"{what}: expected {expected!r:.80}, found {actual!r:.80}")


def let_time_pass(clock: SettableClock, choose: random.Random) -> None:
    """Mostly a little; at times a freeze, or a clock that is set."""
    move = choose.choice([clock.tick] * 6 + [clock.tick_wall, clock.tick_monotonic])
    seconds = choose.choice([0.1, 0.1, 1, 1, 5, 31])
    move(-seconds if move == clock.tick_wall and choose.random() < 0.5 else seconds)


def reader_of(choose: random.Random, tenant: str) -> str | None:
    """Who reads a message of *tenant*: nobody in particular, its tenant, or another one."""
    return choose.choice([None, tenant, tenant, SOMEBODY_ELSE])


def read(decrypt: Callable[[], bytes], plaintext: bytes, *, reader: str | None, refused: list[str]) -> None:
    """Read a message; it may be refused for want of a key, and must be for another tenant.

    :raises AssertionError: it was read for another tenant, or wrongly
    """
    try:
        found = decrypt()
    except KeyUnavailable as error:
        refused.append(str(error))
        return
    except PolicyRefused:
        if reader == SOMEBODY_ELSE:
            return
        raise
    if reader == SOMEBODY_ELSE or found != plaintext:
        raise AssertionError("a message was read for another tenant, or wrongly")


def at_once(workers: Sequence[Callable[[], object]], *, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Run each of *workers* in a thread, and *meanwhile* in this one.

    :raises AssertionError: one of them raised, or hangs
    """
    broken: list[BaseException] = []

    def guarded(worker: Callable[[], object]) -> None:
        try:
            worker()
        except BaseException as error:  # noqa: BLE001 - told below
            broken.append(error)

    threads = [threading.Thread(target=guarded, args=(worker,), daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    meanwhile()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
        expect(expected=False, actual=thread.is_alive(), what="a thread hangs")
    if broken:
        raise AssertionError(f"a thread broke: {broken[0]!r}") from broken[0]


def in_a_child(work: Callable[[], _Result]) -> _Result:
    """Return what *work* returns in a forked child.

    :raises AssertionError: it raised there, or hung
    """
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads is what it is about
        child = os.fork()
    if child == 0:
        answer = b""
        try:
            answer = pickle.dumps(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the parent
            answer = pickle.dumps(AssertionError(f"in a forked child: {error!r}"))
        finally:
            with contextlib.suppress(BaseException), os.fdopen(write, "wb") as answers:
                answers.write(answer)
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answers:
        if not select.select([answers], [], [], PATIENCE_SECONDS)[0]:
            os.kill(child, signal.SIGKILL)
        answer = answers.read()
    os.waitpid(child, 0)
    result: _Result | BaseException = pickle.loads(answer) if answer else AssertionError("a forked child hung")
    if isinstance(result, BaseException):
        raise result
    return result
