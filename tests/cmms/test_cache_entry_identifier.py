"""Cache entry identifiers: known answers, put together from the specification's formulas byte by byte."""

from __future__ import annotations

import hashlib
import itertools
import struct
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cmms.stage import Stage, decrypt_request, encrypt_request, in_threads
from warmkey import AlgorithmSuite, EncryptedDataKey, EncryptionContext
from warmkey.cmms import cache_entry_identifier
from warmkey.cmms.cache_entry_identifier import (
    DecryptIdentifiers,
    EncryptIdentifiers,
    decrypt_identifier,
    encrypt_identifier,
)
from warmkey.keyrings import RawAesKeyring
from warmkey.structures import VerifiedKeys

if TYPE_CHECKING:
    from collections.abc import Sequence

UNSIGNED, SIGNED = AlgorithmSuite(0x0478), AlgorithmSuite(0x0578)


def serialized(pairs: dict[str, str]) -> bytes:
    return EncryptionContext.of(pairs).serialized


def edk(provider: str, info: bytes, ciphertext: bytes) -> EncryptedDataKey:
    return EncryptedDataKey(key_provider_id=provider, key_provider_info=info, ciphertext=ciphertext)


# The formulas, written down a second time: nothing here comes from the package.


def context_bytes(pairs: dict[str, str]) -> bytes:
    encoded = sorted((key.encode("utf-8"), value.encode("utf-8")) for key, value in pairs.items())
    if not encoded:
        return b""
    fields = b"".join(struct.pack(">H", len(part)) + part for pair in encoded for part in pair)
    return struct.pack(">H", len(encoded)) + fields


def edk_bytes(key: EncryptedDataKey) -> bytes:
    parts = key.key_provider_id.encode("utf-8"), key.key_provider_info, key.ciphertext
    return b"".join(struct.pack(">H", len(part)) + part for part in parts)


def expected_encrypt(partition: str, suite: AlgorithmSuite | None, pairs: dict[str, str]) -> bytes:
    fields = [b"\x01", b"\x01", partition.encode("utf-8")]
    fields += [b"\x00"] if suite is None else [b"\x01", struct.pack(">H", suite.value)]
    return hashlib.sha384(b"\x00".join([*fields, context_bytes(pairs)])).digest()


def expected_decrypt(
    partition: str, suite: AlgorithmSuite, keys: Sequence[EncryptedDataKey], pairs: dict[str, str]
) -> bytes:
    fields = [b"\x01", b"\x02", partition.encode("utf-8"), struct.pack(">H", suite.value)]
    return hashlib.sha384(
        b"\x00".join([*fields, b"".join(sorted(map(edk_bytes, keys))), context_bytes(pairs)])
    ).digest()


# Known answers: `printf '…' | sha384sum` over bytes written by hand.
KNOWN = {
    "neither": "43766942581f3f2ff9aae169e60a75440c8dbf345b5b23aac8621b2eb8e0f71a7d39d9d06984fb1a0cd34932fade10b9",
    "no suite": "f86633792f46dee423a8a45abb8fe99ebc26bec45085a016eebd865dcdfd55aabafa8a4c7009df70afbdc77e72440178",
    "suite": "06aff1d42269a60bd3d28d70c6473e54b5b4c7c3345dd83630e069bc4309f2cb9ae9225ff445a39f6c5864728b3cc217",
    "decryption": "c2efa6572c136932618a0c2f6f2ae719cac9977697bae17eeecdbc3829b66b6d40d1fac4a5a7717e997816acd9b70b6c",
}


def test_the_answer_for_no_suite_and_no_context() -> None:
    by_hand = b"\x01\x00\x01\x00part\x00\x00\x00"

    assert encrypt_identifier("part", None, serialized({})) == hashlib.sha384(by_hand).digest()
    assert hashlib.sha384(by_hand).hexdigest() == KNOWN["neither"]


# spec: framework/caching-cmm.md#encryption-materials-without-algorithm-suite 8bf5 03fe f000 001d 8c46
# spec: framework/caching-cmm.md#resource-suffix e418
def test_the_answer_for_no_suite_and_a_context() -> None:
    by_hand = b"\x01\x00\x01\x00part\x00\x00\x00" + b"\x00\x02" + b"\x00\x01a\x00\x011" + b"\x00\x01b\x00\x0222"

    assert encrypt_identifier("part", None, serialized({"b": "22", "a": "1"})).hex() == KNOWN["no suite"]
    assert hashlib.sha384(by_hand).hexdigest() == KNOWN["no suite"]


# spec: framework/caching-cmm.md#encryption-materials-with-algorithm-suite c5ee 03fe f000 372f 5d97 8c46
# spec: framework/caching-cmm.md#resource-suffix e418
def test_the_answer_for_a_suite() -> None:
    by_hand = b"\x01\x00\x01\x00part\x00\x01\x00\x04\x78\x00" + b"\x00\x01\x00\x01a\x00\x011"

    assert encrypt_identifier("part", UNSIGNED, serialized({"a": "1"})).hex() == KNOWN["suite"]
    assert hashlib.sha384(by_hand).hexdigest() == KNOWN["suite"]


# spec: framework/caching-cmm.md#decryption-materials 67ff 03fe b94e 5d97 fa92 8c46
# spec: framework/caching-cmm.md#resource-suffix e418
def test_the_answer_for_a_decryption() -> None:
    one = b"\x00\x02p1\x00\x01i\x00\x03abc"
    two = b"\x00\x01p\x00\x02i2\x00\x02de"
    by_hand = b"\x01\x00\x02\x00part\x00\x05\x78\x00" + two + one + b"\x00" + b"\x00\x01\x00\x01a\x00\x011"
    keys = edk("p1", b"i", b"abc"), edk("p", b"i2", b"de")

    assert decrypt_identifier("part", SIGNED, keys, serialized({"a": "1"})).hex() == KNOWN["decryption"]
    assert hashlib.sha384(by_hand).hexdigest() == KNOWN["decryption"]


# The formulas at random.

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_partition = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
_contexts = st.dictionaries(_text, _text, max_size=5)
_keys = st.lists(
    st.builds(edk, _text, st.binary(max_size=20), st.binary(min_size=1, max_size=20)), min_size=1, max_size=4
)
_suites = st.sampled_from(AlgorithmSuite)


# spec: framework/caching-cmm.md#appendix-a-cache-entry-identifier-formulas 8076
# spec: framework/caching-cmm.md#encryption-materials-without-algorithm-suite 516e
# spec: framework/caching-cmm.md#encryption-materials-with-algorithm-suite 516e
@given(_partition, st.none() | _suites, _contexts)
def test_encryption_follows_the_formula(partition: str, suite: AlgorithmSuite | None, context: dict[str, str]) -> None:
    identifier = encrypt_identifier(partition, suite, serialized(context))

    assert (identifier, len(identifier)) == (expected_encrypt(partition, suite, context), 48)


# spec: framework/caching-cmm.md#appendix-a-cache-entry-identifier-formulas 8076
# spec: framework/caching-cmm.md#decryption-materials 516e
@given(_partition, _suites, _keys, _contexts)
def test_decryption_follows_the_formula(
    partition: str, suite: AlgorithmSuite, keys: list[EncryptedDataKey], context: dict[str, str]
) -> None:
    identifier = decrypt_identifier(partition, suite, keys, serialized(context))

    assert identifier == expected_decrypt(partition, suite, keys, context)


@given(_keys, st.randoms(use_true_random=False))
def test_the_order_of_encrypted_data_keys_does_not_matter(keys: list[EncryptedDataKey], shuffle: object) -> None:
    shuffled = list(keys)
    shuffle.shuffle(shuffled)  # type: ignore[attr-defined]
    context = serialized({})

    assert decrypt_identifier("p", UNSIGNED, keys, context) == decrypt_identifier("p", UNSIGNED, shuffled, context)


# spec: framework/caching-cmm.md#decryption-materials fa92
def test_encrypted_data_keys_sort_by_their_serialization() -> None:
    """A longer provider ID sorts behind a shorter one, whatever its letters, because its length comes first."""
    keys = edk("zz", b"", b"x"), edk("aaa", b"", b"x")
    expected = expected_decrypt("p", UNSIGNED, keys, {})

    assert decrypt_identifier("p", UNSIGNED, keys[::-1], serialized({})) == expected
    assert edk_bytes(keys[0]) < edk_bytes(keys[1])


# spec: framework/structures.md#key-value-pair-entries 1b36
def test_contexts_sort_by_bytes_and_not_by_code_units() -> None:
    context = {"\U00010000": "1", "\uffff": "2"}

    assert encrypt_identifier("p", None, serialized(context)) == expected_encrypt("p", None, context)


def test_nothing_that_differs_has_the_same_identifier() -> None:
    contexts = [serialized(pairs) for pairs in ({}, {"a": "1"}, {"a": "", "1": ""})]
    keys = [(edk("p", b"i", b"c"),), (edk("p", b"ic", b"x"),), (edk("p", b"i", b"c"), edk("p", b"i", b"d"))]
    identifiers = [
        encrypt_identifier(partition, suite, context)
        for partition, suite, context in itertools.product(["a", "b"], [None, UNSIGNED, SIGNED], contexts)
    ] + [
        decrypt_identifier(partition, suite, key, context)
        for partition, suite, key, context in itertools.product(["a", "b"], [UNSIGNED, SIGNED], keys, contexts)
    ]

    assert len(set(identifiers)) == len(identifiers)


# What is remembered of them.


def test_encrypt_identifiers_are_kept_and_long_ones_are_not() -> None:
    identifiers = EncryptIdentifiers("p")
    contexts = [{"k": "v" * length} for length in (10, 10, 5_000, 5_000)]

    answers = [identifiers[UNSIGNED, serialized(context)] for context in contexts]

    assert answers == [expected_encrypt("p", UNSIGNED, context) for context in contexts]
    assert list(identifiers) == [(UNSIGNED, serialized(contexts[0]))]


def test_decrypt_identifiers_are_kept_and_long_ones_are_not() -> None:
    identifiers = DecryptIdentifiers("p")
    keys = [VerifiedKeys([edk("p", b"i", b"c" * length)]) for length in (100, 100, 5_000, 5_000)]

    answers = [identifiers[UNSIGNED, key, b""] for key in keys]

    assert answers == [expected_decrypt("p", UNSIGNED, key, {}) for key in keys]
    assert list(identifiers) == [(UNSIGNED, keys[0], b"")]


def test_what_is_kept_of_one_identifier_takes_up_to_4096_bytes() -> None:
    identifiers = EncryptIdentifiers("p")
    overhead = sum(map(sys.getsizeof, [(b"", b""), (None, b""), None, b"", bytes(48)]))
    at_the_limit, over_it = (bytes(size - overhead) for size in (4096, 4097))
    for context in (at_the_limit, over_it):
        assert len(identifiers[None, context]) == 48

    assert list(identifiers) == [(None, at_the_limit)]


def test_identifiers_of_messages_that_were_not_verified_are_not_kept() -> None:
    identifiers = DecryptIdentifiers("p")
    keys = (edk("p", b"i", b"c"),)

    assert identifiers[UNSIGNED, keys, b""] == expected_decrypt("p", UNSIGNED, keys, {})
    assert not identifiers


def test_no_more_than_a_thousand_identifiers_are_kept() -> None:
    identifiers = EncryptIdentifiers("p")
    for number in range(3_000):
        context = {"number": str(number)}

        assert identifiers[None, serialized(context)] == expected_encrypt("p", None, context)

    assert len(identifiers) == 1024


def test_many_encrypted_data_keys_are_long_however_empty_they_are() -> None:
    identifiers = DecryptIdentifiers("p")
    keys = VerifiedKeys([edk("", b"", b"")] * 5_000)

    assert identifiers[UNSIGNED, keys, b""] == expected_decrypt("p", UNSIGNED, keys, {})
    assert not identifiers


def test_threads_that_push_out_each_others_identifiers_get_right_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys compare by Python code, so threads change amid every step of a dictionary."""
    monkeypatch.setattr(cache_entry_identifier, "_MAX_IDENTIFIERS", 6)
    identifiers = DecryptIdentifiers("p")
    keys = [VerifiedKeys([edk("p", b"i", bytes((number,)))]) for number in range(12)]
    expected = [expected_decrypt("p", UNSIGNED, key, {}) for key in keys]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        # Keys that are equal and not identical, or nothing would be compared.
        answers = in_threads(4, lambda: [identifiers[UNSIGNED, key, b""] for key in map(twin, keys * 200)])
    finally:
        sys.setswitchinterval(interval)

    assert answers == [expected * 200] * 4
    assert len(list(identifiers)) == len(identifiers) == 6


def twin(keys: VerifiedKeys) -> VerifiedKeys:
    return VerifiedKeys(edk(key.key_provider_id, key.key_provider_info, key.ciphertext) for key in keys)


# What the caching CMM really uses.


# spec: framework/caching-cmm.md#get-encryption-materials 7a64
# spec: framework/caching-cmm.md#decrypt-materials 7a64
# spec: framework/caching-cmm.md#appendix-a-cache-entry-identifier-formulas 8076
def test_the_cache_is_asked_by_these_identifiers() -> None:
    stage = Stage()
    cmm = stage.cmm(partition_id="part", cmm=None, keyring=RawAesKeyring("n", "k", bytes(32)))
    context = {"tenant": "a"}
    for suite in (None, UNSIGNED):
        cmm.get_encryption_materials(encrypt_request(1, context, suite=suite))
    materials = cmm.get_encryption_materials(encrypt_request(1, context))
    cmm.decrypt_materials(decrypt_request(materials))

    assert set(stage.cache._entries) == {
        expected_encrypt("part", None, context),
        expected_encrypt("part", UNSIGNED, context),
        expected_decrypt("part", UNSIGNED, materials.encrypted_data_keys, context),
    }


@pytest.mark.parametrize("reproduced", [None, {"tenant": "a"}])
def test_the_reproduced_context_is_not_part_of_an_identifier(reproduced: dict[str, str] | None) -> None:
    stage = Stage()
    cmm = stage.cmm(partition_id="part")
    materials = stage.materials(context={"tenant": "a"})
    cmm.decrypt_materials(decrypt_request(materials, reproduced))

    assert set(stage.cache._entries) == {
        expected_decrypt("part", UNSIGNED, materials.encrypted_data_keys, {"tenant": "a"})
    }
