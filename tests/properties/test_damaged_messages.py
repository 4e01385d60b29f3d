"""Some 24,000 damaged messages of all suites: none is accepted, and only our own errors come out.

The same for streams, and for every way to hold the message. Memory stays in proportion to the message.
"""

from __future__ import annotations

import io
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from tests.properties.damage import Damaged, damages, dissect, garbage
from tests.vectors.forge import SUITES, Forgery
from tests.vectors.readers import COMMITTING, KEYRING
from warmkey import CachingCMM, DefaultCMM, LocalCMC, WarmkeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVERY_SUITE = pytest.mark.parametrize("suite_id", SUITES, ids=hex)
LAYOUTS = pytest.mark.parametrize("framed", [True, False], ids=["framed", "non-framed"])
PLAINTEXT = b"plaintext!" * 5
PAIRS = [(b"purpose", b"test"), (b"tenant", b"a")]


def message(suite_id: int, *, framed: bool, number: int = 1, data_key: bytes | None = None) -> bytes:
    message_id = bytes((number,)) * SUITES[suite_id].message_id_length
    forgery = Forgery(suite_id=suite_id, framed=framed, pairs=PAIRS, message_id=message_id, data_key=data_key)
    return forgery.message(PLAINTEXT + bytes((number,)))


def damaged(suite_id: int, *, framed: bool, every_bit: bool = False) -> Iterator[Damaged]:
    others = [
        message(suite_id, framed=framed, number=2),
        message(suite_id, framed=framed, number=3, data_key=b"\x33" * SUITES[suite_id].key_length),
    ]
    yield from damages(message(suite_id, framed=framed), others=others, every_bit=every_bit)
    yield from garbage(suite_id, 100)


def offences(decrypt: Callable[[bytes], object], candidates: Iterator[Damaged]) -> list[str]:
    """What was accepted, or failed with anything but an error of ours."""
    found = []
    for what, candidate in candidates:
        try:
            decrypt(candidate)
        except WarmkeyError:
            continue
        except Exception as error:  # noqa: BLE001 - that is the question
            found.append(f"{what}: {error!r}")
        else:
            found.append(f"{what}: accepted")
    return found


@EVERY_SUITE
@LAYOUTS
def test_the_undamaged_message_is_accepted(suite_id: int, framed: bool) -> None:
    """Or all of this would prove nothing."""
    original = message(suite_id, framed=framed)

    assert COMMITTING.decrypt(original, keyring=KEYRING).plaintext == PLAINTEXT + b"\x01"
    assert len(dissect(original).frames) == (4 if framed else 1)
    assert sum(1 for _ in damaged(suite_id, framed=framed)) > 900


# spec: client-apis/decrypt.md#authenticated-data 5ec4
# spec: client-apis/decrypt.md#behavior 8696 7c9b
@EVERY_SUITE
@LAYOUTS
def test_no_damaged_message_is_accepted(suite_id: int, framed: bool) -> None:
    decrypt = lambda candidate: COMMITTING.decrypt(candidate, keyring=KEYRING)  # noqa: E731

    assert offences(decrypt, damaged(suite_id, framed=framed)) == []


@EVERY_SUITE
@LAYOUTS
def test_nor_by_a_warm_cache(suite_id: int, framed: bool) -> None:
    cmm = CachingCMM(cache=LocalCMC(100), max_age=60, keyring=KEYRING)
    original = message(suite_id, framed=framed)
    context = {"tenant": "a"}
    COMMITTING.decrypt(original, cmm=cmm, encryption_context=context)

    def decrypt(candidate: bytes) -> object:
        return COMMITTING.decrypt(candidate, cmm=cmm, encryption_context=context)

    assert offences(decrypt, damaged(suite_id, framed=framed)) == []
    assert COMMITTING.decrypt(original, cmm=cmm, encryption_context=context).plaintext == PLAINTEXT + b"\x01"


# spec: client-apis/decrypt.md#authenticated-data 5ec4
# spec: client-apis/decrypt.md#behavior 7c9b
# spec: client-apis/decrypt.md#decrypt-the-message-body 3da2
@EVERY_SUITE
@LAYOUTS
def test_nor_by_a_stream_which_gives_away_no_more_than_verified_frames(suite_id: int, framed: bool) -> None:
    whole = {PLAINTEXT + bytes((number,)) for number in (1, 2, 3)}
    allowed = {plaintext[:end] for plaintext in whole for end in range(0, len(PLAINTEXT), 16 if framed else 1_000)}

    def decrypt(candidate: bytes) -> None:
        released = io.BytesIO()
        try:
            with COMMITTING.decrypt_stream(io.BytesIO(candidate), keyring=KEYRING) as stream:
                while piece := stream.read(16):
                    released.write(piece)
        finally:
            if released.getvalue() not in allowed | whole:
                raise AssertionError("released what it had not verified")

    assert offences(decrypt, damaged(suite_id, framed=framed)) == []


@pytest.mark.parametrize("suite_id", [0x0014, 0x0178, 0x0478], ids=hex)
@LAYOUTS
def test_every_single_bit_counts(suite_id: int, framed: bool) -> None:
    decrypt = lambda candidate: COMMITTING.decrypt(candidate, keyring=KEYRING)  # noqa: E731

    assert offences(decrypt, damaged(suite_id, framed=framed, every_bit=True)) == []


@pytest.mark.parametrize("hold", [bytearray, memoryview], ids=lambda hold: hold.__name__)
def test_nor_in_another_kind_of_buffer(hold: Callable[[bytes], bytearray | memoryview]) -> None:
    decrypt = lambda candidate: COMMITTING.decrypt(hold(candidate), keyring=KEYRING)  # noqa: E731

    assert offences(decrypt, damaged(0x0578, framed=True)) == []


@pytest.mark.parametrize("suite_id", [0x0178, 0x0578], ids=hex)
@LAYOUTS
def test_memory_is_in_proportion(suite_id: int, framed: bool) -> None:
    """Whatever lengths and counts it claims, refusing a message takes a small multiple of it."""
    cmm = DefaultCMM(KEYRING)
    candidates = list(damaged(suite_id, framed=framed))[::5]
    offences(lambda candidate: COMMITTING.decrypt(candidate, cmm=cmm), iter(candidates))
    excessive = []
    tracemalloc.start()
    for what, candidate in candidates:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        try:
            COMMITTING.decrypt(candidate, cmm=cmm)
        except WarmkeyError:
            peak = tracemalloc.get_traced_memory()[1] - before
            if peak > 10 * len(candidate) + 50_000:
                excessive.append(f"{what}: {peak} bytes")
    tracemalloc.stop()

    assert excessive == []
