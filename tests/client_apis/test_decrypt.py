"""Decrypting: nothing comes out before all of it is verified, and only for who may have it."""

# Source: client-apis/decrypt.md

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.vectors import readers
from tests.vectors.forge import (
    KEY_NAME,
    NAMESPACE,
    PUBLIC_KEY_FIELD,
    SUITES,
    WRAPPING_KEY,
    Forgery,
    serialized_pairs,
    sized,
    wrapped,
)
from tests.vectors.readers import COMMITTING, KEYRING
from warmkey import (
    AlgorithmSuite,
    AuthenticationFailed,
    Client,
    CommitmentPolicy,
    ConfigurationError,
    DecryptionMaterials,
    DecryptMaterialsRequest,
    DefaultCMM,
    InvalidRequest,
    KeyUnavailable,
    MalformedMessage,
    PolicyRefused,
)
from warmkey.keyrings import RawAesKeyring

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY_SUITE = pytest.mark.parametrize("suite_id", SUITES, ids=hex)
SIGNED = pytest.mark.parametrize("suite_id", [0x0214, 0x0346, 0x0378, 0x0578], ids=hex)
PAIRS = [(b"purpose", b"test"), (b"tenant", b"a")]
CONTEXT = {"purpose": "test", "tenant": "a"}


def decrypt(message: bytes, **details: Any) -> bytes:
    return readers.decrypt(message, **details).plaintext


class TamperingCMM:
    """A default CMM whose answers are changed, and that remembers what it was asked."""

    def __init__(self, tamper: Callable[[DecryptionMaterials], DecryptionMaterials] = lambda given: given) -> None:
        self._cmm = DefaultCMM(KEYRING)
        self._tamper = tamper
        self.requests: list[DecryptMaterialsRequest] = []

    def get_encryption_materials(self, request: Any, /) -> Any:
        return self._cmm.get_encryption_materials(request)

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        self.requests.append(request)
        return self._tamper(self._cmm.decrypt_materials(request))


# --- policy, before and after the CMM


# spec: client-apis/decrypt.md#get-the-decryption-materials 50bd
@EVERY_SUITE
@pytest.mark.parametrize("policy", CommitmentPolicy, ids=lambda policy: policy.name)
def test_the_policy_decides_which_suites_decrypt(suite_id: int, policy: CommitmentPolicy) -> None:
    client, cmm = Client(commitment_policy=policy), TamperingCMM()
    message = Forgery(suite_id=suite_id).message(b"text")
    if SUITES[suite_id].commits or policy.name.endswith("ALLOW_DECRYPT"):
        assert client.decrypt(message, cmm=cmm).plaintext == b"text"
    else:
        with pytest.raises(PolicyRefused, match="use REQUIRE_ENCRYPT_ALLOW_DECRYPT"):
            client.decrypt(message, cmm=cmm)
        assert cmm.requests == []


# spec: client-apis/client.md#maximum-number-of-encrypted-data-keys 4705
# spec: client-apis/decrypt.md#parse-the-header 7b4e
def test_too_many_encrypted_data_keys_are_refused_before_any_is_tried() -> None:
    cmm, forgery = TamperingCMM(), Forgery()
    message = replace(forgery, keys=[wrapped(forgery.secrets[0], b"")] * 3).message(b"text")

    assert Client(max_encrypted_data_keys=3).decrypt(message, cmm=cmm).plaintext == b"text"
    with pytest.raises(PolicyRefused):
        Client(max_encrypted_data_keys=2).decrypt(message, cmm=cmm)
    assert len(cmm.requests) == 1


# spec: client-apis/decrypt.md#cryptographic-materials-manager f779
# spec: client-apis/decrypt.md#get-the-decryption-materials 6787 52de fcbd
def test_the_cmm_is_asked_with_what_the_header_says() -> None:
    cmm = TamperingCMM()
    result = COMMITTING.decrypt(Forgery(pairs=PAIRS).message(), cmm=cmm, encryption_context={"tenant": "a"})

    assert cmm.requests == [
        DecryptMaterialsRequest(
            algorithm_suite=AlgorithmSuite(0x0478),
            commitment_policy=COMMITTING.commitment_policy,
            encrypted_data_keys=result.header.encrypted_data_keys,
            encryption_context=CONTEXT,
            reproduced_encryption_context={"tenant": "a"},
        )
    ]


# spec: client-apis/decrypt.md#get-the-decryption-materials 2f06
@pytest.mark.parametrize(
    "tamper",
    [
        lambda materials: replace(materials, plaintext_data_key=None),
        lambda materials: replace(materials, plaintext_data_key=bytes(16)),
        lambda materials: replace(materials, plaintext_data_key=bytes(64)),
        lambda materials: replace(materials, verification_key=None),
        lambda materials: replace(materials, algorithm_suite=AlgorithmSuite(0x0478), verification_key=None),
        lambda materials: replace(materials, algorithm_suite=AlgorithmSuite(0x0378)),
        lambda materials: replace(materials, required_encryption_context_keys={"not there"}),
    ],
    ids=["no key", "short key", "long key", "no verification key", "unsigned", "not committing", "lacking"],
)
def test_materials_that_do_not_fit_the_message_are_the_cmms_fault(tamper: Any) -> None:
    with pytest.raises(ConfigurationError):
        COMMITTING.decrypt(Forgery(suite_id=0x0578, pairs=PAIRS).message(), cmm=TamperingCMM(tamper))


def test_an_attribute_error_of_a_cmms_own_is_raised_as_it_is() -> None:
    """It is not the CMM that lacks a method."""

    def fail(_: DecryptionMaterials) -> DecryptionMaterials:
        raise AttributeError("of its own")

    with pytest.raises(AttributeError, match=r"^of its own$"):
        COMMITTING.decrypt(Forgery().message(), cmm=TamperingCMM(fail))


# --- encryption context


# spec: client-apis/decrypt.md#input ec1f
@EVERY_SUITE
@pytest.mark.parametrize("supplied", [None, {}, {"tenant": "a"}, CONTEXT], ids=repr)
def test_pairs_that_the_message_stores_may_be_insisted_on(suite_id: int, supplied: dict[str, str] | None) -> None:
    assert decrypt(Forgery(suite_id=suite_id, pairs=PAIRS).message(b"text"), encryption_context=supplied) == b"text"


@EVERY_SUITE
@pytest.mark.parametrize("supplied", [{"tenant": "b"}, {"tenant": ""}, {"tenant": "A"}, {"purpose": "", "tenant": "a"}])
def test_another_value_for_a_stored_key_is_refused(suite_id: int, supplied: dict[str, str]) -> None:
    with pytest.raises(PolicyRefused, match="another value for"):
        decrypt(Forgery(suite_id=suite_id, pairs=PAIRS).message(), encryption_context=supplied)


# spec: client-apis/decrypt.md#verify-the-header 2a95 553f
@EVERY_SUITE
def test_a_pair_that_is_not_stored_must_have_been_authenticated(suite_id: int) -> None:
    message = Forgery(suite_id=suite_id, pairs=PAIRS, only_authenticated=[(b"extra", b"1")]).message(b"text")

    assert decrypt(message, encryption_context={"extra": "1", "tenant": "a"}) == b"text"
    for supplied in ({}, {"extra": "2"}, {"extra": "1", "more": "1"}, {"Extra": "1"}):
        with pytest.raises((AuthenticationFailed, KeyUnavailable)):
            decrypt(message, encryption_context=supplied)


# spec: client-apis/decrypt.md#verify-the-header 2a95 553f
@EVERY_SUITE
def test_a_pair_that_was_never_authenticated_is_refused_by_the_header_alone(suite_id: int) -> None:
    """Even where the encrypted data key does not bind the context."""
    forgery = Forgery(suite_id=suite_id, pairs=PAIRS)
    message = forgery.message(b"text")

    with pytest.raises(AuthenticationFailed, match="authentication tag of the header"):
        COMMITTING.decrypt(message, cmm=BlindCMM(forgery.secrets[0]), encryption_context={"extra": "1"})
    assert COMMITTING.decrypt(message, cmm=BlindCMM(forgery.secrets[0])).plaintext == b"text"


class BlindCMM:
    """Knows the data key whatever the context."""

    def __init__(self, data_key: bytes) -> None:
        self._data_key = data_key

    def get_encryption_materials(self, request: Any, /) -> Any:
        raise NotImplementedError

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        data_key = self._data_key

        class Keyring:
            def on_encrypt(self, materials: Any, /) -> Any:
                raise NotImplementedError

            def on_decrypt(self, materials: DecryptionMaterials, encrypted_data_keys: Any, /) -> DecryptionMaterials:
                return replace(materials, plaintext_data_key=data_key)

        return DefaultCMM(Keyring()).decrypt_materials(request)


def test_reserved_keys_are_compared_like_any_other_on_decrypt() -> None:
    message = Forgery(suite_id=0x0578, pairs=PAIRS).message(b"text")
    public_key = readers.decrypt(message).encryption_context["aws-crypto-public-key"]

    assert decrypt(message, encryption_context={"aws-crypto-public-key": public_key}) == b"text"
    with pytest.raises(PolicyRefused, match="aws-crypto-public-key"):
        decrypt(message, encryption_context={"aws-crypto-public-key": "another"})


@pytest.mark.parametrize("context", ["text", [("a", "b")], {"k": 1}, {"k": "\ud800"}], ids=repr)
def test_what_is_no_encryption_context_is_refused(context: Any) -> None:
    with pytest.raises(InvalidRequest, match="encryption context"):
        decrypt(Forgery().message(), encryption_context=context)


# spec: client-apis/decrypt.md#output 2d53 b93a
def test_the_result_has_all_that_was_authenticated_and_is_the_callers_to_change() -> None:
    cmm = TamperingCMM()
    message = Forgery(pairs=PAIRS, only_authenticated=[(b"extra", b"1")]).message(b"text")
    first = COMMITTING.decrypt(message, cmm=cmm, encryption_context={"extra": "1"})
    assert first.encryption_context == {**CONTEXT, "extra": "1"}
    assert first.header.encryption_context == CONTEXT

    first.encryption_context.clear()

    second = COMMITTING.decrypt(message, cmm=cmm, encryption_context={"extra": "1"})
    assert second.encryption_context == {**CONTEXT, "extra": "1"}


# --- commitment, header, signature


# spec: client-apis/decrypt.md#get-the-decryption-materials 1223 5c2d
@pytest.mark.parametrize("suite_id", [0x0478, 0x0578], ids=hex)
def test_a_commitment_to_another_data_key_is_refused_though_the_header_is_authentic(suite_id: int) -> None:
    """One message that opens to two plaintexts under two keys is what commitment is there to stop."""
    message = Forgery(suite_id=suite_id, fields={"suite data": bytes(32)}).message(b"text")

    with pytest.raises(AuthenticationFailed, match="key commitment"):
        decrypt(message)


# spec: client-apis/decrypt.md#verify-the-header f220 eac3 0966
@EVERY_SUITE
def test_every_byte_of_the_header_is_authenticated(suite_id: int) -> None:
    """Each byte flipped, whatever it means: refused, and by our own errors."""
    forgery = Forgery(suite_id=suite_id, pairs=PAIRS)
    message, length = forgery.message(b"text"), len(forgery.header())
    for position in range(length):
        changed = message[:position] + bytes((message[position] ^ 0x01,)) + message[position + 1 :]
        with pytest.raises((MalformedMessage, AuthenticationFailed, KeyUnavailable)):
            decrypt(changed)


@EVERY_SUITE
@pytest.mark.parametrize("only_authenticated", [[], [(b"extra", b"1")]], ids=["stored", "and authenticated only"])
def test_a_header_may_be_as_long_as_the_cipher_takes_and_no_longer(
    suite_id: int, only_authenticated: list[tuple[bytes, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is only authenticated counts."""
    forgery = Forgery(suite_id=suite_id, pairs=PAIRS, only_authenticated=only_authenticated)
    message, context = forgery.message(b"text"), {key.decode(): value.decode() for key, value in only_authenticated}
    length = readers.decrypt(message, encryption_context=context).header.body_length
    length += len(serialized_pairs(only_authenticated)) if only_authenticated else 0
    monkeypatch.setattr("warmkey.client_apis.decrypt.MAX_CONTENT_LENGTH", length)

    assert decrypt(message, encryption_context=context) == b"text"
    monkeypatch.setattr("warmkey.client_apis.decrypt.MAX_CONTENT_LENGTH", length - 1)
    with pytest.raises(PolicyRefused, match=f"a header of more than {length - 1} bytes can't be verified"):
        decrypt(message, encryption_context=context)


@pytest.mark.parametrize("length", [60_000, 65_000, 66_000, 140_000])
def test_short_and_long_headers_are_verified_alike(length: int) -> None:
    """A long one is not copied for it."""
    forgery = Forgery()
    foreign = sized(b"somebody") + sized(b"else's") + sized(bytes(length // 4))
    message = replace_keys(forgery, [*[foreign] * 4, wrapped(forgery.secrets[0], b"")]).message(b"text")

    assert decrypt(message) == b"text"
    at = len(forgery.header()) - 1
    with pytest.raises(AuthenticationFailed, match="the authentication tag of the header"):
        decrypt(message[:at] + bytes((message[at] ^ 1,)) + message[at + 1 :])


def test_a_long_header_is_held_once() -> None:
    """Only its fields are: a stranger's header may have any length."""
    forgery = Forgery()
    foreign = sized(b"somebody") + sized(b"else's") + sized(bytes(50_000))
    message = replace_keys(forgery, [*[foreign] * 40, wrapped(forgery.secrets[0], b"")]).message(b"text")
    decrypt(message)

    tracemalloc.start()
    assert decrypt(message) == b"text"
    _current, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1.5 * len(message)


# spec: client-apis/decrypt.md#verify-the-header 483c
@pytest.mark.parametrize("suite_id", [0x0014, 0x0178, 0x0378], ids=hex)
def test_a_version_1_header_may_have_been_sealed_with_any_iv(suite_id: int) -> None:
    assert decrypt(Forgery(suite_id=suite_id, header_iv=b"any iv there").message(b"text")) == b"text"


# spec: client-apis/encrypt.md#construct-the-signature 3e39
# spec: client-apis/decrypt.md#verify-the-signature 5f42
# spec: data-format/message-footer.md#overview ac6e
# spec: data-format/message.md#structure 47ca
@SIGNED
@pytest.mark.parametrize("framed", [True, False])
def test_a_message_without_its_signature_is_truncated(suite_id: int, framed: bool) -> None:
    forgery = Forgery(suite_id=suite_id, framed=framed)
    signed = forgery.header() + forgery.body(b"text")
    footer = forgery.footer(signed)
    for length in range(len(footer)):
        with pytest.raises(MalformedMessage, match="footer › signature"):
            decrypt(signed + footer[:length])


# spec: client-apis/decrypt.md#behavior 3a1a 827d
# spec: client-apis/decrypt.md#verify-the-signature 3dfc a73e 6b40
@SIGNED
def test_another_keys_signature_is_refused(suite_id: int) -> None:
    """Whoever can decrypt a message can make another with the same data key, but not sign it."""
    forgery = Forgery(suite_id=suite_id)
    signed = forgery.header() + forgery.body(b"text")
    foreign = Forgery(suite_id=suite_id, signing_scalar=4711).footer(signed)

    with pytest.raises(AuthenticationFailed, match="signature"):
        decrypt(signed + foreign)


# spec: data-format/message-footer.md#signature 2978
@SIGNED
def test_a_signature_of_another_message_of_the_same_key_is_refused(suite_id: int) -> None:
    forgery = Forgery(suite_id=suite_id)
    foreign = forgery.footer(forgery.header() + forgery.body(b"other"))

    with pytest.raises(AuthenticationFailed, match="signature"):
        decrypt(forgery.header() + forgery.body(b"text") + foreign)


@SIGNED
@pytest.mark.parametrize(
    "footer", [b"\x00\x00", sized(b"\x00"), sized(bytes(104)), sized(b"\x30\x06\x02\x01\x00\x02\x01\x00")]
)
def test_what_is_no_signature_is_refused(suite_id: int, footer: bytes) -> None:
    forgery = Forgery(suite_id=suite_id)

    with pytest.raises(AuthenticationFailed, match="signature"):
        decrypt(forgery.header() + forgery.body(b"text") + footer)


# spec: client-apis/decrypt.md#behavior d2b0
@EVERY_SUITE
@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize("trailing", [b"\x00", b"\xff\xff\xff\xff", bytes(200)], ids=len)
def test_nothing_follows_a_message(suite_id: int, framed: bool, trailing: bytes) -> None:
    with pytest.raises(MalformedMessage, match=r"follows? the end of the message"):
        decrypt(Forgery(suite_id=suite_id, framed=framed).message(b"text") + trailing)


# spec: framework/algorithm-suites.md#asymmetric-signature-algorithm 119e
# spec: client-apis/decrypt.md#behavior bf21
def test_a_footer_after_an_unsigned_message_is_refused() -> None:
    signed = Forgery(suite_id=0x0578)

    with pytest.raises(MalformedMessage, match=r"follows? the end of the message"):
        decrypt(Forgery().message(b"text") + signed.footer(b"anything"))


@SIGNED
def test_a_signed_suite_without_a_public_key_is_malformed(suite_id: int) -> None:
    with pytest.raises(MalformedMessage, match="is missing although the suite has a signature"):
        decrypt(Forgery(suite_id=suite_id, with_public_key=False).message(b"text"))


@pytest.mark.parametrize("suite_id", [0x0014, 0x0178, 0x0478], ids=hex)
def test_an_unsigned_suite_with_a_public_key_is_malformed(suite_id: int) -> None:
    """It may have been a signed message once, stripped of its signature."""
    with pytest.raises(MalformedMessage, match="although the suite has no signature"):
        decrypt(Forgery(suite_id=suite_id, pairs=[(PUBLIC_KEY_FIELD, b"key")]).message(b"text"))


@SIGNED
def test_a_public_key_that_is_none_is_malformed(suite_id: int) -> None:
    with pytest.raises(MalformedMessage, match="not a base64 compressed public key"):
        decrypt(Forgery(suite_id=suite_id, public_key=b"no key").message(b"text"))


# --- keys


def test_another_wrapping_key_opens_nothing() -> None:
    for keyring in (
        RawAesKeyring(NAMESPACE, KEY_NAME, bytes(32)),
        RawAesKeyring(NAMESPACE, "another", WRAPPING_KEY),
        RawAesKeyring("another", KEY_NAME, WRAPPING_KEY),
        RawAesKeyring(NAMESPACE, KEY_NAME, WRAPPING_KEY[:16]),
    ):
        with pytest.raises(KeyUnavailable):
            COMMITTING.decrypt(Forgery().message(b"text"), keyring=keyring)


@EVERY_SUITE
def test_a_data_key_of_another_length_opens_nothing(suite_id: int) -> None:
    forgery = Forgery(suite_id=suite_id)
    for length in {0, 1, 16, 24, 32, 33, 64} - {SUITES[suite_id].key_length}:
        keys = [wrapped(bytes(length), serialized_pairs(forgery.pairs))]
        with pytest.raises(KeyUnavailable, match="wrong length"):
            decrypt(replace_keys(forgery, keys).message(b"text"))


def replace_keys(forgery: Forgery, keys: list[bytes]) -> Forgery:
    forgery.keys = keys
    return forgery


def test_the_first_encrypted_data_key_that_opens_is_taken() -> None:
    forgery = Forgery()
    good = wrapped(forgery.secrets[0], b"")
    foreign = sized(b"somebody") + sized(b"else's") + sized(b"key")
    broken = good[:-1] + bytes((good[-1] ^ 1,))

    assert decrypt(replace_keys(forgery, [foreign, broken, good]).message(b"text")) == b"text"


def test_another_data_key_that_opens_is_refused_by_commitment_or_header() -> None:
    for suite_id in (0x0178, 0x0478):
        forgery = Forgery(suite_id=suite_id)
        forgery.keys = [wrapped(bytes(32), b"")]
        with pytest.raises(AuthenticationFailed):
            decrypt(forgery.message(b"text"))


def test_repr_of_a_result_shows_neither_plaintext_nor_context() -> None:
    result = readers.decrypt(Forgery(pairs=[(b"tenant", b"blue-whale")]).message(b"white-shark"))

    assert "blue-whale" not in repr(result)
    assert "white-shark" not in repr(result)
