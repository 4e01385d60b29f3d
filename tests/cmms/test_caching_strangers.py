"""What a message that anybody can write leaves behind in a cache: nothing once it failed, and little until then."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from tests.cmms.stage import UNSIGNED, Dictionary, Stage, decrypt_request, encrypt_request, outcomes
from warmkey import AuthenticationFailed, CacheEntry, Client, EncryptedDataKey, LocalCMC
from warmkey.caches import entry_content
from warmkey.caches.entry_content import MAX_ENTRY_BYTES
from warmkey.clock import SystemClock
from warmkey.cmms import RequiredEncryptionContextCMM
from warmkey.cmms.context_keys_guard import ContextKeysGuardCMM
from warmkey.data_format.message_header import read_header
from warmkey.events import EvictionReason, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator

DECRYPT = Operation.DECRYPT
JUNK = 65_500
CONTEXT = {"tenant": "a"}


def forged(message: bytes, number: int, *, junk_keys: int = 4) -> bytes:
    """*message* with more encrypted data keys, which nobody can decrypt, behind its own."""
    header = read_header(message)
    start = 1 + 2 + 32
    context_end = start + 2 + int.from_bytes(message[start : start + 2], "big")
    keys_end = header.body_length - 1 - 4 - 32
    field = JUNK.to_bytes(2, "big") + b"%5d" % number + b"j" * (JUNK - 5)
    count = (1 + junk_keys).to_bytes(2, "big")
    return (
        message[:context_end] + count + message[context_end + 2 : keys_end] + 3 * field * junk_keys + message[keys_end:]
    )


def caching_clients(stage: Stage) -> Iterator[Any]:
    yield stage.cmm()
    yield RequiredEncryptionContextCMM(["tenant"], cmm=stage.cmm())
    yield ContextKeysGuardCMM(stage.cmm(), ["tenant"])
    yield stage.cmm(cmm=stage.cmm())
    yield stage.cmm(cache=Dictionary())


WAYS = pytest.mark.parametrize("way", range(5), ids=["alone", "below another CMM", "guarded", "nested", "own cache"])


def read(message: bytes, cmm: Any, *, stream: bool) -> bytes:
    client = Client(max_encrypted_data_keys=5)
    if stream:
        return bytes(client.decrypt_stream(message, cmm=cmm, encryption_context=CONTEXT).read())
    return client.decrypt(message, cmm=cmm, encryption_context=CONTEXT).plaintext


def message_of(stage: Stage) -> bytes:
    return Client().encrypt(b"x", cmm=stage.below, encryption_context=CONTEXT, algorithm_suite=UNSIGNED).ciphertext


@WAYS
@pytest.mark.parametrize("stream", [False, True])
def test_a_message_that_fails_verification_leaves_no_entry(way: int, stream: bool) -> None:
    stage = Stage()
    cmm = list(caching_clients(stage))[way]
    message = message_of(stage)
    if way == 1:
        message = (
            Client()
            .encrypt(b"x", cmm=RequiredEncryptionContextCMM(["tenant"], cmm=stage.below), encryption_context=CONTEXT)
            .ciphertext
        )
    damaged = bytearray(message)
    damaged[read_header(message).length - 1] ^= 1
    with pytest.raises(AuthenticationFailed):
        read(bytes(damaged), cmm, stream=stream)
    cache = stage.cache if way != 4 else cmm.cache.entries

    assert len(cache) == 0
    assert read(message, cmm, stream=stream) == b"x"
    assert len(cache) > 0


def test_a_message_that_fails_evicts_no_entry_that_others_use() -> None:
    stage = Stage()
    cmm = stage.cmm()
    message = message_of(stage)
    damaged = bytearray(message)
    damaged[read_header(message).length - 1] ^= 1
    for _ in range(2):
        assert read(message, cmm, stream=False) == b"x"
        with pytest.raises(AuthenticationFailed):
            read(bytes(damaged), cmm, stream=False)

    assert outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 1, "hits": 3}
    assert stage.evictions == []


def test_many_forged_copies_of_a_message_evict_nobody() -> None:
    stage = Stage(capacity=3)
    cmm = stage.cmm()
    message = message_of(stage)
    cmm.decrypt_materials(decrypt_request(stage.materials()))
    for number in range(20):
        with pytest.raises(AuthenticationFailed):
            read(forged(message, number, junk_keys=1), cmm, stream=False)

    assert len(stage.cache) == 1
    assert set(stage.evictions) == {EvictionReason.DELETED}


def pinned_by(stage: Stage, messages: Iterator[bytes], read_one: Any) -> float:
    """How many MB of memory are in use afterwards that were not before."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for message in messages:
            read_one(message)
        stage.seen.events.clear()
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("forgotten", [True, False], ids=["forgotten", "by a CMM that is not told"])
def test_forged_copies_of_a_message_pin_no_memory(monkeypatch: pytest.MonkeyPatch, *, forgotten: bool) -> None:
    stage = Stage(capacity=1000)
    cmm = stage.cmm()
    message = message_of(stage)
    if not forgotten:
        monkeypatch.delattr(type(cmm), "forget_unverified")

    def read_one(each: bytes) -> None:
        with pytest.raises(AuthenticationFailed):
            read(each, cmm, stream=False)
        stage.below.decrypt_requests.clear()

    megabytes = pinned_by(stage, (forged(message, number) for number in range(100)), read_one)

    assert len(stage.cache) == (0 if forgotten else 100)
    assert megabytes < 3


def test_all_entries_together_keep_a_bounded_part_of_their_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warmkey.caches.local.MAX_CACHE_BYTES", 10_000)
    assert entry_content.MAX_CACHE_BYTES == 2**21
    stage = Stage(capacity=8)
    cmm = stage.cmm()
    for number in range(20):
        cmm.get_encryption_materials(encrypt_request(1, {f"document {number}": "d" * 2_900}))
    kept = [entry.content.size for entry in stage.cache._entries.values()]

    assert sum(kept) <= 10_000
    assert 0 < kept.count(0) < 8
    cmm.get_encryption_materials(encrypt_request(1, {"document 19": "d" * 2_900}))
    cmm.get_encryption_materials(encrypt_request(1, {"document 15": "d" * 2_900}))
    assert stage.below.calls == 20, "whatever an entry keeps, it goes on serving"


def test_an_entry_says_how_much_it_keeps() -> None:
    key = EncryptedDataKey(key_provider_id="p", key_provider_info=b"i", ciphertext=b"c" * (MAX_ENTRY_BYTES - 10))
    content = entry_content.EntryContent([key], b"12345678")
    entry = CacheEntry(
        Stage().materials(), operation=DECRYPT, created=SystemClock().now(), time_to_live=60, content=content
    )
    LocalCMC(1).put_cache_entry(b"a", entry)

    assert content.size == MAX_ENTRY_BYTES
    content.keep_digest_only()
    content.keep_digest_only()
    assert (content.size, content.is_of([key], b"12345678")) == (0, True)
