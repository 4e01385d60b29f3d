"""Encrypting: arguments, materials that are checked as if a stranger's, and what comes out."""

# Source: client-apis/encrypt.md

from __future__ import annotations

import base64
import importlib.util
import mmap
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.vectors.forge import SUITES
from tests.vectors.readers import COMMITTING, KEYRING, NOT_COMMITTING, client_for, decrypt
from warmkey import (
    AlgorithmSuite,
    AuthenticationFailed,
    Client,
    CommitmentPolicy,
    ConfigurationError,
    DefaultCMM,
    EncryptionMaterials,
    EncryptionMaterialsRequest,
    InvalidRequest,
    MultiKeyring,
    PolicyRefused,
)
from warmkey.crypto.signatures import EcdsaSigningKey
from warmkey.data_format.message_header import serialize_header_parts
from warmkey.keyrings import RawAesKeyring

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EVERY_SUITE = pytest.mark.parametrize("suite", AlgorithmSuite, ids=lambda suite: suite.name)
COMMITS = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
CLIENT = Client()


class TamperingCMM:
    """A default CMM whose answers are changed, and that remembers what it was asked."""

    def __init__(self, tamper: Callable[[EncryptionMaterials], EncryptionMaterials] = lambda given: given) -> None:
        self._cmm = DefaultCMM(KEYRING)
        self._tamper = tamper
        self.requests: list[EncryptionMaterialsRequest] = []

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        self.requests.append(request)
        return self._tamper(self._cmm.get_encryption_materials(request))

    def decrypt_materials(self, request: Any, /) -> Any:
        return self._cmm.decrypt_materials(request)


# --- arguments


# spec: client-apis/encrypt.md#frame-length b976
# spec: client-apis/encrypt.md#construct-the-header 4f34
@pytest.mark.parametrize("frame_length", [1, 4_096, 2**32 - 1])
def test_the_frame_length_is_stored(frame_length: int) -> None:
    result = CLIENT.encrypt(b"text", keyring=KEYRING, frame_length=frame_length)

    assert result.header.frame_length == frame_length
    assert decrypt(result.ciphertext).plaintext == b"text"


# spec: client-apis/encrypt.md#frame-length 517c
def test_the_default_frame_length_is_4096() -> None:
    assert CLIENT.encrypt(b"", keyring=KEYRING).header.frame_length == 4_096


# spec: client-apis/encrypt.md#frame-length b976
# spec: data-format/message-body.md#framed-data ec2e
@pytest.mark.parametrize("value", [0, -1, 2**32, 4096.0, "4096", True, None, b"\x10"], ids=repr)
def test_any_other_frame_length_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"frame_length must be .* from 1 to 4294967295"):
        CLIENT.encrypt(b"", keyring=KEYRING, frame_length=value)


@pytest.mark.parametrize("operation", ["encrypt", "encrypt_stream"])
def test_a_frame_length_that_not_every_client_reads_is_warned_of_once(
    operation: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Java and Python take it for a signed number."""
    monkeypatch.setattr("warmkey.client_apis.encrypt._has_warned", False)
    for frame_length in (2**31 - 1, 2**31, 2**32 - 1, 2**31):
        made = getattr(Client(), operation)(b"short", keyring=KEYRING, frame_length=frame_length)
        message = made.ciphertext if operation == "encrypt" else made.read()

        assert Client().decrypt(message, keyring=KEYRING).plaintext == b"short"
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]

    assert len(warnings) == 1
    assert warnings[0].startswith("frame_length is 2147483648: the AWS Encryption SDKs for Java and Python can't read")


def test_a_new_process_warns_of_it(caplog: pytest.LogCaptureFixture) -> None:
    spec = importlib.util.find_spec("warmkey.client_apis.encrypt")
    assert spec is not None
    assert spec.loader is not None
    loaded_anew = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded_anew)

    assert [loaded_anew.frame_length_for(0, 2**31) for _ in range(2)] == [2**31] * 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]


# spec: data-format/message-body.md#framed-data 9c3e
def test_a_plaintext_of_more_frames_than_the_format_has_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    """2^32 frames of one byte, in a file that takes no space."""
    cmm = TamperingCMM()
    with (tmp_path / "sparse").open("w+b") as file:
        file.truncate(2**32)
        with (
            mmap.mmap(file.fileno(), 2**32, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as plaintext,
            pytest.raises(InvalidRequest, match="more than 4294967295 frames of 1 byte"),
        ):
            CLIENT.encrypt(plaintext, cmm=cmm, frame_length=1)

    assert cmm.requests == []


# spec: client-apis/encrypt.md#encryption-context 5df9
@pytest.mark.parametrize("key", ["aws-crypto-public-key", "aws-crypto-", "aws-crypto-anything"])
def test_reserved_keys_are_refused_before_the_cmm_is_asked(key: str) -> None:
    cmm = TamperingCMM()
    with pytest.raises(InvalidRequest, match=f"'{key}' is reserved; no key may start with aws-crypto-"):
        CLIENT.encrypt(b"", cmm=cmm, encryption_context={"tenant": "a", key: "v"})

    assert cmm.requests == []


@pytest.mark.parametrize("key", ["aws-crypto", "AWS-CRYPTO-public-key", " aws-crypto-", "aws:x"])
def test_keys_that_only_look_reserved_are_fine(key: str) -> None:
    message = CLIENT.encrypt(b"", keyring=KEYRING, encryption_context={key: "v"}).ciphertext

    assert decrypt(message).encryption_context[key] == "v"


@pytest.mark.parametrize("context", ["text", [("a", "b")], {"k": 1}, {"k": "\ud800"}], ids=repr)
def test_what_is_no_encryption_context_is_refused(context: Any) -> None:
    with pytest.raises(InvalidRequest, match="encryption context"):
        CLIENT.encrypt(b"", keyring=KEYRING, encryption_context=context)


def test_a_context_too_long_for_the_header_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="65535 are allowed"):
        CLIENT.encrypt(b"", keyring=KEYRING, encryption_context={"a": "v" * 40_000, "b": "v" * 40_000})


# spec: client-apis/client.md#commitment-policy 8cf8
# spec: client-apis/encrypt.md#get-the-encryption-materials cd7c
@EVERY_SUITE
@pytest.mark.parametrize("policy", CommitmentPolicy, ids=lambda policy: policy.name)
def test_the_policy_decides_which_suites_encrypt(suite: AlgorithmSuite, policy: CommitmentPolicy) -> None:
    client, cmm = Client(commitment_policy=policy), TamperingCMM()
    if suite.commits is not policy.name.startswith("FORBID"):
        assert client.encrypt(b"", cmm=cmm, algorithm_suite=suite).algorithm_suite is suite
    else:
        with pytest.raises(PolicyRefused, match=policy.name):
            client.encrypt(b"", cmm=cmm, algorithm_suite=suite)
        assert cmm.requests == []


# --- the request


# spec: client-apis/encrypt.md#get-the-encryption-materials 08fc 52de d8b1 0f8c
# spec: client-apis/encrypt.md#input 0f18
def test_the_cmm_is_asked_with_all_that_is_known() -> None:
    cmm = TamperingCMM()
    CLIENT.encrypt(b"12345", cmm=cmm, encryption_context={"tenant": "a"}, algorithm_suite=COMMITS)
    CLIENT.encrypt(b"", cmm=cmm)

    assert cmm.requests == [
        EncryptionMaterialsRequest(
            encryption_context={"tenant": "a"},
            commitment_policy=CLIENT.commitment_policy,
            algorithm_suite=COMMITS,
            max_plaintext_length=5,
        ),
        EncryptionMaterialsRequest(
            encryption_context={}, commitment_policy=CLIENT.commitment_policy, max_plaintext_length=0
        ),
    ]


def test_the_length_of_a_view_is_counted_in_bytes() -> None:
    cmm = TamperingCMM()
    CLIENT.encrypt(memoryview(b"abcdefgh").cast("Q"), cmm=cmm)

    assert cmm.requests[0].max_plaintext_length == 8


def test_the_callers_context_is_copied_at_entry() -> None:
    """Changing it while the CMM works changes neither the message nor the result."""
    context = {"tenant": "before"}

    def change(materials: EncryptionMaterials) -> EncryptionMaterials:
        context["tenant"] = "after"
        return materials

    result = CLIENT.encrypt(b"", cmm=TamperingCMM(change), encryption_context=context)

    assert result.encryption_context["tenant"] == "before"
    assert decrypt(result.ciphertext).encryption_context["tenant"] == "before"


# --- the answer


# spec: client-apis/encrypt.md#get-the-encryption-materials afe5
def test_a_suite_that_the_policy_forbids_is_refused_when_the_cmm_chose_it() -> None:
    """A cache shared with a client of another policy may answer so (CVE-2026-6550)."""
    materials = DefaultCMM(KEYRING).get_encryption_materials(
        EncryptionMaterialsRequest(
            encryption_context={}, commitment_policy=CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT
        )
    )
    with pytest.raises(PolicyRefused, match="REQUIRE_ENCRYPT_REQUIRE_DECRYPT"):
        CLIENT.encrypt(b"", cmm=TamperingCMM(lambda _: materials))


# spec: client-apis/client.md#maximum-number-of-encrypted-data-keys 4705
# spec: client-apis/encrypt.md#get-the-encryption-materials 9280
def test_more_encrypted_data_keys_than_allowed_are_refused() -> None:
    others = [RawAesKeyring("other", str(number), bytes(32)) for number in range(2)]
    keyring = MultiKeyring(KEYRING, others)

    assert len(Client(max_encrypted_data_keys=3).encrypt(b"", keyring=keyring).header.encrypted_data_keys) == 3
    with pytest.raises(PolicyRefused, match="3 encrypted data keys; max_encrypted_data_keys allows 2"):
        Client(max_encrypted_data_keys=2).encrypt(b"", keyring=keyring)


# spec: client-apis/encrypt.md#get-the-encryption-materials 883f
# spec: client-apis/encrypt.md#behavior 471a
@pytest.mark.parametrize(
    "tamper",
    [
        lambda materials: replace(materials, plaintext_data_key=None),
        lambda materials: replace(materials, plaintext_data_key=b""),
        lambda materials: replace(materials, plaintext_data_key=bytes(31)),
        lambda materials: replace(materials, plaintext_data_key=bytes(33)),
        lambda materials: replace(materials, encrypted_data_keys=()),
        lambda materials: replace(materials, signing_key=None),
        lambda materials: replace(materials, encryption_context={}),
        lambda materials: replace(materials, encryption_context={**materials.encryption_context, "tenant": "b"}),
        lambda materials: replace(materials, required_encryption_context_keys={"not there"}),
    ],
    ids=[
        "no key",
        "empty key",
        "short key",
        "long key",
        "no edk",
        "no signing key",
        "no context",
        "changed",
        "lacking",
    ],
)
def test_materials_that_do_not_fit_the_request_are_the_cmms_fault(tamper: Any) -> None:
    with pytest.raises(ConfigurationError):
        CLIENT.encrypt(b"", cmm=TamperingCMM(tamper), encryption_context={"tenant": "a"})


def test_an_attribute_error_of_a_cmms_own_is_raised_as_it_is() -> None:
    """It is not the CMM that lacks a method."""

    def fail(_: EncryptionMaterials) -> EncryptionMaterials:
        raise AttributeError("of its own")

    with pytest.raises(AttributeError, match=r"^of its own$"):
        CLIENT.encrypt(b"", cmm=TamperingCMM(fail))


def test_an_unsigned_suite_comes_without_a_signing_key() -> None:
    signing_key = EcdsaSigningKey(AlgorithmSuite(0x0578).signature)  # type: ignore[arg-type]
    cmm = TamperingCMM(lambda materials: replace(materials, signing_key=signing_key))

    with pytest.raises(ConfigurationError, match="signing key"):
        CLIENT.encrypt(b"", cmm=cmm, algorithm_suite=COMMITS)


def test_a_cmm_may_add_to_the_context() -> None:
    cmm = TamperingCMM(lambda m: replace(m, encryption_context={**m.encryption_context, "added": "too"}))
    result = CLIENT.encrypt(b"", cmm=cmm, encryption_context={"tenant": "a"}, algorithm_suite=COMMITS)

    assert result.encryption_context == {"tenant": "a", "added": "too"}
    assert result.header.encryption_context == {"tenant": "a", "added": "too"}


# spec: client-apis/encrypt.md#construct-the-header 5de4 2a95 1637
@pytest.mark.parametrize("suite", [COMMITS, AlgorithmSuite(0x0578)], ids=lambda suite: suite.name)
def test_required_keys_are_authenticated_and_not_stored(suite: AlgorithmSuite) -> None:
    cmm = RequiringCMM({"tenant", "purpose"})
    context = {"tenant": "a", "purpose": "test", "stored": "yes"}
    result = CLIENT.encrypt(b"text", cmm=cmm, encryption_context=context, algorithm_suite=suite)
    supplied = {"tenant": "a", "purpose": "test"}

    assert context.items() <= result.encryption_context.items()
    assert {"tenant", "purpose"}.isdisjoint(result.header.encryption_context)
    assert b"purpose" not in result.ciphertext
    opened = CLIENT.decrypt(result.ciphertext, cmm=cmm, encryption_context=supplied)
    assert opened.plaintext == b"text"
    assert context.items() <= opened.encryption_context.items()


# spec: client-apis/encrypt.md#construct-the-header 2a95 1637
@pytest.mark.parametrize("supplied", [{}, {"tenant": "a"}, {"tenant": "a", "purpose": "b"}, {"tenant": "b"}], ids=repr)
def test_without_all_of_the_required_pairs_a_message_stays_closed(supplied: dict[str, str]) -> None:
    cmm = RequiringCMM({"tenant", "purpose"}, wraps_with_context=False)
    context = {"tenant": "a", "purpose": "test", "stored": "yes"}
    message = CLIENT.encrypt(b"", cmm=cmm, encryption_context=context).ciphertext

    with pytest.raises(AuthenticationFailed, match="header"):
        CLIENT.decrypt(message, cmm=cmm, encryption_context=supplied)


class RequiringCMM:
    """Makes some keys required on encrypt; decrypts as the default CMM does."""

    def __init__(self, required: set[str], *, wraps_with_context: bool = True) -> None:
        self._required = frozenset(required)
        self._cmm = DefaultCMM(KEYRING if wraps_with_context else ContextBlindKeyring())

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        return self._cmm.get_encryption_materials(replace(request, required_encryption_context_keys=self._required))

    def decrypt_materials(self, request: Any, /) -> Any:
        return self._cmm.decrypt_materials(request)


class ContextBlindKeyring:
    """Wraps without binding to the context, so that only the header's tag does."""

    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        wrapped = KEYRING.on_encrypt(replace(materials, encryption_context={}, required_encryption_context_keys=()))
        return replace(
            materials,
            plaintext_data_key=wrapped.plaintext_data_key,
            encrypted_data_keys=wrapped.encrypted_data_keys,
        )

    def on_decrypt(self, materials: Any, encrypted_data_keys: Any, /) -> Any:
        bare = replace(materials, encryption_context={}, required_encryption_context_keys=())
        return replace(materials, plaintext_data_key=KEYRING.on_decrypt(bare, encrypted_data_keys).plaintext_data_key)


# --- the message


# spec: client-apis/encrypt.md#output 7433
# spec: client-apis/encrypt.md#overview 1db7
# spec: client-apis/encrypt.md#behavior 7110
# spec: client-apis/encrypt.md#get-the-encryption-materials 1d14
@EVERY_SUITE
@pytest.mark.parametrize("length", [0, 1, 9, 10, 11, 25])
def test_what_is_encrypted_decrypts_to_the_same(suite: AlgorithmSuite, length: int) -> None:
    plaintext, context = os.urandom(length), {"tenant": "ключ 🔑"}
    result = client_for(suite.value).encrypt(
        plaintext, keyring=KEYRING, encryption_context=context, algorithm_suite=suite, frame_length=10
    )
    opened = decrypt(result.ciphertext, encryption_context=context)

    assert opened.plaintext == plaintext
    assert opened.encryption_context == result.encryption_context
    assert context.items() <= result.encryption_context.items()
    assert ("aws-crypto-public-key" in result.encryption_context) is (suite.signature is not None)
    assert opened.algorithm_suite is result.algorithm_suite is suite


# spec: client-apis/encrypt.md#construct-the-signature f8cd 598c f2f9 0b73 d4b8
# spec: data-format/message-footer.md#overview ac6e
# spec: data-format/message-footer.md#signature 2978
# spec: data-format/message.md#structure 47ca
# spec: client-apis/encrypt.md#construct-the-signature 3e39
@pytest.mark.parametrize("suite", [suite for suite in AlgorithmSuite if suite.signature], ids=lambda suite: suite.name)
def test_the_footer_is_the_signature_over_header_and_body(suite: AlgorithmSuite) -> None:
    made = client_for(suite.value).encrypt(b"text", keyring=KEYRING, algorithm_suite=suite)
    # One final frame: mark, sequence number, IV, length, content and tag.
    end = made.header.length + 4 + 4 + 12 + 4 + len(b"text") + 16
    signed, footer = made.ciphertext[:end], made.ciphertext[end:]
    known = SUITES[suite.value]
    point = base64.b64decode(made.encryption_context["aws-crypto-public-key"])
    public_key = ec.EllipticCurvePublicKey.from_encoded_point(known.curve, point)  # type: ignore[arg-type]

    public_key.verify(footer[2:], signed, ec.ECDSA(known.digest))  # type: ignore[arg-type]
    assert int.from_bytes(footer[:2], "big") == len(footer) - 2


# spec: client-apis/encrypt.md#construct-the-header 5645
# spec: data-format/message-header.md#message-id b614
@pytest.mark.parametrize("suite_id", SUITES, ids=hex)
def test_message_ids_are_fresh_and_as_long_as_the_version_wants(suite_id: int) -> None:
    ids = {
        client_for(suite_id).encrypt(b"", keyring=KEYRING, algorithm_suite=AlgorithmSuite(suite_id)).header.message_id
        for _ in range(5)
    }

    assert len(ids) == 5
    assert {len(message_id) for message_id in ids} == {SUITES[suite_id].message_id_length}


# spec: client-apis/encrypt.md#construct-the-header 5645
# spec: data-format/message-header.md#message-id bf5c
def test_message_ids_and_data_keys_come_from_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever OpenSSL's generator does in a restored snapshot."""
    monkeypatch.setattr(os, "urandom", lambda size: b"\x11" * size)
    one, other = (CLIENT.encrypt(b"text", keyring=KEYRING, algorithm_suite=COMMITS).ciphertext for _ in range(2))

    assert one == other


def test_one_data_keys_messages_share_what_is_the_same_in_their_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is kept for one frame length, the last: callers may use any number of them."""
    asked: list[int] = []

    def serialize(*values: Any, frame_length: int) -> tuple[bytes, bytes]:
        asked.append(frame_length)
        return serialize_header_parts(*values, frame_length=frame_length)

    monkeypatch.setattr("warmkey.client_apis.encrypt.serialize_header_parts", serialize)
    materials = TamperingCMM().get_encryption_materials(
        EncryptionMaterialsRequest(encryption_context={}, commitment_policy=CLIENT.commitment_policy)
    )
    cmm = TamperingCMM(lambda _: materials)
    for frame_length in (10, 10, 10, 20, 20, 10):
        message = CLIENT.encrypt(b"text", cmm=cmm, frame_length=frame_length)

        assert message.header.frame_length == frame_length
        assert decrypt(message.ciphertext).plaintext == b"text"
        assert len(materials.header_parts) == 1
    assert asked == [10, 20, 10]


def test_the_default_suite_is_the_policys() -> None:
    assert COMMITTING.encrypt(b"", keyring=KEYRING).algorithm_suite is AlgorithmSuite(0x0578)
    assert NOT_COMMITTING.encrypt(b"", keyring=KEYRING).algorithm_suite is AlgorithmSuite(0x0378)


def test_the_result_is_the_callers_to_change() -> None:
    cmm = TamperingCMM()
    context = {"tenant": "a"}
    first = CLIENT.encrypt(b"", cmm=cmm, encryption_context=context)
    first.encryption_context["tenant"] = "changed"
    first.encryption_context.clear()

    assert context == {"tenant": "a"}
    assert CLIENT.encrypt(b"", cmm=cmm, encryption_context=context).encryption_context["tenant"] == "a"


def test_repr_of_a_result_shows_neither_message_nor_context() -> None:
    result = CLIENT.encrypt(b"text", keyring=KEYRING, encryption_context={"tenant": "blue-whale"})

    assert "blue-whale" not in repr(result)
    assert repr(result).startswith("EncryptResult(algorithm_suite=")
