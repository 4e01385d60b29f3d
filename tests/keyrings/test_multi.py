"""The multi-keyring: the generator generates, every child wraps, anyone decrypts."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from warmkey import (
    AlgorithmSuite,
    Client,
    ConfigurationError,
    DecryptionMaterials,
    EncryptionMaterials,
    InvalidRequest,
    KeyAttempt,
    KeyUnavailable,
    MultiKeyring,
    PolicyRefused,
)
from warmkey.keyrings import RawAesKeyring

SUITE = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY


def raw(name: str) -> RawAesKeyring:
    return RawAesKeyring("namespace", name, name.encode().ljust(32))


class Scripted:
    """A keyring that does as told, and remembers that it was asked."""

    def __init__(self, *, encrypt: Any = None, decrypt: Any = None) -> None:
        self.encrypt, self.decrypt = encrypt, decrypt
        self.asked: list[str] = []
        self.given: list[Any] = []

    def on_encrypt(self, materials: EncryptionMaterials, /) -> Any:
        self.asked.append("on_encrypt")
        if isinstance(self.encrypt, Exception):
            raise self.encrypt
        return self.encrypt or materials

    def on_decrypt(self, materials: DecryptionMaterials, keys: Any, /) -> Any:
        self.asked.append("on_decrypt")
        self.given.append((materials, keys))
        if isinstance(self.decrypt, Exception):
            raise self.decrypt
        return self.decrypt or materials


def to_encrypt(data_key: bytes | None = None) -> EncryptionMaterials:
    return EncryptionMaterials(algorithm_suite=SUITE, plaintext_data_key=data_key)


def to_decrypt() -> DecryptionMaterials:
    return DecryptionMaterials(algorithm_suite=SUITE)


def names(materials: EncryptionMaterials) -> list[bytes]:
    return [key.key_provider_info[:-20] for key in materials.encrypted_data_keys]


# spec: framework/multi-keyring.md#onencrypt b3c4 8feb 70d1 77d0
def test_the_generator_comes_first_and_every_child_wraps_the_same_key() -> None:
    keyrings = [raw("generator"), raw("one"), raw("two")]
    materials = MultiKeyring(keyrings[0], keyrings[1:]).on_encrypt(to_encrypt())

    assert names(materials) == [b"generator", b"one", b"two"]
    assert {
        keyring.on_decrypt(to_decrypt(), materials.encrypted_data_keys).plaintext_data_key for keyring in keyrings
    } == {materials.plaintext_data_key}


def test_children_alone_wrap_a_data_key_that_there_is() -> None:
    materials = MultiKeyring(children=[raw("one"), raw("two")]).on_encrypt(to_encrypt(bytes(32)))

    assert names(materials) == [b"one", b"two"]


def test_a_multi_keyring_can_be_a_child() -> None:
    inner = MultiKeyring(children=[raw("one"), raw("two")])
    materials = MultiKeyring(raw("generator"), [inner]).on_encrypt(to_encrypt())

    assert names(materials) == [b"generator", b"one", b"two"]


# spec: framework/multi-keyring.md#onencrypt f1d0
def test_a_generator_refuses_a_data_key_that_there_is() -> None:
    with pytest.raises(InvalidRequest):
        MultiKeyring(raw("generator")).on_encrypt(to_encrypt(bytes(32)))


# spec: framework/multi-keyring.md#onencrypt 619b
def test_without_a_generator_there_must_be_a_data_key() -> None:
    with pytest.raises(ConfigurationError, match="without a generator"):
        MultiKeyring(children=[raw("one")]).on_encrypt(to_encrypt())


# spec: framework/multi-keyring.md#onencrypt fd18
def test_a_generator_that_fails_fails_the_encryption() -> None:
    child = Scripted()
    with pytest.raises(KeyUnavailable):
        MultiKeyring(Scripted(encrypt=KeyUnavailable("no")), [child]).on_encrypt(to_encrypt())

    assert child.asked == []


# spec: framework/multi-keyring.md#generator-keyring c851 0697
# spec: framework/multi-keyring.md#onencrypt 28dc
def test_a_generator_that_generates_nothing_is_told() -> None:
    with pytest.raises(ConfigurationError, match="did not generate"):
        MultiKeyring(Scripted()).on_encrypt(to_encrypt())


# spec: framework/multi-keyring.md#onencrypt 4705
def test_a_child_that_fails_fails_the_encryption_and_nobody_is_asked_after_it() -> None:
    last = Scripted()
    with pytest.raises(KeyUnavailable):
        MultiKeyring(raw("generator"), [Scripted(encrypt=KeyUnavailable("no")), last]).on_encrypt(to_encrypt())

    assert last.asked == []


# spec: framework/multi-keyring.md#ondecrypt 23fd dbd3 b310 0f0e
def test_the_generator_is_asked_first_then_the_children_in_order_until_one_succeeds() -> None:
    failing = [Scripted(decrypt=KeyUnavailable("no")) for _ in range(2)]
    success = DecryptionMaterials(algorithm_suite=SUITE, plaintext_data_key=bytes(32))
    winner, last = Scripted(decrypt=success), Scripted()
    given = to_decrypt(), raw("one").on_encrypt(to_encrypt()).encrypted_data_keys
    materials = MultiKeyring(failing[0], [failing[1], winner, last]).on_decrypt(*given)

    assert materials is success
    assert [keyring.given for keyring in (*failing, winner)] == [[given]] * 3, "unmodified"
    assert [keyring.asked for keyring in (*failing, winner, last)] == [["on_decrypt"]] * 3 + [[]]


def test_a_keyring_that_returns_no_data_key_did_not_succeed() -> None:
    encrypted = raw("one").on_encrypt(to_encrypt())
    materials = MultiKeyring(children=[Scripted(), raw("one")]).on_decrypt(to_decrypt(), encrypted.encrypted_data_keys)

    assert materials.plaintext_data_key == encrypted.plaintext_data_key


# spec: framework/multi-keyring.md#ondecrypt d566
def test_any_failure_of_one_lets_the_next_try() -> None:
    encrypted = raw("one").on_encrypt(to_encrypt())
    keyring = MultiKeyring(Scripted(decrypt=RuntimeError("a bug")), [raw("one")])

    assert keyring.on_decrypt(to_decrypt(), encrypted.encrypted_data_keys).plaintext_data_key is not None


# spec: framework/multi-keyring.md#ondecrypt d566 a955
def test_when_nobody_succeeds_every_reason_is_reported() -> None:
    attempts = [KeyAttempt(keyring="K", operation="Decrypt", key=str(number), reason="no") for number in range(2)]
    bug = RuntimeError("with the value of something")
    keyring = MultiKeyring(
        Scripted(decrypt=KeyUnavailable("no", attempts)), [Scripted(decrypt=bug), raw("one"), Scripted()]
    )
    with pytest.raises(KeyUnavailable) as caught:
        keyring.on_decrypt(to_decrypt(), [])

    assert list(caught.value.attempts[:2]) == attempts
    assert (caught.value.attempts[2].keyring, caught.value.attempts[2].cause) == ("Scripted", bug)
    assert "RuntimeError" in str(caught.value)
    assert "with the value of something" not in str(caught.value)


def test_an_interruption_is_no_failure_to_go_on_from() -> None:
    class Interrupted(Scripted):
        def on_decrypt(self, materials: Any, keys: Any, /) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        MultiKeyring(Interrupted(), [raw("one")]).on_decrypt(to_decrypt(), [])


# spec: framework/multi-keyring.md#inputs 9fa6
# spec: framework/multi-keyring.md#generator-keyring 14ad
# spec: framework/multi-keyring.md#child-keyrings 339f
def test_it_needs_at_least_one_keyring() -> None:
    with pytest.raises(ConfigurationError, match="generator or at least one child"):
        MultiKeyring()


def test_its_children_are_copied() -> None:
    children = [raw("one")]
    keyring = MultiKeyring(raw("generator"), children)
    children.append(raw("two"))

    assert names(keyring.on_encrypt(to_encrypt())) == [b"generator", b"one"]


def test_a_bug_of_a_keyring_keeps_its_traceback_and_shows_nothing_of_ours() -> None:
    """Its frames are the user's, up to the line; ours above them lose their variables, as they do without us."""

    class Buggy(Scripted):
        def on_decrypt(self, materials: DecryptionMaterials, keys: Any, /) -> Any:
            return {}[len(keys)]

    message = Client().encrypt(b"plaintext", keyring=raw("a")).ciphertext
    with pytest.raises(KeyUnavailable, match="Buggy on_decrypt : raised KeyError") as caught:
        Client().decrypt(message, keyring=MultiKeyring(children=[Buggy(), Refusing()]))
    cause = caught.value.__cause__
    frames = [frame for frame, _ in traceback.walk_tb(cause and cause.__traceback__)]
    refusal = caught.value.attempts[1].cause

    assert isinstance(cause, KeyError)
    assert [frame.f_code.co_name for frame in frames][-1] == "on_decrypt"
    assert "return {}[len(keys)]" in "".join(traceback.format_exception(cause))
    assert all(not frame.f_locals for frame in frames[:-1]), "of ours"
    assert refusal is not None
    assert refusal.__traceback__ is None, "an error of ours has none"


class Refusing(Scripted):
    """Raises an error of ours that is not about a key."""

    def on_decrypt(self, materials: DecryptionMaterials, keys: Any, /) -> Any:
        raise PolicyRefused("not this one")
