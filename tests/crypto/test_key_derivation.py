"""Every key derivation by known answers, and key commitment.

The answers were computed with two other implementations of RFC 5869 that agree: `hmac` by hand, and the one below.
"""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors.forge import SUITES, derived_keys
from warmkey.algorithm_suites import AlgorithmSuite
from warmkey.crypto import key_derivation
from warmkey.crypto.key_derivation import check_commitment, derive_keys
from warmkey.exceptions import AuthenticationFailed

# For the data key 00 01 02 ... and the message ID 80 81 82 ...: encryption key and commit key.
KNOWN_ANSWERS = {
    0x0014: ("000102030405060708090a0b0c0d0e0f", ""),
    0x0046: ("000102030405060708090a0b0c0d0e0f1011121314151617", ""),
    0x0078: ("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", ""),
    0x0114: ("8cebd821cdb258ee495dba2c95eabc89", ""),
    0x0146: ("5cc231e80d8cdcd3efcde27fff9194768aaaa4436fd25c7d", ""),
    0x0178: ("c4b650ec327f4e6b11a91102a32e9cce5a4076ddc5b8c2502e63094f8427879c", ""),
    0x0214: ("ddaf960a86f9cbde872ba606a725ac2a", ""),
    0x0346: ("581db82f0db3ceb061ec69aafff3f72c436969d6db9938fd", ""),
    0x0378: ("9ee3b2918e4aaf1c7af649ea37f872632814772dee2d4ddc5ac698700e529edf", ""),
    0x0478: (
        "b77ee1b57bc95efeb71e69efe41543e39a7abf24e4b7fdd82b07cc96b077d900",
        "0044369f73b68422adb8d8a412a5689edcdd493729fc8187d2d6a9d00cd16357",
    ),
    0x0578: (
        "1430b916d65f9b0d7cd301babe1ca4e2d666f8363be55c01aedf5a04fdcac00b",
        "0044369f73b68422adb8d8a412a5689edcdd493729fc8187d2d6a9d00cd16357",
    ),
}
EVERY_SUITE = pytest.mark.parametrize("suite", AlgorithmSuite, ids=lambda suite: suite.name)


def test_there_is_an_answer_for_every_suite() -> None:
    assert list(KNOWN_ANSWERS) == [suite.value for suite in AlgorithmSuite]


# spec: framework/algorithm-suites.md#identity-kdf f385
# spec: framework/algorithm-suites.md#encryption-key-derivation-algorithm 6d6c
# spec: framework/algorithm-suites.md#commit-key-derivation-algorithm d130
# spec: framework/algorithm-suites.md#encryption-algorithm 936c
# spec: framework/algorithm-suites.md#algorithm-suite-id fdc3
# spec: framework/transitive-requirements.md#hkdf-encryption-key 11e0 e009 c7b2 5f2c e1a5 c3ad 566f 2f66 5cfb 94f6
# spec: framework/transitive-requirements.md#hkdf-commit-key a111 7fb8 c7b2 d1b1 2dee 566f 1f63 3955 4793
@EVERY_SUITE
def test_known_answers(suite: AlgorithmSuite) -> None:
    data_key = bytes(range(suite.data_key_length))
    message_id = bytes(range(0x80, 0x80 + suite.message_id_length))

    encryption_key, commit_key = derive_keys(suite, data_key, message_id=message_id)

    assert (encryption_key.hex(), commit_key.hex()) == KNOWN_ANSWERS[suite.value]


# spec: framework/transitive-requirements.md#hkdf-encryption-key 11e0 e009 c7b2 5f2c e1a5 c3ad 566f 2f66 5cfb 94f6
# spec: framework/transitive-requirements.md#hkdf-commit-key a111 7fb8 c7b2 d1b1 2dee 566f 1f63 3955
@EVERY_SUITE
@given(data=st.data())
def test_any_key_and_message_id_as_another_implementation_derives(suite: AlgorithmSuite, data: st.DataObject) -> None:
    size = SUITES[suite.value].key_length
    data_key = data.draw(st.binary(min_size=size, max_size=size))
    message_id = data.draw(
        st.binary(min_size=suite.message_id_length, max_size=suite.message_id_length), label="message ID"
    )

    assert tuple(derive_keys(suite, data_key, message_id=message_id)) == derived_keys(suite.value, data_key, message_id)


@EVERY_SUITE
def test_another_message_id_gives_another_key_where_there_is_a_kdf(suite: AlgorithmSuite) -> None:
    data_key = bytes(suite.data_key_length)
    one, other = (derive_keys(suite, data_key, message_id=bytes((n,)) * suite.message_id_length)[0] for n in (1, 2))

    assert (one == other) is suite.has_identity_kdf


def test_the_commit_key_that_was_derived_is_accepted() -> None:
    check_commitment(b"k" * 32, b"k" * 32)
    check_commitment(b"", b"")


@pytest.mark.parametrize("stored", [b"k" * 31 + b"j", b"j" + b"k" * 31, b"k" * 31, b"k" * 33, b""])
def test_any_other_commit_key_is_refused(stored: bytes) -> None:
    with pytest.raises(AuthenticationFailed, match="key commitment"):
        check_commitment(b"k" * 32, stored)


# spec: framework/transitive-requirements.md#hkdf-commit-key cf5b
def test_commit_keys_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long it takes is not measured: it is the standard library's comparison, and its answer is what counts."""
    compared = []
    monkeypatch.setattr(key_derivation, "compare_digest", lambda *keys: compared.append(keys) or False)

    with pytest.raises(AuthenticationFailed):
        check_commitment(b"k" * 32, b"k" * 32)

    assert compared == [(b"k" * 32, b"k" * 32)]
    monkeypatch.undo()
    assert key_derivation.compare_digest is hmac.compare_digest
