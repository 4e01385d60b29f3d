"""The client: what it is built with, and the one CMM that each call is given."""

# Source: client-apis/client.md

from __future__ import annotations

from typing import Any

import pytest

from tests.vectors.readers import KEYRING
from warmkey import (
    AlgorithmSuite,
    Client,
    CommitmentPolicy,
    ConfigurationError,
    DefaultCMM,
    InvalidRequest,
    KeyUnavailable,
    MalformedMessage,
)

REQUIRE = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT


# spec: client-apis/client.md#commitment-policy 8cf8
# spec: client-apis/client.md#initialization 4342
def test_the_default_policy_requires_commitment_both_ways() -> None:
    assert Client().commitment_policy is REQUIRE


# spec: client-apis/client.md#maximum-number-of-encrypted-data-keys 4705
# spec: client-apis/client.md#initialization 4666
def test_the_default_limit_on_encrypted_data_keys_is_none() -> None:
    assert Client().max_encrypted_data_keys is None


# spec: client-apis/client.md#initialization e2c4
@pytest.mark.parametrize("policy", CommitmentPolicy, ids=lambda policy: policy.name)
def test_a_policy_is_given_as_a_member_or_by_name(policy: CommitmentPolicy) -> None:
    assert Client(commitment_policy=policy).commitment_policy is policy
    assert Client(commitment_policy=policy.name).commitment_policy is policy  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["REQUIRE", "", None, 1, [], b"REQUIRE_ENCRYPT_REQUIRE_DECRYPT"], ids=repr)
def test_any_other_policy_is_refused_with_what_is_allowed(value: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=r"commitment_policy must be one of FORBID_ENCRYPT_ALLOW_DECRYPT, .*, not "
    ):
        Client(commitment_policy=value)


@pytest.mark.parametrize("value", [0, -1, 1.5, "5", True, float("inf")], ids=repr)
def test_any_limit_but_a_positive_int_is_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"max_encrypted_data_keys must be an int of 1 or more, not .*"):
        Client(max_encrypted_data_keys=value)


# spec: client-apis/client.md#commitment-policy 8cf8
# spec: client-apis/client.md#initialization e2c4 d2c6
def test_what_was_set_stays() -> None:
    client = Client(max_encrypted_data_keys=3)
    for name in ("commitment_policy", "max_encrypted_data_keys"):
        with pytest.raises(AttributeError):
            setattr(client, name, None)

    assert repr(client) == "Client(commitment_policy=REQUIRE_ENCRYPT_REQUIRE_DECRYPT, max_encrypted_data_keys=3)"


# spec: client-apis/encrypt.md#input 36a0
# spec: client-apis/decrypt.md#input 43a1
@pytest.mark.parametrize("givers", [{}, {"cmm": DefaultCMM(KEYRING), "keyring": KEYRING}], ids=["neither", "both"])
def test_exactly_one_of_cmm_and_keyring_is_given(givers: dict[str, Any]) -> None:
    for call in (Client().encrypt, Client().decrypt):
        with pytest.raises(InvalidRequest, match="either cmm or keyring"):
            call(b"", **givers)


@pytest.mark.parametrize("operation", ["encrypt", "decrypt", "encrypt_stream", "decrypt_stream"])
def test_a_keyring_in_place_of_a_cmm_is_called_that(operation: str) -> None:
    message = Client().encrypt(b"order", keyring=KEYRING).ciphertext

    with pytest.raises(
        ConfigurationError, match=r"cmm must be something with get_encryption_mat.*, not RawAesKeyring"
    ) as e:
        getattr(Client(), operation)(message, cmm=KEYRING)

    assert e.value.__cause__ is None
    assert e.value.__suppress_context__ or e.value.__context__ is None


def test_an_error_of_the_cmms_own_stays_what_it_is() -> None:
    class Broken:
        def get_encryption_materials(self, request: Any, /) -> Any:
            return request.no_such_thing

    with pytest.raises(AttributeError, match="no_such_thing"):
        Client().encrypt(b"order", cmm=Broken())


# spec: client-apis/client.md#encrypt b0c0
# spec: client-apis/client.md#decrypt 77f1
# spec: client-apis/encrypt.md#get-the-encryption-materials 4c22
# spec: client-apis/decrypt.md#keyring 3241 c6af
# spec: client-apis/decrypt.md#get-the-decryption-materials 4b75
def test_cmm_and_keyring_of_the_same_key_read_each_others_messages() -> None:
    client, cmm = Client(), DefaultCMM(KEYRING)

    assert client.decrypt(client.encrypt(b"text", cmm=cmm).ciphertext, keyring=KEYRING).plaintext == b"text"
    assert client.decrypt(client.encrypt(b"text", keyring=KEYRING).ciphertext, cmm=cmm).plaintext == b"text"


# spec: client-apis/encrypt.md#plaintext 58ca
# spec: client-apis/encrypt.md#encrypted-message 5ecc
@pytest.mark.parametrize("make", [bytes, bytearray, memoryview], ids=lambda make: make.__name__)
def test_plaintext_and_message_may_be_any_buffer(make: Any) -> None:
    message = Client().encrypt(make(b"plaintext"), keyring=KEYRING).ciphertext

    assert type(message) is bytes
    assert Client().decrypt(make(message), keyring=KEYRING).plaintext == b"plaintext"


def test_a_view_of_wider_items_is_taken_by_its_bytes() -> None:
    view = memoryview(b"abcdefgh").cast("I")
    result = Client().encrypt(view, keyring=KEYRING, frame_length=4)

    assert Client().decrypt(result.ciphertext, keyring=KEYRING).plaintext == b"abcdefgh"


def test_a_view_with_gaps_is_taken_by_what_it_shows() -> None:
    plaintext = memoryview(b"p-l-a-i-n-t-e-x-t-")[::2]
    message = Client().encrypt(plaintext, keyring=KEYRING).ciphertext
    spread = bytearray(2 * len(message))
    spread[::2] = message

    assert Client().decrypt(memoryview(spread)[::2], keyring=KEYRING).plaintext == b"plaintext"


# spec: client-apis/encrypt.md#plaintext 58ca
# spec: client-apis/decrypt.md#input 7dc8
# spec: client-apis/decrypt.md#encrypted-message de84
@pytest.mark.parametrize("value", ["text", None, 5, [1, 2], {}, object()], ids=lambda value: type(value).__name__)
def test_what_is_no_buffer_is_refused_by_its_type(value: Any) -> None:
    for call, name in ((Client().encrypt, "plaintext"), (Client().decrypt, "ciphertext")):
        with pytest.raises(InvalidRequest, match=f"the {name} must be bytes, not {type(value).__name__}"):
            call(value, keyring=KEYRING)


def test_text_gets_a_hint() -> None:
    with pytest.raises(InvalidRequest, match=r"text becomes bytes by \.encode\(\)"):
        Client().encrypt("text", keyring=KEYRING)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="decode base64 text first"):
        Client().decrypt("text", keyring=KEYRING)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0x0478, AlgorithmSuite(0x0478)], ids=["id", "member"])
def test_a_suite_is_given_as_a_member_or_by_its_id(value: Any) -> None:
    result = Client().encrypt(b"", keyring=KEYRING, algorithm_suite=value)

    assert result.algorithm_suite is AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY


# spec: client-apis/encrypt.md#get-the-encryption-materials 8442
# spec: client-apis/encrypt.md#algorithm-suite 4d6f
# spec: client-apis/encrypt.md#algorithm-suite-1 4d6f
@pytest.mark.parametrize("value", [0, 0x0479, "0x0478", [], b"\x04\x78", True], ids=repr)
def test_any_other_suite_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"algorithm_suite must be a member of AlgorithmSuite, not "):
        Client().encrypt(b"", keyring=KEYRING, algorithm_suite=value)


def test_the_callers_buffer_is_free_again_whether_it_worked_or_not() -> None:
    """A bytearray can't be resized while somebody holds a view of it."""
    plaintext, message = bytearray(b"text"), bytearray(Client().encrypt(b"text", keyring=KEYRING).ciphertext)
    garbage = bytearray(message[:-1])
    Client().encrypt(plaintext, keyring=KEYRING)
    result = Client().decrypt(message, keyring=KEYRING)
    with pytest.raises(MalformedMessage) as caught:
        Client().decrypt(garbage, keyring=KEYRING)
    with pytest.raises(KeyUnavailable):
        Client().decrypt(message, keyring=NoKeys())

    for buffer in (plaintext, message, garbage):
        buffer.clear()
    assert result.plaintext == b"text"
    assert caught.value.where == "footer › signature"


class NoKeys:
    def on_encrypt(self, materials: Any, /) -> Any:
        raise KeyUnavailable("none")

    def on_decrypt(self, materials: Any, encrypted_data_keys: Any, /) -> Any:
        raise KeyUnavailable("none")


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("method", ["encrypt", "decrypt", "encrypt_stream", "decrypt_stream"])
def test_an_error_says_whether_both_or_neither_was_given(method: str, both: bool) -> None:
    given: dict[str, Any] = {"cmm": DefaultCMM(KEYRING), "keyring": KEYRING} if both else {}

    with pytest.raises(InvalidRequest, match="not both$" if both else "and neither is given$"):
        getattr(Client(), method)(b"", **given)


def test_no_bytes_are_an_empty_message() -> None:
    with pytest.raises(MalformedMessage, match=r"^message at byte 0: is empty$") as caught:
        Client().decrypt(b"", keyring=KEYRING)

    assert type(caught.value) is MalformedMessage
    assert caught.value.truncated
