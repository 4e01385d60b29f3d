"""What anybody can write leaves nothing behind: messages that fail verification are remembered nowhere.

A forged message is a real one with more encrypted data keys, another encryption context, or one changed bit, so that
its data key can be decrypted and the rest can't be verified.
"""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from warmkey import AlgorithmSuite, AuthenticationFailed, CachingCMM, Client, LocalCMC, WarmkeyError
from warmkey.data_format import header_cache
from warmkey.data_format.encrypted_data_keys import serialize_keys
from warmkey.data_format.encryption_context import serialize_aad
from warmkey.keyrings import RawAesKeyring
from warmkey.structures import EncryptedDataKey, EncryptionContext, encryption_context

if TYPE_CHECKING:
    from collections.abc import Callable

CONTEXT = {"tenant": "a"}
KEYRING = RawAesKeyring("namespace", "name", bytes(32))
UNSIGNED = AlgorithmSuite(0x0478)
START_LENGTH = 35
FORGERIES = 400


def caching() -> CachingCMM:
    return CachingCMM(cache=LocalCMC(1_000), keyring=KEYRING, max_age=60)


def a_message() -> bytes:
    return (
        Client().encrypt(b"x" * 100, keyring=KEYRING, encryption_context=CONTEXT, algorithm_suite=UNSIGNED).ciphertext
    )


MESSAGE = a_message()
HEADER = Client().decrypt(MESSAGE, keyring=KEYRING).header
SECTION = serialize_aad(HEADER.encryption_context) + serialize_keys(HEADER.encrypted_data_keys)
REST = MESSAGE[START_LENGTH + len(SECTION) :]


def with_section(context: EncryptionContext, keys: tuple[EncryptedDataKey, ...]) -> bytes:
    return MESSAGE[:START_LENGTH] + serialize_aad(context) + serialize_keys(keys) + REST


def small_junk_keys(number: int) -> bytes:
    junk = EncryptedDataKey(key_provider_id="p", key_provider_info=b"i", ciphertext=str(number).encode())
    return with_section(HEADER.encryption_context, (*HEADER.encrypted_data_keys, junk))


def large_junk_keys(number: int) -> bytes:
    content = number.to_bytes(5, "big") * 13_107
    junk = EncryptedDataKey(key_provider_id="p" * 65_535, key_provider_info=content, ciphertext=content)
    return with_section(HEADER.encryption_context, (*HEADER.encrypted_data_keys, junk, junk))


def a_damaged_body(number: int) -> bytes:
    at = -1 - number % 100
    return MESSAGE[:at] + bytes((MESSAGE[at] ^ 1,)) + MESSAGE[len(MESSAGE) + at + 1 :]


def bytes_left_over(_number: int) -> bytes:
    return MESSAGE + b"!"


FORGED = [small_junk_keys, large_junk_keys, a_damaged_body, bytes_left_over]


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    header_cache.forget_headers()
    encryption_context._contexts.reset()


@pytest.mark.parametrize("forge", FORGED, ids=lambda forge: forge.__name__)
def test_a_message_that_fails_is_remembered_nowhere(forge: Callable[[int], bytes]) -> None:
    cmm = caching()
    for number in range(3):
        for _ in range(2):  # the second finds the data key in the cache
            with pytest.raises(WarmkeyError):
                Client().decrypt(forge(number), cmm=cmm)

    assert not header_cache._sections
    assert header_cache._sections.latest[3] == ()
    assert not cmm._decryption._identifiers
    assert not encryption_context._contexts


def test_one_that_is_verified_is_remembered() -> None:
    cmm = caching()
    for _ in range(2):
        Client().decrypt(MESSAGE, cmm=cmm)

    assert len(header_cache._sections) == len(cmm._decryption._identifiers) == 1


@pytest.mark.parametrize("forge", FORGED, ids=lambda forge: forge.__name__)
def test_four_hundred_of_them_take_no_memory_that_stays(forge: Callable[[int], bytes]) -> None:
    """But for the entries of the cache, which are bounded by its capacity."""
    cmm = caching()
    Client().decrypt(MESSAGE, cmm=cmm)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(FORGERIES):
            with pytest.raises(WarmkeyError):
                Client().decrypt(forge(number), cmm=cmm)
            cmm.purge()
        gc.collect()
        left = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert left < 100_000


def test_a_remembered_header_vouches_for_none_that_only_resembles_it() -> None:
    cmm = caching()
    Client().decrypt(MESSAGE, cmm=cmm)
    Client().decrypt(MESSAGE, cmm=cmm)

    for at in range(len(MESSAGE)):
        changed = MESSAGE[:at] + bytes((MESSAGE[at] ^ 1,)) + MESSAGE[at + 1 :]
        with pytest.raises(WarmkeyError):
            Client().decrypt(changed, cmm=cmm)
    with pytest.raises(AuthenticationFailed):
        Client().decrypt(small_junk_keys(0), cmm=cmm)
    assert Client().decrypt(MESSAGE, cmm=cmm).plaintext == b"x" * 100
